"""Where the time of an epoch's steps goes: computing, waiting for other workers, averaging gradients.

Told by the wall's clock, so it is no metric: no seed decides it, and nothing is decided by it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stopwatch:
    """Seconds that were spent inside of :meth:`running`, all times together."""

    def __init__(self) -> None:
        self.seconds = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count the time until the end of the block."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds += time.perf_counter() - started


class Agreeing:
    """What a worker spends on the others.

    Attributes:
        waiting: in what every step begins and sums up with, where the fastest waits for the slowest.
        averaging: in the exchange of gradients, after all have met.
    """

    def __init__(self) -> None:
        self.waiting, self.averaging = Stopwatch(), Stopwatch()

    @property
    def seconds(self) -> float:
        """Both."""
        return self.waiting.seconds + self.averaging.seconds


class StepTimes:
    """The steps of an epoch, from when it is made.

    On a GPU work goes on after a call returns; a step's loss is read before gradients are averaged, so
    computing is told right there, and of averaging what the next step waits for.

    Args:
        agreeing: of the worker that takes the steps.
    """

    def __init__(self, agreeing: Agreeing) -> None:
        self._agreeing = agreeing
        self._waiting, self._averaging = agreeing.waiting.seconds, agreeing.averaging.seconds
        self._started = self._last = time.perf_counter()
        self._agreed = agreeing.seconds
        self._n, self._mean, self._squares = 0, 0.0, 0.0

    def step_over(self) -> None:
        """A step has been taken."""
        now, agreed = time.perf_counter(), self._agreeing.seconds
        computing = now - self._last - (agreed - self._agreed)
        self._last, self._agreed = now, agreed
        # Welford, Technometrics 4 (1962) 419: mean and sum of squared deviations in one pass.
        self._n += 1
        away = computing - self._mean
        self._mean += away / self._n
        self._squares += away * (computing - self._mean)

    def told(self) -> dict[str, float]:
        """Plain values.

        Returns:
            ``steps``; seconds of all of them (``steps_s``), and of these ``waiting_s`` and ``averaging_s``;
            ``spread``, the standard deviation of a step's computing over its mean, of two steps or more.
        """
        told = {
            "steps": float(self._n),
            "steps_s": self._last - self._started,
            "waiting_s": self._agreeing.waiting.seconds - self._waiting,
            "averaging_s": self._agreeing.averaging.seconds - self._averaging,
        }
        if self._n > 1 and self._mean > 0:
            told["spread"] = math.sqrt(self._squares / (self._n - 1)) / self._mean
        return told
