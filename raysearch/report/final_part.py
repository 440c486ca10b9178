"""The best model on the test set: ROC curves, working points, confusion matrix, accuracy."""

from __future__ import annotations

import numpy as np

from raysearch.ledger.history import History
from raysearch.metrics.classification import Rejection, confusion_matrix
from raysearch.report.blocks import PM, Block, Heading, Picture, Table, number, text, with_error
from raysearch.report.predictions import Predictions, TestResult, noun
from raysearch.report.roc import (
    FPRS,
    SIGNAL_EFFICIENCIES,
    ClassResult,
    class_results,
    draw_confusion,
    draw_roc,
)


def final_evaluation(history: History, result: TestResult) -> list[Block]:
    """Make the test part."""
    blocks: list[Block] = [Heading("Test set")]
    if result.tested is None:
        return [
            *blocks,
            text("The test set has not been looked at: the final evaluation comes after the search."),
        ]
    looks = len(history.tests)
    once = "The test set was looked at once" if looks == 1 else f"The test set was looked at {looks} times"
    units = noun(history.created.data)
    blocks.append(
        text(
            f"{once}; shown is trial {result.tested.trial}, chosen on validation data, on {result.tested.n_test:,} {units}."
        )
    )
    if result.predictions is not None:
        blocks += _classification(history, result, result.predictions)
    rows = tuple((name, number(value, 5)) for name, value in result.tested.metrics.items())
    return [
        *blocks,
        Heading("Test metrics in the ledger", 3),
        Table(("metric", "value"), rows, numbers=frozenset({1})),
    ]


def _classification(history: History, result: TestResult, predictions: Predictions) -> list[Block]:
    results = class_results(predictions)
    blocks: list[Block] = [Heading("ROC curves", 3), _roc_picture(history, results), _working_points(results)]
    blocks += [Heading("Confusion matrix", 3), *_confusion(predictions, noun(history.created.data))]
    if result.accuracy is not None:
        n = len(predictions.labels)
        blocks.append(
            text(
                f"Accuracy: {with_error(*result.accuracy)} (binomial, one sigma, {n:,} {noun(history.created.data)})."
            )
        )
    return blocks


def _roc_picture(history: History, results: list[ClassResult]) -> Picture:
    told = ", ".join(f"{result.name} {with_error(*result.auc)}" for result in results)
    energy = history.created.data.get("sqrt_s_tev")
    return Picture(
        "roc",
        f"ROC curve of each class against the rest on the test set. AUC: {told}.",
        "Signal efficiency over background efficiency on the test set; background: all other classes, in the test set's "
        f"proportions. Bands: {PM} one sigma, binomial in the signal. AUC errors: DeLong et al. (1988). They are errors "
        "of this test set only, not of training again.",
        draw_roc(results, energy if isinstance(energy, (int, float)) else None),
    )


def _working_points(results: list[ClassResult]) -> Table:
    head = (
        "class",
        "signal",
        "AUC",
        *(f"TPR at FPR {100 * fpr:g}\N{NO-BREAK SPACE}%" for fpr in FPRS),
        *(f"1/FPR at TPR {100 * efficiency:g}\N{NO-BREAK SPACE}%" for efficiency in SIGNAL_EFFICIENCIES),
    )
    rows = tuple(
        (
            result.name,
            f"{result.n_signal:,}",
            with_error(*result.auc),
            *(with_error(*tpr) for tpr in result.tprs),
            *(rejection_text(rejection) for rejection in result.rejections),
        )
        for result in results
    )
    return Table(
        head, rows,
        "Each class against the rest. TPR: signal efficiency; FPR: background efficiency; 1/FPR: background rejection. "
        "TPR by exact interpolation, 1/FPR at the tightest cut that keeps the signal. Errors: one sigma, DeLong for the "
        "AUC, binomial for the rest with the cut taken as given; a limit (95 % confidence) where no background is left.",
        numbers=frozenset(range(1, len(head))),
    )  # fmt: skip


def rejection_text(rejection: Rejection) -> str:
    """Write a background rejection with its error, or the lower limit where no background is left."""
    if rejection.n_passed:
        return with_error(rejection.value, rejection.error)
    return f"> {rejection.lower_limit:.0f}"


def _confusion(predictions: Predictions, units: str) -> list[Block]:
    shares = confusion_matrix(predictions.scores, predictions.labels)
    counts = np.bincount(predictions.labels, minlength=len(predictions.classes))
    rows = tuple(
        (name, f"{n:,}", *(f"{100 * share:.1f}" for share in line))
        for name, n, line in zip(predictions.classes, counts, shares, strict=True)
    )
    told = ", ".join(f"{name} {100 * shares[i, i]:.1f} %" for i, name in enumerate(predictions.classes))
    caption = f"Rows: true class, in percent of its {units} in the test set. Columns: the class with the highest score."
    return [
        Picture("confusion", f"Confusion matrix; rightly recognised: {told}.", caption, draw_confusion(shares, predictions.classes)),
        Table(("true \\ predicted", units, *predictions.classes), rows, "The same in numbers, in percent.",
              frozenset(range(1, 2 + len(predictions.classes)))),
    ]  # fmt: skip
