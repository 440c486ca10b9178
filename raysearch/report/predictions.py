"""The final evaluation as the report sees it: the ledger's test record and the predictions that it names."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from raysearch.errors import InputError
from raysearch.ledger.history import History
from raysearch.ledger.records import Tested
from raysearch.metrics.classification import accuracy, one_vs_rest_auc
from raysearch.report.blocks import Text, listing, warning


@dataclass(frozen=True)
class Predictions:
    """A classifier's answers on the test set.

    Attributes:
        labels: true class, int (jet,).
        scores: probabilities, float (jet, class).
        classes: names of the classes.
    """

    labels: np.ndarray
    scores: np.ndarray
    classes: tuple[str, ...]


@dataclass(frozen=True)
class TestResult:
    """What is known from the test set, and what to warn of.

    Attributes:
        tested: the record the report shows, None before the final evaluation.
        predictions: of a classifier, None where missing, not as recorded, or not a classifier's.
        warnings: for the reader.
        accuracy: with its 68 % binomial error; None without predictions.
        mean_auc: mean of the one-vs-rest AUCs; NaN without predictions.
    """

    __test__ = False  # not a test, whatever pytest makes of the name

    tested: Tested | None
    predictions: Predictions | None
    warnings: tuple[Text, ...] = ()
    accuracy: tuple[float, float] | None = None
    mean_auc: float = float("nan")


def noun(data: Mapping[str, Any]) -> str:
    """What the data consist of: ``units`` if the data say so, jets for the jet classes, else examples."""
    units = data.get("units")
    return units if isinstance(units, str) else "jets" if data.get("classes") else "examples"


def read_result(folder: Path, history: History) -> TestResult:
    """Take the last test record and read its predictions."""
    if not history.tests:
        return TestResult(None, None)
    tested = history.tests[-1][0]
    is_of_best = history.best is not None and tested.trial == history.best.number
    warnings = [] if is_of_best else [_of_another(history, tested)]
    warnings += _looked_at(history)
    predictions = None
    if history.created.data.get("classes"):
        predictions, problem = _read_predictions(folder, tested)
        warnings += [warning(problem)] if problem else []
    if predictions is None:
        return TestResult(tested, None, tuple(warnings))
    try:
        correct = accuracy(predictions.scores, predictions.labels)
        auc = float(np.mean(one_vs_rest_auc(predictions.scores, predictions.labels)))
    except InputError as error:  # such as a test set too small to have all classes
        told = f"{tested.predictions} cannot be evaluated ({'; '.join(error.problems)}): no curves, no uncertainties."
        return TestResult(tested, None, (*warnings, warning(told)))
    spread = float(np.sqrt(correct * (1 - correct) / len(predictions.labels)))
    return TestResult(tested, predictions, tuple(warnings), (correct, spread), auc)


def _of_another(history: History, tested: Tested) -> Text:
    now = f"trial {history.best.number} is better now" if history.best else "there is no best trial now"
    return warning(
        f"The test figures are those of trial {tested.trial}; {now} and has not been applied to the test set."
    )


def _looked_at(history: History) -> list[Text]:
    """Say it when the test set was used more than once: later figures may be chosen, not only measured."""
    if len(history.tests) < 2:
        return []
    trials = listing([str(tested.trial) for tested, _ in history.tests])
    return [
        warning(
            f"The test set was looked at {len(history.tests)} times (trials {trials}). If any decision was taken after "
            "a look, later test figures are too good; for a final figure use jets that no one has looked at."
        )
    ]


def _read_predictions(folder: Path, tested: Tested) -> tuple[Predictions | None, str]:
    """Read the predictions, or say why they cannot be used."""
    try:
        content = (folder / tested.predictions).read_bytes()
    except OSError as error:
        return (
            None,
            f"{tested.predictions} cannot be read ({error.strerror}): no curves and no uncertainties of the test.",
        )
    if hashlib.sha256(content).hexdigest() != tested.predictions_sha256:
        return (
            None,
            f"{tested.predictions} is not the file that the ledger names (SHA-256 differs), so it is not used.",
        )
    try:
        return _unpack(content), ""
    except (KeyError, ValueError, zipfile.BadZipFile) as error:
        return None, f"{tested.predictions} does not hold labels, scores and classes ({error})."


def _unpack(content: bytes) -> Predictions:
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        labels, scores = np.asarray(arrays["labels"]), np.asarray(arrays["scores"], dtype=np.float64)
        classes = tuple(map(str, arrays["classes"]))
    if scores.shape[1:] != (len(classes),):
        raise ValueError(f"scores of shape {scores.shape} for {len(classes)} classes")
    return Predictions(labels, scores, classes)
