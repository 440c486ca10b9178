"""A study's wish to end, which Ctrl-C and SIGTERM set."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any, Self


class StopFlag:
    """Set by Ctrl-C or SIGTERM; everyone who waits looks at it. A second signal ends the process at once."""

    def __init__(self) -> None:
        self.signal_number: int | None = None
        self._before: dict[int, Any] = {}

    @property
    def requested(self) -> bool:
        """Whether the study is to stop."""
        return self.signal_number is not None

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
        if self.requested:
            signal.signal(number, signal.SIG_DFL)  # the ledger is whole at every moment
            signal.raise_signal(number)
        self.signal_number = number
