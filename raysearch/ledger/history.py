"""The state of a study as a fold over its records: live, on resume and in reports the same code.

``History.apply`` is the only place where a record changes what is known.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from raysearch.errors import InputError, NoFinishedTrialError, StorageError
from raysearch.ledger.asking_records import Exhausted, Redrawn
from raysearch.ledger.copied import Copied
from raysearch.ledger.ledger import read_entries
from raysearch.ledger.mending_records import Redone, Retried, WeightsLost
from raysearch.ledger.pareto_front import unbeaten
from raysearch.ledger.place import copied_from, name_in
from raysearch.ledger.record import Record
from raysearch.ledger.records import (
    Allotted,
    Asked,
    Closed,
    Committed,
    Created,
    Ended,
    Entry,
    Epoch,
    Extended,
    Limited,
    Lost,
    Opened,
    Recoded,
    RunState,
    Started,
    Tested,
    Widened,
)
from raysearch.space.run_limits import RunLimits, limits_in

TrialState = Literal["waiting", "running"] | RunState


@dataclass
class RunHistory:
    """What is known of one run (a trial's fold)."""

    trial: int
    fold: int
    attempt: int = 0
    in_flight: bool = False
    epochs: dict[int, Epoch] = field(default_factory=dict)
    ended: Ended | None = None
    lost: int = 0
    started_ms: int | None = None
    ended_ms: int | None = None
    code: dict[str, str] = field(default_factory=dict)  # that its last attempt ran


@dataclass
class TrialHistory:
    """What is known of one trial.

    Attributes:
        committed: how it ended, the last time.
        told: how it ended the first time, which is all that the search and other trials know of it.
        is_open_again: its failed runs are tried again, and it is not committed again yet.
    """

    number: int
    settings: dict[str, Any]
    runs: list[RunHistory]
    n_committed_when_asked: int = 0
    given: bool = False
    parent: int | None = None
    drawn: int = 0
    committed: Committed | None = None
    told: Committed | None = None
    is_open_again: bool = False

    @property
    def was_retried(self) -> bool:
        """Whether others know of it something else than what it came to in the end."""
        return self.told is not self.committed

    @property
    def state(self) -> TrialState:
        """What was committed; before that, what the folds that are over say."""
        # A trial whose folds were pruned is committed before all of them have ended: the record decides.
        if self.committed and not self.is_open_again:
            return self.committed.state
        ended = [run.ended.state for run in self.runs if run.ended]
        if len(ended) == len(self.runs):
            return next((state for state in ended if state != "finished"), "finished")
        return "running" if any(run.attempt for run in self.runs) else "waiting"

    @property
    def is_over(self) -> bool:
        """Whether it is committed, or all its folds have ended."""
        return self.state not in {"waiting", "running"}

    @property
    def value(self) -> float | None:
        """Mean of the objective over the folds of a finished trial, else None."""
        values = [run.ended.value for run in self.runs if run.ended and run.ended.value is not None]
        return sum(values) / len(self.runs) if self.state == "finished" else None

    @property
    def failure(self) -> str:
        """Code and message of the first run that failed or was refused, or empty."""
        failed = [run.ended for run in self.runs if run.ended and run.ended.failure]
        return f"{failed[0].failure}: {failed[0].message}" if failed else ""


class History:
    """Everything known of a study; feed it with entries in order."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self._begun: Created | None = None
        self.trials: list[TrialHistory] = []
        self.window = self.n_trials = 0
        self.disk: str | None = None  # what the study's folder may hold, as people write it
        self.codes: list[dict[str, str]] = []  # of the user's own task, the latest last
        self.limits: dict[str, Any] = {}  # of time and memory, as people write them
        self.run_limits = RunLimits()  # the same, read
        self.commit_order: list[TrialHistory] = []
        self.best: TrialHistory | None = None
        self.sessions: list[tuple[Opened, int]] = []
        self.tests: list[tuple[Tested, int]] = []
        self.closed: Closed | None = None
        self.redrawn: list[Redrawn] = []
        self.exhausted: Exhausted | None = None
        self.copied: Copied | None = None  # the last time, of several
        self.name = ""
        self.to_redo: dict[tuple[int, int], RunHistory] = {}  # by trial and fold, whose weights were lost
        self.first_ms = self.last_ms = self.busy_ms = 0
        # Written out, so that a kind of record without a line here is an error and not passed over.
        self._apply: dict[type[Record], Callable[[Any, int], None]] = {
            Created: self._created,
            Opened: self._opened,
            Extended: self._extended,
            Widened: self._widened,
            Allotted: self._allotted,
            Recoded: self._recoded,
            Limited: self._limited,
            Asked: self._asked,
            Redrawn: self._redrawn,
            Exhausted: self._exhausted,
            Started: self._started,
            Epoch: self._epoch,
            Ended: self._ended,
            Lost: self._lost,
            Committed: self._committed,
            Tested: self._tested,
            Closed: self._closed,
            WeightsLost: self._weights_lost,
            Redone: self._redone,
            Retried: self._retried,
            Copied: self._copied,
        }
        for entry in entries:
            # Checksums say that a record is whole, not that it makes sense: a ledger can come
            # in a bundle from anybody, and one that names a trial nobody asked for must be
            # told as damage, not as a traceback.
            try:
                self.apply(entry)
            except (LookupError, TypeError, ValueError, AttributeError) as error:
                raise StorageError(
                    f"record {entry.seq} of the ledger does not follow from those before it "
                    f"({type(error).__name__})"
                ) from error

    def apply(self, entry: Entry) -> None:
        """Take one entry in."""
        if not self.last_ms:
            self.first_ms = entry.time_ms
        if isinstance(entry.record, Opened):
            self.last_ms = entry.time_ms  # time between sessions is not time spent
        # At least 0: the clock that people read can be set back, and orders nothing here.
        self.busy_ms += max(entry.time_ms - self.last_ms, 0) if self.last_ms else 0
        self.last_ms = entry.time_ms
        self._apply[type(entry.record)](entry.record, entry.time_ms)

    @property
    def created(self) -> Created:
        """How the study began.

        Raises:
            StorageError: the ledger does not hold one whole record.
        """
        if self._begun is None:
            raise StorageError("the ledger is empty: its study was killed before it began; delete its folder")
        return self._begun

    def trial(self, which: str) -> TrialHistory:
        """Find a trial as a user names it: ``best``, or its number.

        Raises:
            InputError: there is no such trial.
            NoFinishedTrialError: there is no best yet.
        """
        if which == "best":
            if self.best is None:
                raise NoFinishedTrialError(f"{self.name}: no trial has finished yet")
            return self.best
        if not which.isdigit() or int(which) >= len(self.trials):
            raise InputError(
                f"no trial {which!r}; {self.name} has trials 0 to {len(self.trials) - 1}, or say best"
            )
        return self.trials[int(which)]

    def run(self, trial: int, fold: int) -> RunHistory:
        """Return one run's history."""
        return self.trials[trial].runs[fold]

    @property
    def committed(self) -> list[TrialHistory]:
        """Trials whose results are final, by number."""
        return [trial for trial in self.trials if trial.committed]

    @property
    def n_committed(self) -> int:
        """Number of committed trials."""
        return len(self.commit_order)

    @property
    def front(self) -> list[TrialHistory]:
        """Finished trials that no other beats in every objective (Pareto front), by the first objective."""
        scored = [(point, trial) for trial in self.committed if (point := self.point(trial)) is not None]
        return [scored[place][1] for place in unbeaten([point for point, _ in scored])]

    def point(self, trial: TrialHistory) -> tuple[float, ...] | None:
        """All objectives of a committed, finished trial, to be minimised, the first first; else None."""
        values = self.objectives(trial)
        if values is None:
            return None
        signs = [self.created.maximise, *self.created.others.values()]
        return tuple(-value if more else value for more, value in zip(signs, values, strict=True))

    def objectives(self, trial: TrialHistory) -> list[float] | None:
        """Values of all objectives of a committed, finished trial, else None."""
        record = trial.committed
        if record is None or record.state != "finished" or record.value is None:
            return None
        return [record.value, *(record.others[name] for name in self.created.others)]

    def lineage(self, trial: int) -> list[int]:
        """A trial and its ancestors, the oldest first."""
        numbers = [trial]
        while (parent := self.trials[numbers[-1]].parent) is not None:
            numbers.append(parent)
        return numbers[::-1]

    def inherited(self, trial: int, fold: int) -> Ended | None:
        """The parent's run of the same fold, whose weights a run begins from; None if it begins anew.

        So does the fold of a parent that was pruned before that fold was looked at.
        """
        number = self.trials[trial].parent
        # Folds that were not looked at when the parent was committed may have ended since, or not: whether
        # they did depends on who was faster, so nothing may begin from them.
        record = None if number is None else self.trials[number].committed
        return self.run(record.trial, fold).ended if record and fold < record.folds else None

    def behind(self, trial: int, fold: int = 0) -> list[Epoch]:
        """Epochs of a run's ancestors, the oldest first: of each up to its best one, where the next began."""
        epochs: list[Epoch] = []
        child: int | None = trial
        while child is not None and (begun := self.inherited(child, fold)) is not None:
            known = self.run(begun.trial, fold).epochs
            # The weights handed on are those of the best epoch: what came after it is no part of the line.
            epochs[:0] = [known[epoch] for epoch in sorted(known) if epoch <= (begun.best_epoch or 0)]
            child = self.trials[child].parent
        return epochs

    def age(self, trial: int, fold: int = 0) -> int:
        """Epochs that a run has behind it: its own, and those of its ancestors (:meth:`behind`)."""
        return len(self.behind(trial, fold)) + len(self.run(trial, fold).epochs)

    @property
    def test_evaluations(self) -> list[list[tuple[Tested, int]]]:
        """Test records with their times, by evaluation: a trial's folds are one, a fold again is another."""
        evaluations: list[list[tuple[Tested, int]]] = []
        for tested, time_ms in self.tests:
            now = evaluations[-1] if evaluations else []
            is_new = tested.fold not in {record.fold for record, _ in now}
            if now and now[0][0].trial == tested.trial and is_new:
                now.append((tested, time_ms))
            else:
                evaluations.append([(tested, time_ms)])
        return evaluations

    @property
    def is_complete(self) -> bool:
        """Whether every wanted trial is committed, also those that were tried again."""
        return self.n_committed == self.n_trials and not self.open_again

    @property
    def open_again(self) -> list[TrialHistory]:
        """Trials that failed, are tried again, and are to be committed again."""
        return [trial for trial in self.trials if trial.is_open_again]

    @property
    def n_failed(self) -> int:
        """Committed trials that failed."""
        return sum(trial.committed.state == "failed" for trial in self.trials if trial.committed)

    @property
    def hash(self) -> str:
        """SHA-256 over (number, settings, parent if any, value, state) of all committed trials.

        Floats count with all their bits: it is what two studies are compared by.
        """
        # By number and not by order of commit, and without times and attempts, which no seed decides.
        digest = hashlib.sha256()
        for trial in self.committed:
            assert trial.committed is not None
            for name, value in sorted(trial.settings.items()):
                bits = struct.pack("<d", value) if isinstance(value, float) else repr(value).encode()
                digest.update(name.encode() + b"=" + bits + b";")
            # Only where there is one, so that studies of before there were parents keep their hash.
            if trial.parent is not None:
                digest.update(f"parent={trial.parent};".encode())
            value = trial.committed.value
            digest.update(f"{trial.number}:{trial.committed.state}:".encode())
            digest.update(b"none" if value is None else struct.pack("<d", value))
            for name, other in sorted(trial.committed.others.items()):
                digest.update(name.encode() + struct.pack("<d", other))
        return digest.hexdigest()

    def as_loss(self, value: float) -> float:
        """The objective's value as something to minimise."""
        return -value if self.created.maximise else value

    def is_better(self, value: float, than: float) -> bool:
        """Compare two values of the objective; ties are not better."""
        return self.as_loss(value) < self.as_loss(than)

    def _created(self, record: Created, _: int) -> None:
        self._begun, self.name = record, record.study
        self.window, self.n_trials = record.window, record.space_file["search"]["trials"]
        self.disk = record.space_file.get("storage", {}).get("disk")
        self.codes = [record.code]
        self._limited(Limited(limits=limits_in(record.space_file)), 0)

    def _opened(self, record: Opened, time_ms: int) -> None:
        self.sessions.append((record, time_ms))
        self.closed = None  # whatever an earlier session wrote at its end: the study goes on
        for trial in self.trials:
            for run in trial.runs:
                run.in_flight = False  # whatever an earlier process had in flight is to do again

    def _extended(self, record: Extended, _: int) -> None:
        self.n_trials += record.trials

    def _widened(self, record: Widened, _: int) -> None:
        self.window = record.window

    def _allotted(self, record: Allotted, _: int) -> None:
        self.disk = record.disk

    def _recoded(self, record: Recoded, _: int) -> None:
        self.codes.append(record.code)

    def _limited(self, record: Limited, _: int) -> None:
        self.limits = self.limits | record.limits
        self.run_limits = RunLimits.read(self.limits)

    def _asked(self, record: Asked, _: int) -> None:
        if record.trial != len(self.trials):
            raise StorageError(f"the ledger asks trial {record.trial} where {len(self.trials)} is next")
        runs = [RunHistory(record.trial, fold) for fold in range(self.created.folds)]
        # Only older trials: a lineage that comes round to itself would never end.
        if record.parent is not None and not 0 <= record.parent < record.trial:
            raise StorageError(f"the ledger names trial {record.parent} the parent of trial {record.trial}")
        self.trials.append(
            TrialHistory(
                record.trial,
                record.settings,
                runs,
                record.n_committed_when_asked,
                record.given,
                record.parent,
                record.drawn,
            )
        )

    def _redrawn(self, record: Redrawn, _: int) -> None:
        self.redrawn.append(record)

    def _exhausted(self, record: Exhausted, _: int) -> None:
        self.exhausted, self.n_trials = record, len(self.trials)

    def _started(self, record: Started, time_ms: int) -> None:
        run = self.run(record.trial, record.fold)
        run.attempt = record.attempt
        run.in_flight, run.code = True, self.codes[-1]
        run.started_ms = time_ms if run.started_ms is None else run.started_ms  # its first attempt

    def _epoch(self, record: Epoch, _: int) -> None:
        # The first one told stays. A run that goes on from a checkpoint tells some epochs
        # again, with the same bits but in other seconds.
        self.run(record.trial, record.fold).epochs.setdefault(record.epoch, record)

    def _ended(self, record: Ended, time_ms: int) -> None:
        run = self.run(record.trial, record.fold)
        run.ended, run.ended_ms, run.in_flight = record, time_ms, False

    def _lost(self, record: Lost, _: int) -> None:
        run = self.run(record.trial, record.fold)
        run.lost += record.to_blame  # a machine that went is no fault of the run
        run.in_flight = False

    def _copied(self, record: Copied, _: int) -> None:
        self.copied, self.name = record, record.name

    def _weights_lost(self, record: WeightsLost, _: int) -> None:
        run = self.run(record.trial, record.fold)
        run.lost = 0  # what befell its first time is no matter of this one
        self.to_redo[record.trial, record.fold] = run

    def _redone(self, record: Redone, _: int) -> None:
        run = self.to_redo.pop((record.trial, record.fold))
        if run.ended is None:
            raise ValueError("a run that had not ended")
        run.ended, run.in_flight = replace(run.ended, weights=record.weights), False

    def _retried(self, record: Retried, _: int) -> None:
        for trial in [self.trials[number] for number in record.trials]:
            if trial.committed is None:
                raise ValueError("a trial that was not committed")
            trial.is_open_again = True
            for run in trial.runs:
                if run.ended is not None and run.ended.state == "failed":
                    run.ended, run.ended_ms, run.lost = None, None, 0

    def _committed(self, record: Committed, _: int) -> None:
        trial = self.trials[record.trial]
        if trial.is_open_again:
            trial.is_open_again = False  # its place in the order of commits is that of the first time
        else:
            self.commit_order.append(trial)
            trial.told = record
        trial.committed = record
        point, best = self.point(trial), self.point(self.best) if self.best else None
        if point is not None and (best is None or point < best):
            self.best = trial  # so it is the first of the front, also among equals in the first objective

    def _tested(self, record: Tested, time_ms: int) -> None:
        self.tests.append((record, time_ms))

    def _closed(self, record: Closed, _: int) -> None:
        self.closed = record


def read_history(folder: Path) -> History:
    """Read what is known of a study, without taking it.

    Raises:
        StorageError: no ledger there, or damage before its last line.
    """
    entries = read_entries(folder)
    history = History(entries)
    if copied_from(folder, entries):  # and it has not gone on since: two would show under one name
        history.name = name_in(folder, history.created)
    return history
