"""A study's wish to end, which Ctrl-C and SIGTERM set, and the end of its time."""

from __future__ import annotations

import signal
import threading
from time import monotonic
from types import FrameType
from typing import Any, Self


class StopFlag:
    """Set by Ctrl-C, SIGTERM or time; all who wait look at it. A second signal ends the process at once."""

    def __init__(self) -> None:
        self.signal_number: int | None = None
        self._ends_s: float | None = None
        self._before: dict[int, Any] = {}

    @property
    def requested(self) -> bool:
        """Whether the study is to stop."""
        return self.signal_number is not None or self.out_of_time

    @property
    def out_of_time(self) -> bool:
        """Whether the study has had the time that it was allowed."""
        return self._ends_s is not None and monotonic() >= self._ends_s

    def allow(self, seconds: float | None) -> None:
        """Have the study stop in so many seconds from now, or have it all the time that it takes."""
        self._ends_s = None if seconds is None else monotonic() + seconds

    def __enter__(self) -> Self:
        if threading.current_thread() is not threading.main_thread():
            return self  # Python lets no other thread hear signals; whoever started it stops the process
        for number in (signal.SIGINT, signal.SIGTERM):
            # The handlers before are put back: a notebook's own Ctrl-C must work after the study.
            self._before[number] = signal.signal(number, self._set)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _set(self, number: int, _: FrameType | None) -> None:
        if self.signal_number is not None:
            signal.signal(number, signal.SIG_DFL)  # the ledger is whole at every moment
            signal.raise_signal(number)
        self.signal_number = number
