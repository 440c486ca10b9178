"""Which trial's result is final next, and what it is: in one order, whichever run ended first."""

from __future__ import annotations

from collections.abc import Iterator

from raysearch.ledger.history import History
from raysearch.ledger.run_records import Committed
from raysearch.ledger.trial_history import TrialHistory
from raysearch.space.sections import SearchSection
from raysearch.study.pruning import Verdict, verdict_on

SYSTEMATIC = 3  # first trials that fail alike are a fault of task or data, not of their settings


class Commits:
    """Decides what is committed; writes nothing.

    Args:
        history: what is known of the study, which others keep up to date.
        search: of its space file.
    """

    def __init__(self, history: History, search: SearchSection) -> None:
        self._history, self._rule = history, search.prune_folds
        self._in_order = search.order == "deterministic"

    @property
    def is_decided(self) -> bool:
        """Whether no trial will be committed any more."""
        return self._history.is_complete or self.gave_up

    @property
    def gave_up(self) -> bool:
        """Whether the first trials all failed with one and the same error, as more of them would."""
        first = self._history.trials[:SYSTEMATIC]
        if len(first) < SYSTEMATIC or not all(trial.committed for trial in first):
            return False
        endings = {trial.failure.strip().splitlines()[-1] if trial.failure else "" for trial in first}
        return len(endings) == 1 and first[0].failure.startswith("error:")

    def open_trials(self) -> Iterator[TrialHistory]:
        """Trials of which runs may be left to do, the oldest first: all later asks wait for its commit."""
        for trial in [*self._history.open_again, *self._window]:
            # Of one whose end is known its other folds have nothing more to say.
            if (not trial.committed or trial.is_open_again) and not self._verdict(trial):
                yield trial

    def next(self) -> Committed | None:
        """What is to be committed next; None as long as that is open, and when it is over."""
        candidates = [trial for trial in self._window if not trial.committed]
        if self._in_order:
            candidates = candidates[:1]
        # First of all, and by number: so the order of commits does not depend on who is faster.
        candidates = self._history.open_again[:1] or candidates
        # Not when it is over: of trials that failed alike no further ones are committed.
        for trial in candidates:
            if (verdict := self._verdict(trial)) is not None and not self.is_decided:
                return self._record(trial, verdict)
        return None

    @property
    def _window(self) -> list[TrialHistory]:
        """Trials from the first on that may not be committed yet."""
        return self._history.trials[self._history.n_committed if self._in_order else 0 :]

    def _verdict(self, trial: TrialHistory) -> Verdict | None:
        return verdict_on(self._history, trial, self._rule)

    def _record(self, trial: TrialHistory, verdict: Verdict) -> Committed:
        others = {} if verdict.state != "finished" else self._others(trial)
        return Committed(
            trial=trial.number,
            state=verdict.state,
            value=verdict.value,
            folds=verdict.folds,
            others=others,
        )

    def _others(self, trial: TrialHistory) -> dict[str, float]:
        """Means over the folds of the further objectives."""
        found = [run.ended.metrics | run.ended.facts for run in trial.runs if run.ended]
        return {
            name: sum(values[name] for values in found) / len(found) for name in self._history.created.others
        }
