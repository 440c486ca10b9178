"""A study in progress: what is to run next, and what a result changes. Passive: it starts nothing.

The lock-step rule makes the history independent of the order in which runs finish: results are
committed (and told to the search) by trial number, and right after commit k, and only then, trial
k + window is asked. Everything known is a fold over the ledger, so that a resumed study is the same
object as one that was never interrupted.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from raysearch.errors import InputError, StorageError
from raysearch.ledger.asking_records import Redrawn
from raysearch.ledger.history import History
from raysearch.ledger.ledger import Ledger
from raysearch.ledger.mending_records import Redone, Retried, WeightsLost
from raysearch.ledger.record import Record
from raysearch.ledger.records import (
    Allotted,
    Asked,
    Closed,
    Committed,
    Ended,
    Entry,
    Epoch,
    Extended,
    Limited,
    Lost,
    Opened,
    Recoded,
    Started,
    Tested,
    Widened,
)
from raysearch.ledger.trial_history import RunHistory, TrialHistory
from raysearch.search.make import window_problem
from raysearch.search.searcher import Breeder
from raysearch.seeds import derive
from raysearch.space.space_file import SpaceFile
from raysearch.study.asking import Asking, MakeGate, all_open
from raysearch.study.losses import MAX_LOST, failed_record
from raysearch.study.mending import IsSound, lost_weights, needed_weights, next_redo, redone, to_retry
from raysearch.study.pruning import UNPRUNED, Schedule, Verdict, known_curves, schedule_for, verdict_on
from raysearch.study.retention import Retention

SYSTEMATIC = 3  # first trials that fail alike are a fault of task or data, not of their settings

Listener = Callable[[Entry, History], None]


@dataclass(frozen=True)
class Run:
    """A run to carry out: one attempt at a trial's fold.

    Attributes:
        settings: searched and held settings, complete.
        seed: from (study seed, trial, fold); the same for every attempt.
        schedule: when to give up, and how much of the data to train on; the same for every attempt.
        parent: path inside the study's folder of the checkpoint it begins from, ``weights`` of
            the parent's run of the same fold, or empty.
        parent_sha256: over the weights in it.
        breeds: whether others may begin from this run.
    """

    trial: int
    fold: int
    attempt: int
    settings: dict[str, Any]
    seed: int
    schedule: Schedule = UNPRUNED
    parent: str = ""
    parent_sha256: str = ""
    breeds: bool = False


class Study:
    """A study whose ledger this process holds.

    Args:
        ledger: an open ledger that begins with a ``created`` record.
        listen: told every record once it is durable, with the history up to then.
        is_sound: whether the checkpoint of a run is there; where it is not, the run is carried out again.
        make_gate: makes what says which points may be run, and is not asked of those in the ledger.

    Raises:
        StorageError: the search, replayed, proposes other settings than the ledger holds.
    """

    def __init__(
        self,
        ledger: Ledger,
        listen: Listener,
        is_sound: IsSound = lambda _: True,
        make_gate: MakeGate = all_open,
    ) -> None:
        self.ledger, self._listen, self._is_sound = ledger, listen, is_sound
        self.history = History(ledger.entries)
        # From the ledger and never from the user's file, which may have been changed since.
        self.space_file = SpaceFile.model_validate(self.history.created.space_file)
        self._space = self.space_file.searched
        created = self.history.created
        self._asking = Asking(
            self.space_file, created.window, 1 + len(created.others), make_gate(self.space_file)
        )
        self._searcher = self._asking.searcher
        self._handed_out: set[tuple[int, int]] = set()
        self._retention = Retention(ledger.folder)
        self._replay()

    @property
    def is_over(self) -> bool:
        """Whether there is nothing left to run."""
        return self._is_decided and not self.history.to_redo

    @property
    def _is_decided(self) -> bool:
        """Whether no trial will be committed any more."""
        return self.history.is_complete or self.gave_up

    @property
    def gave_up(self) -> bool:
        """Whether the first trials all failed with one and the same error, as more of them would."""
        first = self.history.trials[:SYSTEMATIC]
        if len(first) < SYSTEMATIC or not all(trial.committed for trial in first):
            return False
        endings = {trial.failure.strip().splitlines()[-1] if trial.failure else "" for trial in first}
        return len(endings) == 1 and first[0].failure.startswith("error:")

    def begin(
        self,
        opened: Opened,
        *,
        extra_trials: int = 0,
        window: int | None = None,
        disk: str | None = None,
        code: dict[str, str] | None = None,
        limits: Mapping[str, Any] | None = None,
        retry_failed: bool = False,
    ) -> None:
        """Take the study up; with more trials, a wider window, other code, budget or limits if wanted.

        With ``retry_failed`` the trials that failed are tried again, before any other is committed.

        Raises:
            InputError: more trials than the grid has points or where no point is left, a wider window than
                the sampler's population, or a space of which nothing may be run.
            DiskBudgetError: its files take more than the budget.
        """
        self._check_extra(extra_trials)
        if window is not None and (problem := window_problem(self.space_file.search, window)):
            raise InputError(f"--window {window}: {problem}")
        self._stage(opened)
        if extra_trials:
            self._stage(Extended(trials=extra_trials))
        # Never narrower: trials that were asked ahead cannot be taken back.
        if window is not None and window > self.history.window:
            self._stage(Widened(window=window))
        if disk is not None and disk != self.history.disk:
            self._stage(Allotted(disk=disk))
        if code is not None:
            self._stage(Recoded(code=code))
        there = self.history.limits
        if changed := {name: value for name, value in (limits or {}).items() if value != there[name]}:
            self._stage(Limited(limits=changed))
        if retry_failed and (numbers := to_retry(self.history)):
            self._stage(Retried(trials=numbers))
            for run in (run for number in numbers for run in self.history.trials[number].runs):
                self._retention.reopen(run.trial, run.fold)
        self._ask()
        self._advance()  # a kill may have come between the last result and its commit

    def next_run(self) -> Run | None:
        """Hand out the next run to do, or None if all that may run now is handed out."""
        if (again := next_redo(self.history, self._handed_out)) is not None:
            return self._hand_out(again)
        # The oldest first: it is the one whose commit all later asks wait for.
        for trial in [*self.history.open_again, *self.history.trials[self._first_open :]]:
            if (trial.committed and not trial.is_open_again) or self._verdict(trial):
                continue  # whatever its other folds would say
            for run in trial.runs:
                if run.ended is not None or (run.trial, run.fold) in self._handed_out:
                    continue
                if (begun := self.history.inherited(run.trial, run.fold)) is None:
                    return self._hand_out(run)
                self.redo_lost([self.history.run(begun.trial, begun.fold)])
                if (again := next_redo(self.history, self._handed_out)) is not None:
                    return self._hand_out(again)
                if (begun.trial, begun.fold) not in self.history.to_redo:
                    return self._hand_out(run)
        return None

    def _hand_out(self, run: RunHistory) -> Run:
        self._handed_out.add((run.trial, run.fold))
        return self.as_run(run, run.attempt + 1)

    def redo_lost(self, runs: Iterable[RunHistory] | None = None) -> None:
        """Have runs carried out again whose weights are gone or damaged; by default all that are needed."""
        if runs is None:
            runs = needed_weights(self.history, self._possible_parents)
        for run in lost_weights(self.history, runs, self._is_sound):
            self._stage(WeightsLost(trial=run.trial, fold=run.fold))
            self._retention.reopen(run.trial, run.fold)
        self._flush()

    def as_run(self, known: RunHistory, attempt: int) -> Run:
        """Write down an attempt at a run that the history knows."""
        # All of it from the history: whoever makes this run, now or after a kill, makes the same.
        trial, epochs = self.history.trials[known.trial], self.space_file.budget.epochs
        rule = self.space_file.search.prune
        curves = known_curves(self.history, trial, known.fold, epochs) if rule else []
        begun = self.history.inherited(known.trial, known.fold)
        return Run(
            trial=known.trial,
            fold=known.fold,
            attempt=attempt,
            settings=self._space.complete(trial.settings),
            seed=derive(self.space_file.seed, "run", known.trial, known.fold),
            schedule=schedule_for(rule, epochs, curves),
            parent=begun.weights if begun else "",
            parent_sha256=begun.weights_sha256 if begun else "",
            breeds=self._asking.inherits,
        )

    def code_of(self, run: Run) -> dict[str, str]:
        """The code of the user's own task for a run; a model is tested by that which trained it."""
        known = self.history.run(run.trial, run.fold)
        return known.code if known.ended else self.history.codes[-1]

    def started(self, run: Run) -> None:
        """A run that was handed out has begun."""
        self._stage(Started(trial=run.trial, fold=run.fold, attempt=run.attempt))
        self._flush()

    def report(self, run: Run, epoch: int, seconds: float, metrics: dict[str, float]) -> None:
        """An epoch is over; one that is known already, or of an older attempt, is not taken again."""
        known = self._current(run)
        if known is None or epoch in known.epochs:
            return
        self._stage(
            Epoch(
                trial=run.trial,
                fold=run.fold,
                attempt=run.attempt,
                epoch=epoch,
                seconds=seconds,
                metrics=metrics,
            )
        )
        self._flush()

    def end(self, ended: Ended) -> None:
        """A run is over; an older attempt's result is refused. Raises DiskBudgetError as :meth:`begin`.

        Raises:
            StorageError: one that was carried out again for its lost weights has come to others.
        """
        again = self.history.to_redo.get((ended.trial, ended.fold))
        if again is not None and again.attempt == ended.attempt:
            self._stage(self._redone(again, ended))
        elif self._current(ended) is not None:
            self._stage(ended)
        else:
            return
        self._handed_out.discard((ended.trial, ended.fold))
        self._advance()

    def _redone(self, known: RunHistory, ended: Ended) -> Redone:
        try:
            return redone(known, ended)
        except StorageError:
            # Nothing of what is not the ledger's may be gone on from.
            self._retention.delete_checkpoints(known.trial, known.fold)
            raise

    def has_begun(self, run: Run) -> bool:
        """Whether the attempt was ever started."""
        return self.history.run(run.trial, run.fold).attempt >= run.attempt

    def lose(
        self,
        run: Run,
        reason: str,
        *,
        to_blame: bool = True,
        failure: str = "lost",
        most: int = MAX_LOST,
        stack: str = "",
    ) -> None:
        """An attempt vanished, or was stopped, without a result.

        Args:
            run: the attempt.
            reason: what was heard of it, in one line.
            to_blame: whether it may be the run's own fault.
            failure: what the run has failed of if this is the last attempt.
            most: attempts to blame after which the run counts as failed.
            stack: where in Python it was, if that is known.
        """
        if not self.has_begun(run):
            self._handed_out.discard((run.trial, run.fold))  # it never began
            return
        again = self.history.to_redo.get((run.trial, run.fold))
        known = again or self._current(run)
        if known is None:
            return
        self._stage(
            Lost(trial=run.trial, fold=run.fold, attempt=run.attempt, reason=reason, to_blame=to_blame)
        )
        self._handed_out.discard((run.trial, run.fold))
        if again is not None and again.lost >= most:
            raise StorageError(f"trial {run.trial} could not be trained again for its lost weights: {reason}")
        if known.lost >= most:
            times = f"its process was lost {known.lost} times, last: " if failure == "lost" else ""
            message = "\n".join(part for part in (stack, times + reason) if part)
            self._stage(failed_record(known, failure, message))
        self._advance()

    def tested(self, record: Tested) -> None:
        """The best model was applied to the test set."""
        self._stage(record)
        self._flush()

    def close(self, reason: str, signal: str = "") -> None:
        """Write down why this process lets the study go."""
        self._stage(Closed(reason=reason, signal=signal))
        self._flush()

    @property
    def _first_open(self) -> int:
        """First trial that may not be committed yet."""
        return self.history.n_committed if self._in_order else 0

    @property
    def _in_order(self) -> bool:
        return self.space_file.search.order == "deterministic"

    def _current(self, run: Run | Ended) -> RunHistory | None:
        """The run's history if ``run`` is its newest attempt and it is not over."""
        known = self.history.run(run.trial, run.fold)
        return known if known.attempt == run.attempt and known.ended is None else None

    def _advance(self) -> None:
        """Commit whatever can be committed, ask what follows, make it durable, then clean up and measure."""
        # The order is the promise. Commit k, tell it, ask trial k + window, one after another: so the search
        # hears and is asked in one order, whatever ended first. All of it is one group, so that no ledger has
        # a commit without the ask that follows from it. And weights go when the record that lets them go is
        # durable: a crash before it would find them gone and still needed.
        while (found := self._to_commit()) is not None:
            trial, verdict = found
            others = {} if verdict.state != "finished" else self._others(trial)
            self._stage(
                Committed(
                    trial=trial.number,
                    state=verdict.state,
                    value=verdict.value,
                    folds=verdict.folds,
                    others=others,
                )
            )
            if not trial.was_retried:
                self._tell(trial)
            self._ask()
        self._flush()
        self._retention.delete_superseded(self.history, self._possible_parents)
        self._retention.check_budget(self.history)

    @property
    def _possible_parents(self) -> Collection[int]:
        """Trials that others, yet to be asked, may begin from."""
        return self._searcher.possible_parents if isinstance(self._searcher, Breeder) else ()

    def _to_commit(self) -> tuple[TrialHistory, Verdict] | None:
        window = self.history.trials[self._first_open :]
        candidates = window[:1] if self._in_order else [trial for trial in window if not trial.committed]
        # First of all, and by number: so the order of commits does not depend on who is faster.
        candidates = self.history.open_again[:1] or candidates
        # Not when it is over: of trials that failed alike no further ones are committed.
        for trial in candidates:
            if (verdict := self._verdict(trial)) is not None and not self._is_decided:
                return trial, verdict
        return None

    def _verdict(self, trial: TrialHistory) -> Verdict | None:
        return verdict_on(self.history, trial, self.space_file.search.prune_folds)

    def _others(self, trial: TrialHistory) -> dict[str, float]:
        """Means over the folds of the further objectives."""
        found = [run.ended.metrics | run.ended.facts for run in trial.runs if run.ended]
        return {
            name: sum(values[name] for values in found) / len(found) for name in self.history.created.others
        }

    def _check_extra(self, extra_trials: int) -> None:
        if extra_trials and self.history.exhausted:
            raise InputError(f"--trials +{extra_trials}: no point of the space is left that may be run")
        size = self._space.grid_size
        wanted = self.history.n_trials + extra_trials
        if self.space_file.search.sampler == "grid" and size is not None and wanted > size:
            raise InputError(f"--trials +{extra_trials}: the grid has {size} points, that would be {wanted}")

    def _ask(self) -> None:
        while len(self.history.trials) < min(
            self.history.n_trials, self.history.n_committed + self.history.window
        ):
            number, n_committed = len(self.history.trials), self.history.n_committed
            for record in self._asking.next(number, n_committed, self.history.n_trials):
                self._stage(record)

    def _tell(self, trial: TrialHistory) -> None:
        """Pass a committed trial's values on; a pruned one tells what it had come to."""
        # Searchers minimise, whatever the objectives do.
        record = trial.told  # a replay tells what it was told, whatever came of another try
        assert record is not None
        if record.value is None:
            self._searcher.tell(trial.number, None)
            return
        signs = [-1.0 if more else 1.0 for more in self.history.created.others.values()]
        others = [sign * value for sign, value in zip(signs, record.others.values(), strict=True)]
        self._searcher.tell(trial.number, [self.history.as_loss(record.value), *others])

    def _replay(self) -> None:
        """Bring the search to where the ledger ends."""
        # A searcher's state is in no file: the same asks and tells make it again, and each
        # proposal that comes out as it was is the proof. Another version of Optuna or NumPy
        # shows here and not as a silently other study.
        for entry in self.ledger.entries:
            record = entry.record
            if isinstance(record, (Asked, Redrawn)):
                proposed = self._asking.again(record)
                if _what(proposed) != _what(record):
                    raise StorageError(
                        f"{self.ledger.folder}: replaying trial {record.trial}, the search proposes "
                        f"{_told(proposed)} where the ledger has {_told(record)}; "
                        "were packages changed since?"
                    )
            elif isinstance(record, Committed) and record is self.history.trials[record.trial].told:
                self._tell(self.history.trials[record.trial])

    def _stage(self, record: Record) -> None:
        self.history.apply(self.ledger.add(record))

    def _flush(self) -> None:
        # Listeners are told what is on disk: nobody may act on what a crash could take back.
        for entry in self.ledger.flush():
            self._listen(entry, self.history)


def _what(proposed: Asked | Redrawn) -> tuple[dict[str, Any], int | None]:
    return proposed.settings, proposed.parent if isinstance(proposed, Asked) else None


def _told(proposed: Asked | Redrawn) -> str:
    settings, parent = _what(proposed)
    return f"{settings}" + ("" if parent is None else f" from trial {parent}")
