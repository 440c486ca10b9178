"""The final evaluation as the report sees it: test records of the ledger, and the values in their files.

Values are told apart by their types, each of which has its part in ``raysearch/report/shown``; the task's
code is not needed. A task that shows nothing has metrics alone.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from raysearch.errors import InputError
from raysearch.ledger.history import History
from raysearch.ledger.run_records import Tested
from raysearch.metrics.shown import Shown, unpack
from raysearch.report.blocks import Text, listing, number, warning
from raysearch.report.measured import Measured, in_ledger
from raysearch.report.shown import PARTS
from raysearch.report.shown.described import units
from raysearch.report.shown.part import About, Part, Title
from raysearch.report.states import test_evaluations

AGREE = 1e-3  # relative
P = TypeVar("P", bound=Part[Any])
Runs = Sequence[tuple[Shown, ...]]  # what the model of each run shows


@dataclass(frozen=True)
class TestResult:
    """What is known from the test set, and what to warn of.

    Attributes:
        tests: records of the trial the report shows, one for each of its runs, in their order.
        parts: what its models show; empty where a file is missing or not as recorded, or the task shows
            nothing.
        warnings: for the reader.
        figures: all figures by name, those of the best trial's validation among them.
        word: what tells the runs apart, see :attr:`raysearch.ledger.study_records.Created.run_word`.
    """

    __test__ = False  # not a test, whatever pytest makes of the name

    tests: tuple[Tested, ...] = ()
    parts: tuple[Part[Any], ...] = ()
    warnings: tuple[Text, ...] = ()
    figures: Mapping[str, Measured] = field(default_factory=dict)
    word: str = "fold"

    @property
    def tested(self) -> Tested | None:
        """The first of the records, None before the final evaluation."""
        return self.tests[0] if self.tests else None

    @property
    def titles(self) -> dict[str, Title]:
        """How to write the names of the parts' figures."""
        return {name: title for part in self.parts for name, title in part.titles().items()}

    def of(self, kind: type[P]) -> list[P]:
        """The parts of one kind."""
        return [part for part in self.parts if isinstance(part, kind)]


def read_result(folder: Path, history: History) -> TestResult:
    """Take the records of the last evaluation on the test set and read what its models show."""
    evaluations = test_evaluations(history)
    of_files = [warning(f"Data: {each}.") for each in history.created.data.get("warnings", ())]
    if not evaluations:
        return TestResult(
            warnings=tuple(of_files), figures=in_ledger(history, ()), word=history.created.run_word
        )
    tests = tuple(sorted(evaluations[-1], key=lambda tested: tested.fold))
    of_data, word = units(history.created.data), history.created.run_word
    is_of_best = history.best is not None and tests[0].trial == history.best.number
    warnings = of_files + ([] if is_of_best else [_of_another(history, tests[0])])
    warnings += _used_again(evaluations, of_data)
    if len(tests) < history.created.folds:
        warnings.append(warning(f"Only {len(tests)} of {history.created.folds} {word}s' models were tested."))
    runs, problem = _read_all(folder, tests)
    parts, told = _evaluated(runs, About(history, tests, of_data))
    warnings += [warning(each) for each in (problem, *told) if each]
    warnings += _alike(runs, parts, word)
    figures = in_ledger(history, tests)
    warnings += [warning(each) for part in parts for each in _apart(part.figures(), figures)]
    for part in parts:
        figures |= part.figures()
    return TestResult(tests, tuple(parts), tuple(warnings), figures, word)


def _evaluated(runs: Runs, about: About) -> tuple[list[Part[Any]], list[str]]:
    """Make a part of the values of each type, or of each value; and say which cannot be evaluated."""
    parts, problems = list[Part[Any]](), list[str]()
    for kind, part in PARTS.items():
        of_kind = [[value for value in shown if isinstance(value, kind)] for shown in runs]
        each = (
            [of_kind]
            if part.TOGETHER
            else [[[value] for value in column] for column in zip(*of_kind, strict=True)]
        )
        for place, values in enumerate(each):
            if not values or not values[0]:
                continue
            try:
                parts.append(
                    part.evaluate(
                        values, About(about.history, about.tests, about.units, place, several=len(each) > 1)
                    )
                )
            except InputError as error:  # such as a test set too small to have all classes
                told = "; ".join(error.problems)
                file = about.tests[0].predictions
                problems.append(f"{file} cannot be evaluated ({told}): no curves, no uncertainties.")
    return parts, problems


def _alike(runs: Runs, parts: Sequence[Part[Any]], word: str) -> list[Text]:
    """Warn of runs that predict the same, as those of JEDI-net's curves do: their spread says nothing."""
    if not parts:
        return []
    groups: dict[bytes, list[int]] = {}
    for run, shown in enumerate(runs):
        said = b"".join(PARTS[type(value)].answer(value).tobytes() for value in shown)
        groups.setdefault(hashlib.sha256(said).digest(), []).append(run)
    if len(groups) == 1 and len(runs) > 1:
        what = "that is no cross-validation, and" if word == "fold" else "their seeds changed nothing, and"
        told = f"All {len(runs)} {word}s predict the same: {what} their spread of zero is no uncertainty."
        return [warning(told)]
    same = [listing(list(map(str, run))) for run in groups.values() if len(run) > 1]
    return [
        warning(f"{word.capitalize()}s {run} predict the same; the spread over {word}s is too small.")
        for run in same
    ]


def _apart(shown: Mapping[str, Measured], in_ledger: Mapping[str, Measured]) -> Iterator[str]:
    """Tell figures of what a task shows that its own metrics of the same name do not agree with."""
    for name, here in shown.items():
        there = in_ledger.get(f"test_{name}")
        if there is None or here.is_limit or math.isclose(here.value, there.value, rel_tol=AGREE):
            continue
        yield (
            f"{name} is {number(here.value)} from what the task shows, but test_{name} = "
            f"{number(there.value)} from its metrics: they are of other outputs, or of another definition."
        )


def _of_another(history: History, tested: Tested) -> Text:
    now = f"trial {history.best.number} is better now" if history.best else "there is no best trial now"
    return warning(
        f"The test figures are those of trial {tested.trial}; {now} and has not been applied to the test set."
    )


def _used_again(evaluations: Sequence[Sequence[Tested]], of_data: str) -> list[Text]:
    """Say it when the test set was used more than once: later figures may be chosen, not only measured."""
    if len(evaluations) < 2:
        return []
    trials = listing([str(tests[0].trial) for tests in evaluations])
    return [
        warning(
            f"The test set was looked at {len(evaluations)} times (trials {trials}). If any decision was "
            f"taken after a look, later test figures are too good; for a final figure use {of_data} that no "
            "one has looked at."
        )
    ]


def _read_all(folder: Path, tests: Sequence[Tested]) -> tuple[Runs, str]:
    """Read what the models of all runs show, or say why it cannot be used."""
    found: list[tuple[Shown, ...]] = []
    for tested in tests:
        if not tested.predictions:
            return (), ""
        shown, problem = _read(folder, tested)
        if problem:
            return (), problem
        if found and not _is_one_test_set(found[0], shown):
            told = f"{tested.predictions} is of another test set than {tests[0].predictions}: not combined."
            return (), told
        found.append(shown)
    return found, ""


def _is_one_test_set(one: Sequence[Shown], other: Sequence[Shown]) -> bool:
    """Whether two models show the same values, of the same rows where runs are combined.

    Examples are those of one run and combined with nothing: they may be of what that run was trained on.
    """
    return [type(value) for value in one] == [type(value) for value in other] and all(
        np.array_equal(PARTS[type(a)].truth(a), PARTS[type(b)].truth(b))
        for a, b in zip(one, other, strict=True)
        if PARTS[type(a)].COMBINED
    )


def _read(folder: Path, tested: Tested) -> tuple[tuple[Shown, ...], str]:
    """Read what one model shows, or say why it cannot be used."""
    try:
        content = (folder / tested.predictions).read_bytes()
    except OSError as error:
        told = (
            f"{tested.predictions} cannot be read ({error.strerror}): no curves and no uncertainties of the "
            "test."
        )
        return (), told
    if hashlib.sha256(content).hexdigest() != tested.predictions_sha256:
        told = (
            f"{tested.predictions} is not the file that the ledger names (SHA-256 differs), so it is not "
            "used."
        )
        return (), told
    try:
        return unpack(content), ""
    except InputError as error:
        return (), f"{tested.predictions} does not hold what it should ({error})."
