"""A study in progress: what is to run next, and what a result changes. Passive: it starts nothing.

The lock-step rule makes the history independent of the order in which runs finish: results are
committed (and told to the search) by trial number, and right after commit k, and only then, trial
k + window is asked. Everything known is a fold over the ledger, so that a resumed study is the same
object as one that was never interrupted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from raysearch.errors import StorageError
from raysearch.ledger.history import History
from raysearch.ledger.ledger import Ledger
from raysearch.ledger.mending_records import Redone, WeightsLost
from raysearch.ledger.record import Record
from raysearch.ledger.run_records import Ended, Epoch, Lost, Started, Tested
from raysearch.ledger.study_records import Closed, Opened
from raysearch.ledger.trial_history import RunHistory
from raysearch.space.space_file import SpaceFile
from raysearch.study.asking import Asking, MakeGate, all_open
from raysearch.study.changes import NO_CHANGES, Changes
from raysearch.study.changing import check_changes, records_of
from raysearch.study.commits import Commits
from raysearch.study.floors import floor_reached
from raysearch.study.listening import Listener, asking
from raysearch.study.losses import MAX_LOST, given_up_record
from raysearch.study.mending import IsSound, lost_weights, needed_weights, next_redo, redone
from raysearch.study.proof import EVERY, Proof, Unproven
from raysearch.study.replay import replay, told_values
from raysearch.study.retention import Retention
from raysearch.study.run import Run, run_of


class Study:
    """A study whose ledger this process holds.

    Args:
        ledger: an open ledger that begins with a ``created`` record.
        listen: told every record once it is durable, with the history up to then.
        is_sound: whether the checkpoint of a run is there; where it is not, the run is carried out again.
        make_gate: makes what says which points may be run, and is not asked of those in the ledger.
        proof: says which of the ledger's proposals need not be computed again.

    Raises:
        StorageError: the search, replayed, proposes other settings than the ledger holds.
    """

    def __init__(
        self,
        ledger: Ledger,
        listen: Listener,
        is_sound: IsSound = lambda _: True,
        make_gate: MakeGate = all_open,
        proof: Proof | Unproven = Unproven(),  # noqa: B008 - it has no state
    ) -> None:
        self.ledger, self._listen, self._is_sound, self._proof = ledger, listen, is_sound, proof
        self.history = History(ledger.entries)
        # From the ledger and never from the user's file, which may have been changed since.
        self.space_file = SpaceFile.model_validate(self.history.created.space_file)
        created = self.history.created
        self._asking = Asking(
            self.space_file, created.window, 1 + len(created.others), make_gate(self.space_file)
        )
        self._commits = Commits(self.history, self.space_file.search)
        self._handed_out: set[tuple[int, int]] = set()
        self._retention = Retention(ledger.folder)
        replay(ledger.entries, self.history, self._asking, ledger.folder, proof.n_records)

    @property
    def is_over(self) -> bool:
        """Whether there is nothing left to run."""
        return self._commits.is_decided and not self.history.to_redo

    @property
    def gave_up(self) -> bool:
        """Whether the first trials all failed with one and the same error, as more of them would."""
        return self._commits.gave_up

    def begin(self, opened: Opened, changes: Changes = NO_CHANGES) -> None:
        """Take the study up, with changes if wanted.

        Raises:
            InputError: more trials than the grid has points or where no point is left, a wider window than
                the sampler's population, or a space of which nothing may be run.
            DiskBudgetError: its files take more than the budget.
        """
        check_changes(changes, self.history, self.space_file)
        self._stage(opened)
        for record in records_of(changes, self.history):
            self._stage(record)
        self._ask()
        self._advance()  # a kill may have come between the last result and its commit

    def next_run(self) -> Run | None:
        """Hand out the next run to do, or None if all that may run now is handed out."""
        if (again := next_redo(self.history, self._handed_out)) is not None:
            return self._hand_out(again)
        for trial in self._commits.open_trials():
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
            runs = needed_weights(self.history, self._asking.possible_parents)
        for run in lost_weights(self.history, runs, self._is_sound):
            self._stage(WeightsLost(trial=run.trial, fold=run.fold))
            self._retention.reopen(run.trial, run.fold)
        self._flush()

    def as_run(self, known: RunHistory, attempt: int) -> Run:
        """Write down an attempt at a run that the history knows."""
        return run_of(self.history, self.space_file, known, attempt, breeds=self._asking.inherits)

    def code_of(self, run: Run) -> dict[str, str]:
        """The code of the user's own task for a run; a model is tested by that which trained it."""
        known = self.history.run(run.trial, run.fold)
        return known.code if known.ended else self.history.codes[-1]

    def started(self, run: Run, workers: int | None = None) -> None:
        """A run that was handed out has begun, with so many workers where their number may change."""
        self._stage(Started(trial=run.trial, fold=run.fold, attempt=run.attempt, workers=workers))
        self._flush()

    def report(
        self,
        run: Run,
        epoch: int,
        seconds: float,
        metrics: dict[str, float],
        timings: Mapping[str, float] | None = None,
    ) -> None:
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
                timings=dict(timings or {}),
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
            self._stage(given_up_record(known, failure, reason, stack))
        self._advance()

    def tested(self, record: Tested) -> None:
        """The best model was applied to the test set."""
        self._stage(record)
        self._flush()

    def close(self, reason: str, signal: str = "") -> None:
        """Write down why this process lets the study go."""
        self._stage(Closed(reason=reason, signal=signal))
        self._flush()
        self._keep_proof(every=1)

    def _keep_proof(self, every: int = EVERY) -> None:
        if self._asking.recalls:  # others are asked for everything again in any case
            self._proof.keep(self.history.n_committed, every)

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
        while (record := self._commits.next()) is not None:
            self._stage(record)
            trial = self.history.trials[record.trial]
            if not trial.was_retried:
                self._asking.tell(trial.number, told_values(self.history, trial))
            self._ask()
        self._flush()
        self._keep_proof()
        self._retention.delete_superseded(self.history, self._asking.possible_parents)
        self._retention.check_budget(self.history)

    def _ask(self) -> None:
        stops = self.space_file.budget.stop == "floor"
        if stops and (reached := floor_reached(self.history)) is not None:
            self._stage(reached)
        while len(self.history.trials) < min(
            self.history.n_trials, self.history.n_committed + self.history.window
        ):
            number, n_committed = len(self.history.trials), self.history.n_committed
            with asking(self._listen, number):
                for record in self._asking.next(number, n_committed, self.history.n_trials):
                    self._stage(record)

    def _stage(self, record: Record) -> None:
        self.history.apply(self.ledger.add(record))

    def _flush(self) -> None:
        # Listeners are told what is on disk: nobody may act on what a crash could take back.
        for entry in self.ledger.flush():
            self._listen(entry, self.history)
