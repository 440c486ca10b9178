"""A small process that outlives a driver and takes down what is left of the driver's own Ray.

``python -m raysearch.cluster.caretaker TEMP_FOLDER DRIVER``. Its standard input is a pipe that only the
driver holds: when that ends, however the driver ended, processes of Ray's session that are still there are
killed, and the session's folder goes. It imports no Ray.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

GOES_S = 5.0  # after a kill of all that was found, for what was just being started
PAUSE_S = 0.2


class Caretaker:
    """The driver's side: starts the process, and tells it what to look after.

    Args:
        temp_folder: in which Ray makes the folders of its sessions.
    """

    def __init__(self, temp_folder: Path) -> None:
        command = [
            sys.executable,
            "-P",
            "-m",
            "raysearch.cluster.caretaker",
            str(temp_folder),
            str(os.getpid()),
        ]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # whatever ends the driver's group is not to end it
        )

    def look_after(self, session: Path) -> None:
        """Name the folder of the session, once it is known."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(f"{session}\n".encode())
            self._process.stdin.flush()

    def finish(self) -> None:
        """Have it tidy up now, and wait for that a while."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(2 * GOES_S)


def processes_of(session: Path, driver: int = 0) -> Iterator[int]:
    """This user's processes that were started for a session, or have files of it open; the driver is none."""
    mark = str(session)
    for entry in Path("/proc").glob("[0-9]*"):
        pid = int(entry.name)
        # A driver that goes on after its Ray has ended still has logs of it open.
        if pid in (os.getpid(), driver):
            continue
        with suppress(OSError):
            if entry.stat().st_uid == os.getuid() and (_is_named(entry, mark) or _has_open(entry, mark)):
                yield pid


def _is_named(process: Path, mark: str) -> bool:
    return mark.encode() in (process / "cmdline").read_bytes()


def _has_open(process: Path, mark: str) -> bool:
    # Ray's workers have other titles than their command lines, but all of them write logs there.
    for handle in (process / "fd").iterdir():
        with suppress(OSError):
            if os.readlink(handle).startswith(f"{mark}/"):  # noqa: PTH115 - resolves nothing, and fast
                return True
    return False


def take_down(session: Path, driver: int) -> None:
    """Kill what is left of a session until nothing is, and delete its folder."""
    deadline = time.monotonic() + GOES_S
    while left := list(processes_of(session, driver)):
        for pid in left:
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            break
        time.sleep(PAUSE_S)
    shutil.rmtree(session, ignore_errors=True)
    latest = session.parent / "session_latest"
    with suppress(OSError):
        if latest.is_symlink() and latest.readlink() == session:
            latest.unlink()


def main(temp_folder: Path, driver: int) -> None:
    """Wait for the driver's end, then take down its session."""
    started_s = time.time()
    named = [Path(line) for line in sys.stdin.read().splitlines()]
    # A driver that was killed while Ray started has not named it; Ray ends the name with the driver's number.
    sessions = named or [
        path for path in temp_folder.glob(f"session_*_{driver}") if path.stat().st_mtime >= started_s - 1
    ]
    for session in sessions:
        take_down(session, driver)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
