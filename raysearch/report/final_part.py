"""The test part of a study's report: uncertainties, what the models show, cost, published figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from raysearch.ledger.history import History
from raysearch.ledger.over_folds import common_names
from raysearch.ledger.study_records import TEST_FAILED
from raysearch.report.blocks import PM, Block, Heading, Mono, Table, Text, number, text
from raysearch.report.measured import Measured, over_runs
from raysearch.report.published import Published, beside_published, general_caveat, published_for
from raysearch.report.shown import PARTS
from raysearch.report.shown.described import units
from raysearch.report.shown.part import Title
from raysearch.report.states import fact, test_evaluations
from raysearch.report.test_result import TestResult

HOW_COUNTED = (
    "MFLOP: 10^6 operations of one example's inference, a multiplication and an addition each counted as "
    "one: of matrix products and convolutions, and what a network tells beside, such as distances of all "
    "pairs; of an example without padding. Inference: median of repeats with real examples."
)


def final_evaluation(history: History, result: TestResult) -> list[Block]:
    """Make the test part."""
    blocks: list[Block] = [Heading("Test set")]
    if result.tested is None:
        told = "The test set has not been looked at: the final evaluation comes after the search."
        if history.closed is not None and history.closed.reason == TEST_FAILED:
            told = "The best model could not be applied to the test set; the command line has said why."
        return [*blocks, text(told), *_cost(history, result), *_published(history, result)]
    blocks.append(_standing(history, result))
    if result.parts:
        blocks.append(_uncertainties(history, result))
    for part in result.parts:
        blocks += part.blocks()
    blocks += [*_cost(history, result), *_published(history, result)]
    metrics = {
        name: over_runs([Measured(tested.metrics[name]) for tested in result.tests])
        for name in common_names([tested.metrics for tested in result.tests])
    }
    rows = tuple(
        (name, number(each.value, 5) if each.error is None else str(each)) for name, each in metrics.items()
    )
    k = len(result.tests)
    caption = f"Mean {PM} sd over the models of {k} {result.word}s." if k > 1 else ""
    table = Table(("metric", "value"), rows, caption, numbers=frozenset({1}))
    return [*blocks, Heading("Test metrics in the ledger", 3), table]


def _standing(history: History, result: TestResult) -> Text:
    """Say how often the test set was used, and what is shown."""
    n, first = len(test_evaluations(history)), result.tests[0]
    once = "The test set was looked at once" if n == 1 else f"The test set was looked at {n} times"
    each = f" (the models of its {len(result.tests)} {result.word}s)" if len(result.tests) > 1 else ""
    return text(
        f"{once}; shown is trial {first.trial}{each}, chosen on validation data, on "
        f"{first.n_test:,} {units(history.created.data)}."
    )


def _uncertainties(history: History, result: TestResult) -> Text:
    """Say which uncertainty is which."""
    k = len(result.tests)
    if k > 1 and result.word == "repeat":
        return text(
            f"Uncertainties: {k} models, trained on the same data with settings that are the same and seeds "
            f"that differ, were applied to the same test set. Values are their means; {PM} and bands are "
            "their sample standard deviation: the chance of initial weights and of the order of the data "
            "(and of mutations, where weights are evolved), not that of the data. The test set's own "
            "statistical error is not in it; it is common to all models and given where it is named so."
        )
    if k > 1:
        return text(
            f"Uncertainties: {k} models, each trained on another {k - 1} of {k} parts of the data, were "
            f"applied to the same test set. Values are their means; {PM} and bands are their sample standard "
            "deviation: how much a model differs for being trained on other data. The test set's own "
            "statistical error is not in it; it is common to all models and given where it is named so."
        )
    return text(
        f"Uncertainties: one model. {PM} and bands are one sigma of this test set's size only; how much "
        "another training would differ is not in them. For that: ",
        Mono(f"raysearch crossval {history.name} --folds 10"),
    )


def latency_text(result: TestResult, cpu: str) -> str:
    """Write what a batch takes, with the device; empty for ledgers that do not say."""
    latencies = [tested.latency for tested in result.tests if tested.latency]
    if not latencies:
        return ""
    first = latencies[0]
    ms = float(np.mean([latency["ms"] for latency in latencies]))
    device = f"{cpu}, {first['threads']} thread(s)" if first["device"] == "cpu" else first["device"]
    return f"{ms:.3g} ms for a batch of {first['batch']:,} on {device}"


def _cost(history: History, result: TestResult) -> list[Block]:
    """What the best model costs, counted from the real one."""
    best, figures = history.best, result.figures
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
        on = f"{workers} worker(s) on {device or 'an unknown device'}"
        rows.append(("training", f"{np.mean(epochs):.3g} s an epoch, {on}"))
    caption = f"Counted from the network as it is. {HOW_COUNTED}"
    return [Heading("What the model costs", 3), Table(("", ""), tuple(rows), caption)]


def caveats(entries: Sequence[Published]) -> list[Text]:
    """Say what a reader must know before comparing with published figures; nothing where there are none."""
    general = general_caveat(entries)
    told = [caveat for part in PARTS.values() for caveat in part.caveats(entries)] if general else []
    return [*general, *map(text, told)]


def _published(history: History, result: TestResult) -> list[Block]:
    """Set our figures beside those of the space file's published entries for this space."""
    entries = [entry for entry in published_for(history.created.space_file) if entry.metrics]
    if not entries:
        return []
    titles: Mapping[str, Title] = result.titles
    return [
        Heading("Beside published figures", 3),
        *caveats(entries),
        beside_published(result.figures, entries, titles),
        # Figures of networks outside the space come without settings.
        *([_published_settings(history, entries)] if any(entry.settings for entry in entries) else []),
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
