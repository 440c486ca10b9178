"""The final evaluation as the report sees it: the ledger's test record and the predictions that it names.

Two kinds are known, told apart by the arrays in their files: a classifier's (``labels``, ``scores``, ``classes``) and an
energy regression's (``outputs``, ``targets``, ``calibrated``). Those of other tasks are kept and not shown.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from raysearch.errors import InputError
from raysearch.ledger.history import History
from raysearch.ledger.records import Tested
from raysearch.metrics.classification import accuracy, one_vs_rest_auc
from raysearch.report.blocks import Text, listing, warning
from raysearch.report.states import looks


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
class Estimates:
    """A regression's answers on the test set, GeV.

    Attributes:
        energy: true energy, above 0, (shower,).
        estimated: by the network, (shower,).
        calibrated: the trivial estimate from the sum of the cells, (shower,).
    """

    energy: np.ndarray
    estimated: np.ndarray
    calibrated: np.ndarray


Known = TypeVar("Known", Predictions, Estimates)


@dataclass(frozen=True)
class TestResult:
    """What is known from the test set, and what to warn of.

    Attributes:
        tests: records of the trial the report shows, one for each of its runs, in their order.
        predictions: of a classifier, one for each of ``tests``; empty where one is missing, not as recorded, or not
            a classifier's.
        warnings: for the reader.
        accuracy: mean, with its sd over the runs, of one model its 68 % binomial error; None without predictions.
        mean_auc: mean of the one-vs-rest AUCs, over runs; NaN without predictions.
        estimates: of an energy regression, one for each of ``tests``; else empty.
        word: what tells the runs apart, see :attr:`raysearch.ledger.records.Created.run_word`.
    """

    __test__ = False  # not a test, whatever pytest makes of the name

    tests: tuple[Tested, ...] = ()
    predictions: tuple[Predictions, ...] = ()
    warnings: tuple[Text, ...] = ()
    accuracy: tuple[float, float] | None = None
    mean_auc: float = float("nan")
    estimates: tuple[Estimates, ...] = ()
    word: str = "fold"

    @property
    def tested(self) -> Tested | None:
        """The first of the records, None before the final evaluation."""
        return self.tests[0] if self.tests else None


def noun(data: Mapping[str, Any]) -> str:
    """What the data consist of: ``units`` if the data say so, jets for the jet classes, else examples."""
    units = data.get("units")
    return units if isinstance(units, str) else "jets" if data.get("classes") else "examples"


def read_result(folder: Path, history: History) -> TestResult:
    """Take the records of the last look at the test set and read their predictions."""
    seen = looks(history)
    if not seen:
        return TestResult()
    tests = tuple(sorted(seen[-1], key=lambda tested: tested.fold))
    is_of_best = history.best is not None and tests[0].trial == history.best.number
    warnings = [] if is_of_best else [_of_another(history, tests[0])]
    warnings += _looked_at(seen, noun(history.created.data))
    word = history.created.run_word
    if len(tests) < history.created.folds:
        warnings.append(warning(f"Only {len(tests)} of {history.created.folds} {word}s' models were tested."))
    if history.created.data.get("classes"):
        return _classifier(folder, TestResult(tests, (), tuple(warnings), word=word))
    return _regression(folder, TestResult(tests, (), tuple(warnings), word=word))


def _regression(folder: Path, known: TestResult) -> TestResult:
    """Add the estimates, if the predictions are those of an energy regression."""
    if not known.tests[0].predictions:
        return known
    estimates, problem = _read_all(folder, known.tests, _unpack_estimates, lambda each: each.energy)
    if problem:
        return replace(known, warnings=(*known.warnings, warning(problem)))
    told = _alike([each.estimated for each in estimates], known.word)
    return replace(known, estimates=estimates, warnings=(*known.warnings, *told))


def _classifier(folder: Path, known: TestResult) -> TestResult:
    """Add predictions, accuracy and AUC."""
    tests, warnings = known.tests, list(known.warnings)
    predictions, problem = _read_all(folder, tests, _unpack, lambda each: each.labels)
    if problem:
        return replace(known, warnings=(*warnings, warning(problem)))
    try:
        correct = [accuracy(each.scores, each.labels) for each in predictions]
        aucs = [float(np.mean(one_vs_rest_auc(each.scores, each.labels))) for each in predictions]
    except InputError as error:  # such as a test set too small to have all classes
        told = f"{tests[0].predictions} cannot be evaluated ({'; '.join(error.problems)}): no curves, no uncertainties."
        return replace(known, warnings=(*warnings, warning(told)))
    mean = float(np.mean(correct))
    spread = float(np.sqrt(mean * (1 - mean) / len(predictions[0].labels)))
    if len(correct) > 1:
        spread = float(np.std(correct, ddof=1))
    warnings += _alike([each.scores for each in predictions], known.word)
    return replace(
        known,
        predictions=predictions,
        warnings=tuple(warnings),
        accuracy=(mean, spread),
        mean_auc=float(np.mean(aucs)),
    )


def _alike(outputs: Sequence[np.ndarray], word: str) -> list[Text]:
    """Warn of runs that predict the same, as those of JEDI-net's released curves do: their spread means nothing."""
    groups: dict[bytes, list[int]] = {}
    for fold, each in enumerate(outputs):
        groups.setdefault(hashlib.sha256(each.tobytes()).digest(), []).append(fold)
    if len(groups) == 1 and len(outputs) > 1:
        what = "that is no cross-validation, and" if word == "fold" else "their seeds changed nothing, and"
        return [
            warning(
                f"All {len(outputs)} {word}s predict the same: {what} their spread of zero is no uncertainty."
            )
        ]
    same = [listing(list(map(str, folds))) for folds in groups.values() if len(folds) > 1]
    return [
        warning(f"{word.capitalize()}s {folds} predict the same; the spread over {word}s is too small.")
        for folds in same
    ]


def _of_another(history: History, tested: Tested) -> Text:
    now = f"trial {history.best.number} is better now" if history.best else "there is no best trial now"
    return warning(
        f"The test figures are those of trial {tested.trial}; {now} and has not been applied to the test set."
    )


def _looked_at(seen: Sequence[Sequence[Tested]], units: str) -> list[Text]:
    """Say it when the test set was used more than once: later figures may be chosen, not only measured."""
    if len(seen) < 2:
        return []
    trials = listing([str(tests[0].trial) for tests in seen])
    return [
        warning(
            f"The test set was looked at {len(seen)} times (trials {trials}). If any decision was taken after "
            f"a look, later test figures are too good; for a final figure use {units} that no one has looked at."
        )
    ]


def _read_all(
    folder: Path,
    tests: Sequence[Tested],
    unpack: Callable[[bytes], Known | None],
    truth: Callable[[Known], np.ndarray],
) -> tuple[tuple[Known, ...], str]:
    """Read the predictions of all runs, or say why they cannot be used; nothing and no reason for another kind."""
    found: list[Known] = []
    for tested in tests:
        predictions, problem = _read_predictions(folder, tested, unpack)
        if predictions is None:
            return (), problem
        if found and not np.array_equal(truth(found[0]), truth(predictions)):
            return (
                (),
                f"{tested.predictions} is of another test set than {tests[0].predictions}: not combined.",
            )
        found.append(predictions)
    return tuple(found), ""


def _read_predictions(
    folder: Path, tested: Tested, unpack: Callable[[bytes], Known | None]
) -> tuple[Known | None, str]:
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
        return unpack(content), ""
    except (KeyError, ValueError, zipfile.BadZipFile) as error:
        return None, f"{tested.predictions} does not hold what it should ({error})."


def _unpack(content: bytes) -> Predictions:
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        labels, scores = np.asarray(arrays["labels"]), np.asarray(arrays["scores"], dtype=np.float64)
        classes = tuple(map(str, arrays["classes"]))
    if scores.shape[1:] != (len(classes),):
        raise ValueError(f"scores of shape {scores.shape} for {len(classes)} classes")
    return Predictions(labels, scores, classes)


_ESTIMATES = ("targets", "outputs", "calibrated")


def _unpack_estimates(content: bytes) -> Estimates | None:
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        if not set(_ESTIMATES) <= set(arrays.files):
            return None
        columns = [np.asarray(arrays[name], dtype=np.float64) for name in _ESTIMATES]
    if len({column.shape for column in columns}) > 1 or columns[0].ndim != 1 or len(columns[0]) < 2:
        shapes = ", ".join(f"{name} {column.shape}" for name, column in zip(_ESTIMATES, columns, strict=True))
        raise ValueError(f"needs two showers or more and one number for each, got {shapes}")
    if not all(np.isfinite(column).all() for column in columns) or columns[0].min() <= 0:
        raise ValueError("energies must be finite, true ones above 0")
    return Estimates(*columns)
