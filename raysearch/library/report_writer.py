"""The report of a study, written by a process of its own where nobody wants to wait for its figures.

``python -m raysearch.library.report_writer FOLDER HANDLE``. Whoever writes a report holds a lock in the
study's folder meanwhile, by which others see it and wait for it; why there is none stands in ``report.log``
until there is one.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from raysearch.errors import FolderError
from raysearch.files import is_locked, lock, owners_only, take
from raysearch.ledger.ledger import FILE_NAME, is_held
from raysearch.study.folders import as_typed, name_of
from raysearch.tracking import mirror
from raysearch.tracking.kept import ensure_mirror
from raysearch.tracking.only_one import LOCK as MIRROR_LOCK

PROGRAM = ("-m", "raysearch.library.report_writer")
LOCK, LOG = "report.lock", "report.log"
PAGE = Path("report", "index.html")
BEING_WRITTEN = "being written"
POLL_S = 0.1
DELIVERY_S = 600.0  # all of a study of thousands of trials takes minutes
_AT_WORK = {FILE_NAME: "the study's runs", LOCK: "the report", MIRROR_LOCK: "its mirror to MLflow"}
_started: list[subprocess.Popen[bytes]] = []  # kept, or Python warns that nobody waits for them


def write_report(folder: Path) -> Path:
    """Write a study's report here and now; wait for whoever is at it already.

    Raises:
        StorageError: the ledger is damaged or empty.
        FolderError: the report cannot be written.
    """
    handle = _opened(folder)
    try:
        return _write_locked(folder, handle)
    finally:
        os.close(handle)


def write_in_background(folder: Path) -> bool:
    """Have a process write a study's report, and return at once; False where that cannot be done or seen."""
    handle = _opened(folder)
    try:
        with suppress(BlockingIOError):  # of an earlier one, which the process waits for
            take(handle)  # the process inherits it, so that it is held before anybody looks
        (folder / LOG).unlink(missing_ok=True)
        process = subprocess.Popen(
            [sys.executable, *PROGRAM, str(folder.resolve()), str(handle)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(handle,),
            start_new_session=True,  # it outlives the terminal that the study ran in
        )
    except OSError:  # a file system without locks, or no process more
        return False
    finally:
        os.close(handle)
    _started.append(process)
    return True


def report_state(folder: Path) -> str | None:
    """How the report of a study stands, in words; None where there is none yet and need not be."""
    page, again = folder / PAGE, f"make it with: raysearch report {as_typed(folder)}"
    if is_locked(folder / LOCK):
        return BEING_WRITTEN
    if (folder / LOG).is_file():
        reason = (folder / LOG).read_text(encoding="utf-8").strip().splitlines() or ["no reason told"]
        return f"failed: {reason[-1]}; {again}"
    if is_held(folder):
        return None
    if not page.is_file():
        return f"not there; {again}"
    is_old = page.stat().st_mtime_ns < (folder / FILE_NAME).stat().st_mtime_ns
    return f"older than the study's last record; {again}" if is_old else str(page)


@owners_only()
def wait_for_rest(folder: Path, say: Callable[[str], None]) -> Path:
    """Wait until nothing works on a study any more, and MLflow has all of it.

    Args:
        folder: of the study.
        say: told what is waited for.

    Returns:
        The report's page.

    Raises:
        FolderError: there is no report of all records, or MLflow does not take them; says why.
    """
    lacking = mirror.AT_IT
    while lacking == mirror.AT_IT:
        _wait_until_free(folder, say)
        if (state := report_state(folder)) != str(folder / PAGE):
            raise FolderError(f"{name_of(folder)}: report: {state or 'the study goes on again'}")
        # Its mirror may have given up, have been killed or never begun.
        lacking = mirror.mirror_now(folder, timeout_s=DELIVERY_S)
    if lacking:
        raise FolderError(f"{name_of(folder)}: MLflow does not have all of it: {lacking}")
    return folder / PAGE


def _wait_until_free(folder: Path, say: Callable[[str], None]) -> None:
    told = ""
    # From the beginning each time: what ends may have begun the next one, or another that comes before it.
    while what := next((what for name, what in _AT_WORK.items() if is_locked(folder / name)), ""):
        if what != told:
            say(f"waiting for {what}")
        told = what
        time.sleep(POLL_S)


def _opened(folder: Path) -> int:
    return os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _write_locked(folder: Path, handle: int) -> Path:
    """Write a report when the lock is free; the word of an earlier one that failed goes."""
    with suppress(OSError):  # a file system without locks, on which nothing is written in the background
        lock(handle, wait=True)
    from raysearch.report.build import build_report  # takes seconds, in which others are to see the lock

    page = build_report(folder)
    (folder / LOG).unlink(missing_ok=True)
    return page


def main(folder: Path, handle: int) -> int:
    """Write a report, then have MLflow get it; what goes wrong is written down for whoever looks next."""
    os.umask(0o077)
    try:
        _write_locked(folder, handle)
    except Exception:  # noqa: BLE001 - nobody else would hear of it
        (folder / LOG).write_text(traceback.format_exc(), encoding="utf-8")
        return 1
    process = ensure_mirror(folder)  # the one of the search may have waited for the report in vain
    while process is not None and process.poll() is None and not is_locked(folder / MIRROR_LOCK):
        time.sleep(POLL_S)  # or whoever waits for both would find neither
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
