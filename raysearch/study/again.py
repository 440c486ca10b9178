"""One trial's runs done again, on a copy of the study's ledger: nothing of the study is written to."""

from __future__ import annotations

from raysearch.ledger.ledger import Ledger
from raysearch.ledger.trial_history import RunHistory
from raysearch.study.run import Run
from raysearch.study.study import Study


class TrialAgain(Study):
    """A study of which nothing is left to do but the runs of one trial, which it has done before.

    Executors carry them out as those of any other study. Seed, schedule and parent of each run are what the
    history says, as they were when it was done first.

    Args:
        ledger: a copy of the study's, which takes the new records.
        trial: the trial's number.

    Attributes:
        before: what was known of each run; one that never ended is not done again.
    """

    def __init__(self, ledger: Ledger, trial: int) -> None:
        super().__init__(ledger, lambda *_: None)
        self._trial = self.history.trials[trial]
        self.before = tuple(run for run in self._trial.runs if run.ended)
        for run in self.before:
            self._trial.runs[run.fold] = RunHistory(trial, run.fold, run.attempt)

    @property
    def now(self) -> tuple[RunHistory, ...]:
        """What has come of each run this time, in the order of ``before``."""
        return tuple(self._trial.runs[run.fold] for run in self.before)

    @property
    def is_over(self) -> bool:
        """Whether all of them have ended."""
        return all(run.ended for run in self.now)

    def next_run(self) -> Run | None:
        """Return the next run to do again."""
        for run in self.now:
            if run.ended is None and (run.trial, run.fold) not in self._handed_out:
                self._handed_out.add((run.trial, run.fold))
                return self.as_run(run, run.attempt + 1)
        return None

    def code_of(self, run: Run) -> dict[str, str]:
        """The code that the run was done by before."""
        return next(before.code for before in self.before if before.fold == run.fold)
