"""ROC curves, working points and confusion matrix of one study's scores, as blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from sklearn.metrics import confusion_matrix

from raysearch.metrics.shown import Scores
from raysearch.report.blocks import NONE, PM, Block, Picture, Table
from raysearch.report.measured import Measured, over_runs
from raysearch.report.shown.class_results import FPRS, SIGNAL_EFFICIENCIES, ClassResult
from raysearch.report.shown.described import energy_tev
from raysearch.report.shown.part import About
from raysearch.report.shown.scores_figures import (
    draw_confusion,
    draw_rejection,
    draw_roc,
    efficiency_band,
    rejection_band,
)
from raysearch.report.shown.scores_published import FPR_AS_PUBLISHED

# How an efficiency's error is made up; F. Hsieh and B. W. Turnbull (1996), see ``metrics/working_point``.
COUNTED = "of the events counted and of the cut, which the other side's events set"

Results = Sequence[Sequence[ClassResult]]  # by run, then by class


def roc_pictures(runs: Results, about: About) -> list[Block]:
    """ROC curves of each class, in both habits of the field."""
    energy, columns = energy_tev(about.history.created.data), list(zip(*runs, strict=True))
    aucs = [str(over_runs([Measured(*result.auc) for result in column])) for column in columns]
    names = [column[0].name for column in columns]
    told = ", ".join(f"{name} {area}" for name, area in zip(names, aucs, strict=True))
    notes = [f"AUC {area}" for area in aucs]
    title = "one class against the rest"
    shared = "Background: all other classes, in the test set's proportions."
    if len(runs) > 1:
        bands = f"Lines and bands: mean {PM} sample sd of the models of {len(runs)} {about.word}s at the same"
        efficiency = f"{bands} FPR."
        rejection = f"{bands} TPR, of the logarithm."
    else:
        efficiency = f"Bands: {PM} one sigma, {COUNTED}. AUC errors: DeLong et al. (1988)."
        rejection = f"Bands: one sigma of the logarithm, {COUNTED}."
    curves = [efficiency_band(*each) for each in zip(names, notes, columns, strict=True)]
    rejections = [rejection_band(*each) for each in zip(names, notes, columns, strict=True)]
    return [
        Picture(
            about.named("roc"),
            f"ROC curve of each class against the rest on the test set. AUC: {told}.",
            f"Signal efficiency over background efficiency on the test set. {shared} {efficiency}",
            draw_roc(curves, title, energy),
        ),
        Picture(
            about.named("rejection"),
            "Background rejection over signal efficiency of each class against the rest; the table has the "
            "numbers.",
            f"Background rejection, one over background efficiency, over signal efficiency. {shared} "
            f"{rejection} Curves end where no background is left.",
            draw_rejection(rejections, title, energy),
        ),
    ]


def working_points(runs: Results, about: About, figures: Mapping[str, Measured]) -> Table:
    """Make the table of working points; ``figures`` are the part's."""
    several = len(runs) > 1
    heads = [f"1/FPR at TPR {100 * share:g}\N{NO-BREAK SPACE}%" for share in SIGNAL_EFFICIENCIES]
    head = (
        "class",
        "signal",
        "AUC",
        *(f"TPR at FPR {100 * fpr:g}\N{NO-BREAK SPACE}%" for fpr in FPRS),
        *(f"TPR read at FPR {fpr}".replace(" %", "\N{NO-BREAK SPACE}%") for fpr in FPR_AS_PUBLISHED),
        *((cell for name in heads for cell in (name, "its test error")) if several else heads),
    )
    rows = tuple(_working_point(column, about, figures) for column in zip(*runs, strict=True))
    errors = (
        f"{PM}: sample sd over the models of {len(runs)} {about.word}s; test error: the test set's own "
        f"of the mean rejection ({COUNTED}), of about one model's size, for all models share its events"
        if several
        else f"Errors: one sigma, DeLong for the AUC, the rest {COUNTED}"
    )
    caption = (
        "Each class against the rest. TPR: signal efficiency; FPR: background efficiency; 1/FPR: background "
        "rejection. TPR at FPR 10 % and 1 % by exact interpolation; those beside are read where "
        f"arXiv:1908.05318 reads what it calls 10 % and 1 %, at {FPR_AS_PUBLISHED[0]} and "
        f"{FPR_AS_PUBLISHED[1]}. 1/FPR at the tightest cut that keeps the signal. {errors}; a limit (95 % "
        "confidence) where no background is left."
    )
    return Table(head, rows, caption, numbers=frozenset(range(1, len(head))))


def _working_point(
    column: Sequence[ClassResult], about: About, figures: Mapping[str, Measured]
) -> tuple[str, ...]:
    """One class's line, from its results of each run and the figures over them."""
    first = column[0]
    names = ["auc", *(f"tpr{100 * fpr:g}" for fpr in FPRS), *(f"tpr{100 * fpr:g}_grid" for fpr in FPRS)]
    cells = [str(figures[about.named(f"{name}_{first.name}")]) for name in names]
    for place, share in enumerate(SIGNAL_EFFICIENCIES):
        rejection = figures[about.named(f"rejection{100 * share:g}_{first.name}")]
        cells.append(str(rejection))
        if len(column) > 1:
            errors = [result.rejections[place].error for result in column]
            cells.append(NONE if rejection.is_limit else f"{np.mean(errors):.0f}")
    return (first.name, f"{first.n_signal:,}", *cells)


def confusion(runs: Sequence[Scores], about: About) -> list[Block]:
    """The confusion matrix, as a figure and in numbers."""
    each = np.stack([_shares(shown) for shown in runs])
    classes, shares = runs[0].classes, each.mean(axis=0)
    counts = np.bincount(runs[0].labels, minlength=len(classes))
    if len(runs) == 1:
        cells = [[f"{100 * share:.1f}" for share in line] for line in shares]
    else:
        spread = each.std(axis=0, ddof=1)
        cells = [
            [f"{100 * share:.1f} {PM} {100 * sd:.1f}" for share, sd in zip(*lines, strict=True)]
            for lines in zip(shares, spread, strict=True)
        ]
    rows = tuple((name, f"{n:,}", *line) for name, n, line in zip(classes, counts, cells, strict=True))
    told = ", ".join(f"{name} {100 * shares[i, i]:.1f} %" for i, name in enumerate(classes))
    mean = f" Mean over the models of {len(runs)} {about.word}s." if len(runs) > 1 else ""
    caption = (
        f"Rows: true class, in percent of its {about.units} in the test set. Columns: the class with the "
        f"highest score.{mean}"
    )
    in_numbers = "The same in numbers, in percent" + (f", {PM} sd over the models." if mean else ".")
    head = ("true \\ predicted", about.units, *classes)
    return [
        Picture(
            about.named("confusion"),
            f"Confusion matrix; rightly recognised: {told}.",
            caption,
            draw_confusion(shares, classes),
        ),
        Table(head, rows, in_numbers, frozenset(range(1, len(head)))),
    ]


def _shares(shown: Scores) -> np.ndarray:
    """Which share of each true class (row) is taken for which class (column)."""
    predicted = shown.scores.argmax(axis=1)
    return confusion_matrix(shown.labels, predicted, labels=range(len(shown.classes)), normalize="true")
