"""The best model on the test set, or those of its runs: ROC curves, working points, confusion matrix, accuracy, cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from raysearch.ledger.history import History
from raysearch.ledger.over_folds import common_names
from raysearch.metrics.classification import confusion_matrix
from raysearch.report.blocks import (
    NONE,
    PM,
    Block,
    Heading,
    Mono,
    Picture,
    Table,
    Text,
    number,
    text,
    with_error,
)
from raysearch.report.energy_part import energy_part
from raysearch.report.measured import Measured, fold_results, measured, over_folds
from raysearch.report.predictions import Predictions, TestResult, noun
from raysearch.report.published import (
    FPR_AS_PUBLISHED,
    Published,
    beside_published,
    caveats,
    published_for,
)
from raysearch.report.roc import FPRS, SIGNAL_EFFICIENCIES, ClassResult
from raysearch.report.roc_figures import (
    draw_confusion,
    draw_rejection,
    draw_roc,
    efficiency_band,
    rejection_band,
)
from raysearch.report.states import fact, looks

Folds = Sequence[Sequence[ClassResult]]


def final_evaluation(history: History, result: TestResult) -> list[Block]:
    """Make the test part."""
    blocks: list[Block] = [Heading("Test set")]
    folds = fold_results(result)
    figures = measured(history, result, folds)
    if result.tested is None:
        told = "The test set has not been looked at: the final evaluation comes after the search."
        return [*blocks, text(told), *_cost(history, result, figures), *_published(history, figures, [])]
    n_looks = len(looks(history))
    once = (
        "The test set was looked at once" if n_looks == 1 else f"The test set was looked at {n_looks} times"
    )
    each = f" (the models of its {len(result.tests)} {result.word}s)" if len(result.tests) > 1 else ""
    blocks.append(
        text(
            f"{once}; shown is trial {result.tested.trial}{each}, chosen on validation data, on "
            f"{result.tested.n_test:,} {noun(history.created.data)}."
        )
    )
    if folds:
        blocks += [_uncertainties(history, result), *_classification(history, result, folds, figures)]
    if result.estimates:
        blocks += [_uncertainties(history, result), *energy_part(history, result)]
    blocks += _cost(history, result, figures)
    blocks += _published(history, figures, [each.name for each in folds[0]] if folds else [])
    metrics = {
        name: over_folds([Measured(tested.metrics[name]) for tested in result.tests])
        for name in common_names([tested.metrics for tested in result.tests])
    }
    rows = tuple(
        (name, number(each.value, 5) if each.error is None else str(each)) for name, each in metrics.items()
    )
    return [
        *blocks,
        Heading("Test metrics in the ledger", 3),
        Table(("metric", "value"), rows, _fold_caption(result), numbers=frozenset({1})),
    ]


def _fold_caption(result: TestResult) -> str:
    return (
        f"Mean {PM} sd over the models of {len(result.tests)} {result.word}s."
        if len(result.tests) > 1
        else ""
    )


def _uncertainties(history: History, result: TestResult) -> Text:
    """Say which uncertainty is which."""
    k = len(result.tests)
    if k > 1 and result.word == "repeat":
        return text(
            f"Uncertainties: {k} models, trained on the same data with settings that are the same and seeds that differ, "
            f"were applied to the same test set. Values are their means; {PM} and bands are their sample standard "
            "deviation: the chance of initial weights and of the order of the data (and of mutations, where weights are "
            "evolved), not that of the data. The test set's own statistical error is not in it; it is common to all models "
            "and given where it is named so."
        )
    if k > 1:
        return text(
            f"Uncertainties: {k} models, each trained on another {k - 1} of {k} parts of the data, were applied to the "
            f"same test set. Values are their means; {PM} and bands are their sample standard deviation: how much a model "
            "differs for being trained on other data. The test set's own statistical error is not in it; it is common "
            "to all models and given where it is named binomial."
        )
    return text(
        f"Uncertainties: one model. {PM} and bands are one sigma of this test set's size only; how much another training "
        "would differ is not in them. For that: ",
        Mono(f"raysearch crossval {history.created.study} --folds 10"),
    )


def energy_of(data: Mapping[str, Any]) -> float | None:
    """Centre-of-mass energy in TeV, if the data say it."""
    energy = data.get("sqrt_s_tev")
    return energy if isinstance(energy, int | float) else None


def _classification(
    history: History, result: TestResult, folds: Folds, figures: Mapping[str, Measured]
) -> list[Block]:
    units = noun(history.created.data)
    word = result.word
    blocks: list[Block] = [Heading("ROC curves", 3), *_roc_pictures(history, folds, word)]
    blocks += [working_points(folds, word, figures)]
    blocks += [Heading("Confusion matrix", 3), *_confusion(result.predictions, units, word)]
    if result.accuracy is not None:
        n, mean = len(result.predictions[0].labels), result.accuracy[0]
        binomial = float(np.sqrt(mean * (1 - mean) / n))
        told = f"Accuracy: {with_error(*result.accuracy)} (binomial, one sigma, {n:,} {units})."
        if len(folds) > 1:
            told = (
                f"Accuracy: {Measured(*result.accuracy)} (mean and sd over {len(folds)} models); the test set's own "
                f"error, binomial for {n:,} {units}: {binomial:.2g}."
            )
        blocks.append(text(told))
    return blocks


def _roc_pictures(history: History, folds: Folds, word: str) -> list[Block]:
    energy, columns = energy_of(history.created.data), list(zip(*folds, strict=True))
    aucs = [str(over_folds([Measured(*result.auc) for result in column])) for column in columns]
    names = [column[0].name for column in columns]
    told = ", ".join(f"{name} {area}" for name, area in zip(names, aucs, strict=True))
    notes = [f"AUC {area}" for area in aucs]
    title = "one class against the rest"
    shared = "Background: all other classes, in the test set's proportions."
    if len(folds) > 1:
        bands = f"Lines and bands: mean {PM} sample sd of the models of {len(folds)} {word}s at the same"
        efficiency = f"{bands} FPR."
        rejection = f"{bands} TPR, of the logarithm."
    else:
        efficiency = f"Bands: {PM} one sigma, binomial in the signal. AUC errors: DeLong et al. (1988)."
        rejection = "Bands: one sigma of the logarithm, binomial in the background that is left."
    curves = [efficiency_band(*each) for each in zip(names, notes, columns, strict=True)]
    rejections = [rejection_band(*each) for each in zip(names, notes, columns, strict=True)]
    return [
        Picture(
            "roc",
            f"ROC curve of each class against the rest on the test set. AUC: {told}.",
            f"Signal efficiency over background efficiency on the test set. {shared} {efficiency}",
            draw_roc(curves, title, energy),
        ),
        Picture(
            "rejection",
            "Background rejection over signal efficiency of each class against the rest; the table has the numbers.",
            f"Background rejection, one over background efficiency, over signal efficiency. {shared} {rejection} Curves "
            "end where no background is left.",
            draw_rejection(rejections, title, energy),
        ),
    ]


def working_points(folds: Folds, word: str, figures: Mapping[str, Measured]) -> Table:
    """Make the table of working points; ``figures`` are :func:`raysearch.report.measured.measured` of the folds."""
    several = len(folds) > 1
    heads = [f"1/FPR at TPR {100 * share:g}\N{NO-BREAK SPACE}%" for share in SIGNAL_EFFICIENCIES]
    head = (
        "class",
        "signal",
        "AUC",
        *(f"TPR at FPR {100 * fpr:g}\N{NO-BREAK SPACE}%" for fpr in FPRS),
        *(f"TPR read at FPR {fpr}".replace(" %", "\N{NO-BREAK SPACE}%") for fpr in FPR_AS_PUBLISHED),
        *((cell for name in heads for cell in (name, "its binomial error")) if several else heads),
    )
    rows = tuple(_working_point(column, figures) for column in zip(*folds, strict=True))
    errors = (
        f"{PM}: sample sd over the models of {len(folds)} {word}s; binomial: the test set's own error of the mean rejection, "
        "of about one model's size, for all models share its background"
        if several
        else "Errors: one sigma, DeLong for the AUC, binomial for the rest with the cut taken as given"
    )
    return Table(
        head, rows,
        "Each class against the rest. TPR: signal efficiency; FPR: background efficiency; 1/FPR: background rejection. "
        "TPR at FPR 10 % and 1 % by exact interpolation; those beside are read where arXiv:1908.05318 reads what it calls "
        f"10 % and 1 %, at {FPR_AS_PUBLISHED[0]} and {FPR_AS_PUBLISHED[1]}. 1/FPR at the tightest cut that keeps the signal. "
        f"{errors}; a limit (95 % confidence) where no background is left.",
        numbers=frozenset(range(1, len(head))),
    )  # fmt: skip


def _working_point(column: Sequence[ClassResult], figures: Mapping[str, Measured]) -> tuple[str, ...]:
    """One class's line, from its results of each fold and the figures over them."""
    first = column[0]
    names = ["auc", *(f"tpr{100 * fpr:g}" for fpr in FPRS), *(f"tpr{100 * fpr:g}_grid" for fpr in FPRS)]
    cells = [str(figures[f"{name}_{first.name}"]) for name in names]
    for place, share in enumerate(SIGNAL_EFFICIENCIES):
        rejection = figures[f"rejection{100 * share:g}_{first.name}"]
        cells.append(str(rejection))
        if len(column) > 1:
            errors = [result.rejections[place].error for result in column]
            cells.append(NONE if rejection.is_limit else f"{np.mean(errors):.0f}")
    return (first.name, f"{first.n_signal:,}", *cells)


def _confusion(folds: Sequence[Predictions], units: str, word: str) -> list[Block]:
    each = np.stack([confusion_matrix(predictions.scores, predictions.labels) for predictions in folds])
    classes, shares = folds[0].classes, each.mean(axis=0)
    counts = np.bincount(folds[0].labels, minlength=len(classes))
    if len(folds) == 1:
        cells = [[f"{100 * share:.1f}" for share in line] for line in shares]
    else:
        spread = each.std(axis=0, ddof=1)
        cells = [
            [f"{100 * share:.1f} {PM} {100 * sd:.1f}" for share, sd in zip(*lines, strict=True)]
            for lines in zip(shares, spread, strict=True)
        ]
    rows = tuple((name, f"{n:,}", *line) for name, n, line in zip(classes, counts, cells, strict=True))
    told = ", ".join(f"{name} {100 * shares[i, i]:.1f} %" for i, name in enumerate(classes))
    caption = f"Rows: true class, in percent of its {units} in the test set. Columns: the class with the highest score."
    mean = f" Mean over the models of {len(folds)} {word}s." if len(folds) > 1 else ""
    return [
        Picture("confusion", f"Confusion matrix; rightly recognised: {told}.", caption + mean, draw_confusion(shares, classes)),
        Table(("true \\ predicted", units, *classes), rows,
              "The same in numbers, in percent" + (f", {PM} sd over the models." if mean else "."),
              frozenset(range(1, 2 + len(classes)))),
    ]  # fmt: skip


def latency_text(result: TestResult, cpu: str) -> str:
    """Write what a batch takes, with the device; empty for ledgers that do not say."""
    latencies = [tested.latency for tested in result.tests if tested.latency]
    if not latencies:
        return ""
    first = latencies[0]
    ms = float(np.mean([latency["ms"] for latency in latencies]))
    device = f"{cpu}, {first['threads']} thread(s)" if first["device"] == "cpu" else first["device"]
    return f"{ms:.3g} ms for a batch of {first['batch']:,} on {device}"


def _cost(history: History, result: TestResult, figures: Mapping[str, Measured]) -> list[Block]:
    """What the best model costs, counted from the real one."""
    best = history.best
    if best is None or "parameters" not in figures:
        return []
    rows = [("parameters (trained weights)", str(figures["parameters"]))]
    if "mflop" in figures:
        rows.append(("MFLOP per example", str(figures["mflop"])))
    if latency := latency_text(result, history.sessions[-1][0].cpu):
        rows.append(("inference", latency))
    epochs = [epoch.seconds for run in best.runs for epoch in run.epochs.values()]
    if epochs:
        device, workers = fact(best, "device"), fact(best, "workers") or 1
        rows.append(
            (
                "training",
                f"{np.mean(epochs):.3g} s an epoch, {workers} worker(s) on {device or 'an unknown device'}",
            )
        )
    caption = (
        "Counted from the network as it is. MFLOP: 10^6 operations of one example's inference, a multiplication and an "
        "addition each counted as one, matrix products only. Inference: median of repeats with real, padded examples."
    )
    return [Heading("What the model costs", 3), Table(("", ""), tuple(rows), caption)]


def _published(history: History, figures: Mapping[str, Measured], classes: Sequence[str]) -> list[Block]:
    """Set our figures beside those of the space file's published entries for this space."""
    entries = [entry for entry in published_for(history.created.space_file) if entry.metrics]
    if not entries:
        return []
    return [
        Heading("Beside published figures", 3),
        *caveats(entries),
        beside_published(figures, entries, classes),
        _published_settings(history, entries),
    ]


def _published_settings(history: History, entries: Sequence[Published]) -> Table:
    best = history.best.settings if history.best else {}
    space = history.created.space_file["space"]
    here = {name: value for name, value in space.items() if not isinstance(value, dict)} | best
    names = dict.fromkeys(
        [*history.created.settings, *(name for entry in entries for name in entry.settings)]
    )
    rows = tuple(
        (name, number(here.get(name), 6), *(number(entry.settings.get(name), 6) for entry in entries))
        for name in names
    )
    head = ("setting", "here, best trial", *(f"published: {entry.source}" for entry in entries))
    return Table(head, rows, numbers=frozenset(range(1, len(head))))
