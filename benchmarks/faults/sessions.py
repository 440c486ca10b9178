"""Drivers to be killed: each a process of its own, forked from this one so that nothing is imported again."""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import optuna  # noqa: F401 - as below
import torch._dynamo
import torch.utils.flop_counter  # noqa: F401

from raysearch.errors import RaysearchError

MARK = "RAYSEARCH_CAMPAIGN_MARK"  # in the environment of all that a session starts
FAR_AWAY_S = 1800.0  # no fault is found by it, it only ends a campaign that hangs


class Session:
    """A process that carries work out; what it prints goes to a file.

    Args:
        work: what to do; an error that raysearch raises on purpose ends the process with its exit code.
        log: where its output is added.
        held: wait for :meth:`let_go` before the work begins.
    """

    def __init__(self, work: Callable[[], object], log: Path, *, held: bool = False) -> None:
        self.mark, self.log = uuid.uuid4().hex, log
        self._status: int | None = None
        self._gate = os.pipe()
        sys.stdout.flush()
        self.pid = os.fork()
        if not self.pid:
            os.read(self._gate[0], 1)
            _be_session(work, log, self.mark)
        if not held:
            self.let_go()

    def let_go(self) -> None:
        """Have a held session begin."""
        os.write(self._gate[1], b".")
        for end in self._gate:
            os.close(end)

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        if self._status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self._status = status if pid else None
        return self._status is None

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the driver alone."""
        if self.is_running:
            os.kill(self.pid, number)

    def kill(self) -> bool:
        """End the driver, and it alone, by SIGKILL; True unless it had ended by itself."""
        self.send(signal.SIGKILL)
        return self.wait() == -signal.SIGKILL

    def wait(self, limit_s: float = FAR_AWAY_S) -> int:
        """Wait for its end; the exit code, or the negative number of the signal that ended it.

        Raises:
            TimeoutError: it goes on after ``limit_s``.
        """
        wait_for(lambda: not self.is_running, f"the end of process {self.pid}", limit_s)
        assert self._status is not None
        return os.waitstatus_to_exitcode(self._status)

    def processes(self) -> list[int]:
        """Processes that it or its children have started and that still run, zombies left out."""
        return marked(self.mark)


def _be_session(work: Callable[[], object], log: Path, mark: str) -> None:
    code = 70  # a fault in raysearch or in the campaign itself
    try:
        os.setsid()
        out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        for stream in (1, 2):
            os.dup2(out, stream)
        os.environ[MARK] = mark
        os.umask(0o077)
        work()
        code = 0
    except RaysearchError as error:
        os.write(2, f"raysearch: {error}\n".encode())
        code = error.exit_code
    except KeyboardInterrupt:
        code = 128 + signal.SIGINT  # as the command line ends
    except BaseException:  # noqa: BLE001 - nothing of the parent may go on in the child
        os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(code)


def marked(mark: str) -> list[int]:
    """Processes that began with a mark in their environment and still run, zombies left out."""
    return [pid for pid, environment in _environments() if mark.encode() in environment]


def _environments() -> Iterator[tuple[int, bytes]]:
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            yield int(path.parent.name), path.read_bytes()
        except OSError:  # gone, or another user's
            continue


def wait_for(condition: Callable[[], object], what: str, limit_s: float = FAR_AWAY_S) -> None:
    """Wait until a condition holds.

    Raises:
        TimeoutError: it does not within ``limit_s``.
    """
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {limit_s:g} s for {what}")
        time.sleep(0.002)


def command_line(pid: int) -> bytes:
    """A process's command line, empty if it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def kill(pid: int, number: signal.Signals = signal.SIGKILL) -> bool:
    """Send a process a signal; False if it is gone already."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True
