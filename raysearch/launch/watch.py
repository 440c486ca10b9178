"""How long runs take and are silent, against what they may: which is to be stopped, and as what.

A run is silent from its start, and again from each epoch that it tells of. Its time is that of the epochs it
had behind it when it was taken up, and what has passed since.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from raysearch.ledger.history import History
from raysearch.space.durations import written_duration
from raysearch.space.run_limits import RunLimits
from raysearch.study.run import Run

MOST_HUNG = 2  # attempts: one that hung may have had bad luck with its machine, two have not
# Without a limit of the user's. No honest run comes near it: of one study the longest epochs are the largest
# models', some ten times the mean, and half an hour is much for what another one did in a minute.
LEAST_SILENCE_S = 1800.0
EPOCHS_OF_SILENCE = 20
LONGEST_LOOK_S = 10.0  # time between two looks that counts


@dataclass(frozen=True)
class Overdue:
    """A run that is to be stopped: what it failed of, how in one line, and its Python stack if known."""

    failure: Literal["time", "hung"]
    reason: str
    stack: str = ""


@dataclass
class _Known:
    began_s: float
    heard_s: float
    before_s: float  # the run took before it was taken up


class Watch:
    """The runs that are under way.

    Args:
        limits: what a run may take.
        history: of the study, for the epochs that are known already.
        automatic: whether, where no limit of silence is given, one by the study's epochs holds.
        clock: seconds, for tests.
    """

    def __init__(
        self,
        limits: RunLimits,
        history: History,
        *,
        automatic: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits, self._history, self._automatic, self._clock = limits, history, automatic, clock
        self._runs: dict[tuple[int, int], _Known] = {}
        self._longest_epoch_s = max(
            (e.seconds for trial in history.trials for run in trial.runs for e in run.epochs.values()),
            default=0.0,
        )
        self._looked, self._now = clock(), 0.0

    def begin(self, run: Run) -> None:
        """A run has begun to train."""
        known = self._history.run(run.trial, run.fold).epochs
        now = self._time()
        self._runs[run.trial, run.fold] = _Known(now, now, sum(e.seconds for e in known.values()))

    def heard(self, run: Run, seconds: float) -> None:
        """A run has told of an epoch that took so long."""
        self._longest_epoch_s = max(self._longest_epoch_s, seconds)
        if (known := self._runs.get((run.trial, run.fold))) is not None:
            known.heard_s = self._time()

    def forget(self, run: Run) -> None:
        """A run is over, or lost."""
        self._runs.pop((run.trial, run.fold), None)

    def overdue(self, run: Run) -> Overdue | None:
        """Whether a run is to be stopped now; None also of one that has not begun."""
        now, known = self._time(), self._runs.get((run.trial, run.fold))
        if known is None:
            return None
        most = self._limits.run_time_s
        if most is not None and known.before_s + now - known.began_s > most:
            n_epochs = len(self._history.run(run.trial, run.fold).epochs)
            limit = f"{written_duration(most)} (budget.run_time)"
            return Overdue("time", f"took longer than {limit}, stopped after {n_epochs} epochs")
        silence = self._silence_s()
        if silence is not None and now - known.heard_s > silence:
            limit = f"{written_duration(silence)} (budget.silence)"
            return Overdue("hung", f"told of no epoch for {limit}")
        return None

    def _silence_s(self) -> float | None:
        if self._limits.silence_s is not None or not self._automatic:
            return self._limits.silence_s
        # Of the first epoch of all nobody knows how long it takes.
        longest = self._longest_epoch_s
        return max(LEAST_SILENCE_S, EPOCHS_OF_SILENCE * longest) if longest else None

    def _time(self) -> float:
        """Seconds in which somebody looked: not those of a stopped driver, or of a machine's sleep."""
        now = self._clock()
        self._now += min(now - self._looked, LONGEST_LOOK_S)
        self._looked = now
        return self._now
