"""What is known of a study, and what can be asked of it; :mod:`raysearch.ledger.history` takes records in."""

from __future__ import annotations

from typing import Any

from raysearch.errors import InputError, NoFinishedTrialError, StorageError
from raysearch.ledger.asking_records import Exhausted, Reached, Redrawn
from raysearch.ledger.copied import Copied
from raysearch.ledger.pareto_front import unbeaten
from raysearch.ledger.results_hash import results_hash
from raysearch.ledger.run_records import Ended, Epoch, Tested
from raysearch.ledger.study_records import Closed, Created, Opened
from raysearch.ledger.trial_history import RunHistory, TrialHistory
from raysearch.space.run_limits import RunLimits


class Known:
    """Everything known of a study; nothing yet, of a new one."""

    def __init__(self) -> None:
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
        self.reached: Reached | None = None
        self.copied: Copied | None = None  # the last time, of several
        self.name = ""
        self.to_redo: dict[tuple[int, int], RunHistory] = {}  # by trial and fold, whose weights were lost
        self.first_ms = self.last_ms = self.busy_ms = 0

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
        """SHA-256 over what all committed trials came to: what two studies are compared by."""
        return results_hash(self.committed)

    def as_loss(self, value: float) -> float:
        """The objective's value as something to minimise."""
        return -value if self.created.maximise else value

    def is_better(self, value: float, than: float) -> bool:
        """Compare two values of the objective; ties are not better."""
        return self.as_loss(value) < self.as_loss(than)
