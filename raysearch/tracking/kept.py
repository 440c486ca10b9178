"""A study that stays mirrored while it goes on: a mirror that dies is replaced by another one."""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from raysearch.files import is_locked
from raysearch.tracking import mirror
from raysearch.tracking.only_one import LOCK

POLL_S = 2.0
LONGEST_S = 60.0  # between two starts of mirrors that die every time
HEAD_START_S = 30.0  # for the first runs to begin, whose processes import while the mirror would


class KeptMirror:
    """Starts the mirror of a study, and looks after it in a thread until the block ends.

    Args:
        poll_s: seconds between two looks.
        head_start_s: what runs get to begin, unless one is told to have begun before.
    """

    def __init__(self, poll_s: float = POLL_S, head_start_s: float = HEAD_START_S) -> None:
        self._poll_s, self._head_start_s = poll_s, head_start_s
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._may_start, self._is_over = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._look_after, daemon=True)

    def start(self, folder: Path) -> None:
        """Mirror the study in a folder as soon as one of its runs has begun."""
        self._folder = folder
        self._thread.start()

    def run_begun(self) -> None:
        """One has: from now on the mirror, which takes seconds of a processor to start, delays none."""
        self._may_start.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._may_start.set()
        if self._folder is not None:
            self._thread.join()
            self._replace_dead()  # the last records want one as well

    def _look_after(self) -> None:
        assert self._folder is not None
        self._may_start.wait(self._head_start_s)
        self._process = mirror.start_mirror(self._folder)
        wait_s = self._poll_s
        while not self._is_over.wait(wait_s):
            wait_s = min(2 * wait_s, LONGEST_S) if self._replace_dead() else self._poll_s

    def _replace_dead(self) -> bool:
        """Start another mirror if none is there; tell whether that was so."""
        assert self._folder is not None
        if self._process is None or self._process.poll() is None:
            return False
        # Ours may have ended because somebody else's is there, such as that of an earlier session.
        started = ensure_mirror(self._folder)
        self._process = started or self._process
        return started is not None


def ensure_mirror(folder: Path) -> subprocess.Popen[bytes] | None:
    """Start a mirror and return its process, if none is there: that one sees by itself what is new."""
    return None if is_locked(folder / LOCK) else mirror.start_mirror(folder)
