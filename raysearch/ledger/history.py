"""The state of a study as a fold over its records: live, on resume and in reports the same code.

``History.apply`` is the only place where a record changes what is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from raysearch.errors import StorageError
from raysearch.ledger.asking_records import Asked, Exhausted, Reached, Redrawn
from raysearch.ledger.copied import Copied
from raysearch.ledger.entries import Entry
from raysearch.ledger.known import Known
from raysearch.ledger.ledger import read_entries
from raysearch.ledger.mending_records import Redone, Retried, WeightsLost
from raysearch.ledger.place import copied_from, name_in
from raysearch.ledger.record import Record
from raysearch.ledger.run_records import Committed, Ended, Epoch, Lost, Started, Tested
from raysearch.ledger.study_records import (
    Allotted,
    Closed,
    Created,
    Extended,
    Limited,
    Opened,
    Recoded,
    Widened,
)
from raysearch.ledger.trial_history import RunHistory, TrialHistory
from raysearch.space.run_limits import RunLimits, limits_in


class History(Known):
    """Everything known of a study; feed it with entries in order."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        super().__init__()
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
            Reached: self._reached,
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
        self.take(entries)

    def take(self, entries: Iterable[Entry]) -> None:
        """Take in what a ledger has from here on.

        Raises:
            StorageError: a record does not follow from those before it.
        """
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

    def _reached(self, record: Reached, _: int) -> None:
        self.reached, self.n_trials = record, len(self.trials)

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
        for number in record.trials:
            self.trials[number].retry()

    def _committed(self, record: Committed, _: int) -> None:
        trial = self.trials[record.trial]
        if not trial.is_open_again:  # whose place in the order of commits is that of the first time
            self.commit_order.append(trial)
        trial.commit(record)
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
