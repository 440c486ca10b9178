"""A study's wish to end: Ctrl-C, SIGTERM, or the end of its terminal, heard at once whatever goes on.

A thread hears the signals, for Python hears none while a library computes in the main thread. The first one
asks: what can be broken off is, and what is paid for (an epoch) is waited for, as the thread says at once. A
second one ends the process there and then; the ledger is whole at every moment.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic
from types import FrameType, TracebackType
from typing import Any, Self

from raysearch.errors import ResourceError, StoppedError

SAYS_AFTER_S = 0.5  # what has not broken off by then is said to be waited for
LOG = "hangup.log"
_STANDARD = (1, 2)  # output and error


class BrokenOff(KeyboardInterrupt):
    """Leaves what can be broken off; no Exception, which would count as a task's or a library's failure."""


class StopFlag:
    """Set by Ctrl-C, SIGTERM and SIGHUP, and when a study is out of time; everyone who waits looks at it.

    Args:
        say: told at once what is waited for, in a thread of its own.

    Attributes:
        signal_number: the signal, None as long as there was none.
        saved: how things stand, for the last words: that nothing has begun, or how to go on.
        waits_for: what is waited for while runs are under way.
        at_the_end: called, with the ledger's word for why, before the process is ended there and then.
        log: where words go when the terminal is gone; nowhere if not given.
    """

    def __init__(self, say: Callable[[str], None] = lambda _: None) -> None:
        self.signal_number: int | None = None
        self.saved = "nothing has begun"
        self.waits_for: Callable[[], str] = lambda: ""
        self.at_the_end: Callable[[str], None] = lambda _: None
        self.log: Path | None = None
        self._say = say
        self._doing = ""  # what can be broken off
        self._is_broken_off = False
        self._before: dict[int, Any] = {}
        self._ends_s: float | None = None
        self._fd_before = -1
        self._pipe: tuple[int, int] | None = None
        self._listener: threading.Thread | None = None
        self._is_over = threading.Event()
        self._terminals = [number for number in _STANDARD if os.isatty(number)]

    @property
    def requested(self) -> bool:
        """Whether the study is to stop."""
        return self.signal_number is not None or (self._ends_s is not None and monotonic() >= self._ends_s)

    def allow(self, seconds: float | None) -> None:
        """Have the study stop in so many seconds from now, too, or have all the time that it takes."""
        self._ends_s = None if seconds is None else monotonic() + seconds

    @contextmanager
    def breaking_off(self, doing: str) -> Iterator[None]:
        """Have a signal break off what goes on meanwhile.

        Args:
            doing: what that is, for the user: a noun, as in ``the checks``.

        Raises:
            StoppedError: there was a signal.
        """
        before, self._doing = self._doing, doing
        try:
            if self.signal_number is not None:
                raise BrokenOff
            yield
        except (KeyboardInterrupt, SystemExit) as error:
            # Ray's own handler of SIGTERM, while it starts, leaves so; it may be faster than the listener.
            if isinstance(error, SystemExit) and error.code == signal.SIGTERM:
                self.signal_number = signal.SIGTERM
            if self.signal_number is None:
                raise
            raise StoppedError(f"stopped during {doing}; {self.saved}", self.signal_number) from error
        finally:
            self._doing = before

    def listen(self) -> None:
        """Set the handlers, once more if a library has set its own since."""
        if self._pipe is None:
            return
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            handler = signal.getsignal(number)
            # Whoever started this with nohup wants it to outlive its terminal.
            if number == signal.SIGHUP and handler == signal.SIG_IGN:
                continue
            # The handlers before are put back: a notebook's own Ctrl-C must work after the study.
            self._before.setdefault(number, handler)
            signal.signal(number, self._set)

    def __enter__(self) -> Self:
        if threading.current_thread() is not threading.main_thread():
            return self  # Python lets no other thread have handlers; whoever started it stops the process
        self._pipe = os.pipe()
        os.set_blocking(self._pipe[1], False)
        self._fd_before = signal.set_wakeup_fd(self._pipe[1], warn_on_full_buffer=False)
        self._listener = threading.Thread(target=self._hear, args=(self._pipe[0],), daemon=True)
        self._listener.start()
        self.listen()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        if self._pipe is None:
            return
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._fd_before)
        os.write(self._pipe[1], b"\0")  # no signal: the listener ends
        assert self._listener is not None
        self._listener.join()
        for end in self._pipe:
            os.close(end)

    def _set(self, number: int, _: FrameType | None) -> None:
        """In the main thread, as soon as it comes to it."""
        self.signal_number = number
        if self._doing and not self._is_broken_off:
            self._is_broken_off = True  # once: what is unwound is not to be broken off as well
            raise BrokenOff

    def _hear(self, pipe: int) -> None:
        """In the listener: for every signal a byte, its number."""
        n_heard = 0
        while (number := os.read(pipe, 1)[0]) != 0:
            if number not in self._before:
                continue  # somebody else's, such as SIGCHLD
            if number == signal.SIGHUP:
                self._leave_terminal()
                # A shell passes on the one that it had from the terminal, so that there may be two of them.
                if n_heard:
                    continue
            n_heard += 1
            self.signal_number = number
            if n_heard > 1:
                self._end_at_once(number)
            # What can be broken off has its own last words, a moment later.
            if not self._doing or not self._is_over.wait(SAYS_AFTER_S):
                self._tell(number)

    def _tell(self, number: int) -> None:
        what = self._doing or self.waits_for()
        waiting = f"waiting for {what}; " if what else ""
        again = "Ctrl-C again" if number == signal.SIGINT else "a second signal"
        self._say_safely(f"stopping: {waiting}{again} to stop at once")

    def _end_at_once(self, number: int) -> None:
        self._end(f"stopped at once; {self.saved}", "stopped", 128 + number)

    def lose_cluster(self, address: str) -> None:
        """End the process, from any thread: Ray's calls would wait for the head, and then abort."""
        words = f"the head of the Ray cluster, {address}, does not answer any more; {self.saved}"
        self._end(words, "cluster lost", ResourceError.exit_code)

    def _end(self, words: str, reason: str, code: int) -> None:
        with suppress(Exception):
            self.at_the_end(reason)
        self._say_safely(f"raysearch: {words}")
        os._exit(code)

    def _say_safely(self, text: str) -> None:
        with suppress(Exception):  # nobody may be there to read it
            self._say(text)

    def _leave_terminal(self) -> None:
        """Have what is still written go to the log; to a terminal that is gone it would be an error."""
        place = os.open(self.log or os.devnull, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        for number in self._terminals:
            os.dup2(place, number)
        os.close(place)
