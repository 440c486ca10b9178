"""Interrupts a run in this very process when it is over a limit, wherever in Python it is.

By a signal's handler, which Python calls between two steps of its own: it ends a loop, a sleep, a wait for a
lock or a queue. It does not end C code that never returns.
"""

from __future__ import annotations

import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

from raysearch.errors import InputError
from raysearch.launch.watch import Overdue, Watch
from raysearch.space.run_limits import RunLimits
from raysearch.study.run import Run

T = TypeVar("T")

SHORTEST_TICK_S, LONGEST_TICK_S = 0.05, 5.0
STACK_LINES = 30


class _OverdueError(BaseException):
    """Leaves a run in the middle; not an Exception, which would count as the task's failure."""

    def __init__(self, what: Overdue) -> None:
        super().__init__(what.reason)
        self.what = what


class Alarm:
    """Looks at a run's watch as time goes by.

    Args:
        watch: says whether a run is over a limit.
        limits: none of time or silence, and the run is never interrupted, not even to look.

    Raises:
        InputError: there are limits, and this is not the main thread, the only one that hears signals.
    """

    def __init__(self, watch: Watch, limits: RunLimits) -> None:
        given = [limit for limit in (limits.run_time_s, limits.silence_s) if limit is not None]
        if given and threading.current_thread() is not threading.main_thread():
            raise InputError(
                "budget.run_time, budget.silence: without Ray they hold in a program's main thread only"
            )
        # Often enough to be right, and else rarely: a signal cuts some waits in C short.
        self._tick_s = min(max(min(given) / 20, SHORTEST_TICK_S), LONGEST_TICK_S) if given else None
        self._watch = watch
        self._run: Run | None = None

    def carry_out(self, run: Run, train: Callable[[], T]) -> T | Overdue:
        """Call ``train``, or leave it when the run is over a limit, and say which."""
        if self._tick_s is None:
            return train()
        before = signal.signal(signal.SIGALRM, self._ring)
        try:
            try:
                self._run = run
                signal.setitimer(signal.ITIMER_REAL, self._tick_s, self._tick_s)
                return train()
            finally:
                self._quiet()
        except _OverdueError as error:
            self._quiet()  # it may have come in the middle of the line above
            return _with_stack(error)
        finally:
            signal.signal(signal.SIGALRM, before)

    @contextmanager
    def held_off(self) -> Iterator[None]:
        """Interrupt nothing for a while: a record is written whole."""
        run, self._run = self._run, None
        try:
            yield
        finally:
            self._run = run

    def _quiet(self) -> None:
        self._run = None
        signal.setitimer(signal.ITIMER_REAL, 0)

    def _ring(self, _: int, __: FrameType | None) -> Any:  # noqa: ANN401 - as signal.signal has it
        # Again and again, should a task catch it.
        if self._run is not None and (what := self._watch.overdue(self._run)) is not None:
            raise _OverdueError(what)


def _with_stack(error: _OverdueError) -> Overdue:
    if error.what.failure != "hung":
        return error.what
    frames = traceback.extract_tb(error.__traceback__)[:-1]  # without the handler
    lines = [line for entry in traceback.format_list(frames) for line in entry.rstrip().splitlines()]
    place = f"{frames[-1].filename}, line {frames[-1].lineno}, in {frames[-1].name}" if frames else "?"
    return Overdue("hung", f"{error.what.reason}; it was in {place}", "\n".join(lines[-STACK_LINES:]))
