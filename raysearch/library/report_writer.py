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
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from raysearch.errors import FolderError
from raysearch.files import lock
from raysearch.ledger.ledger import FILE_NAME, is_held
from raysearch.study.folders import as_typed, name_of
from raysearch.tracking.kept import ensure_mirror
from raysearch.tracking.only_one import LOCK as MIRROR_LOCK

PROGRAM = ("-m", "raysearch.library.report_writer")
LOCK, LOG = "report.lock", "report.log"
PAGE = Path("report", "index.html")
BEING_WRITTEN = "being written"
POLL_S = 0.1
_started: list[subprocess.Popen[bytes]] = []  # kept, or Python warns that nobody waits for them


def write_report(folder: Path) -> Path:
    """Write a study's report here and now; wait for whoever is at it already.

    Raises:
        StorageError: the ledger is damaged or empty.
        FolderError: the report cannot be written.
    """
    from raysearch.report.build import build_report  # takes seconds

    with _only_writer(folder):
        page = build_report(folder)
        (folder / LOG).unlink(missing_ok=True)
    return page


def write_in_background(folder: Path) -> bool:
    """Have a process write a study's report, and return at once; False where no lock would show it."""
    handle = _opened(folder)
    try:
        lock(handle)  # the process inherits it, so that it is held before anybody looks
    except BlockingIOError:
        pass  # of an earlier one, which the process waits for
    except OSError:
        os.close(handle)
        return False
    (folder / LOG).unlink(missing_ok=True)
    process = subprocess.Popen(
        [sys.executable, *PROGRAM, str(folder.resolve()), str(handle)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(handle,),
        start_new_session=True,  # it outlives the terminal that the study ran in
    )
    os.close(handle)
    _started.append(process)
    return True


def report_state(folder: Path) -> str | None:
    """How the report of a study stands, in words; None where there is none yet and need not be."""
    page, again = folder / PAGE, f"make it with: raysearch report {as_typed(folder)}"
    if _is_locked(folder / LOCK):
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


def wait_for_rest(folder: Path, say: Callable[[str], None]) -> Path:
    """Wait until nothing works on a study any more: neither its runs, nor its report, nor its mirror.

    Args:
        folder: of the study.
        say: told what is waited for.

    Returns:
        The report's page.

    Raises:
        FolderError: there is no report; says why.
    """
    for what, goes_on in (
        ("the study's runs", lambda: is_held(folder)),
        ("the report", lambda: _is_locked(folder / LOCK)),
        ("MLflow to have all records", lambda: _is_locked(folder / MIRROR_LOCK)),
    ):
        if goes_on():
            say(f"waiting for {what}")
        while goes_on():
            time.sleep(POLL_S)
    if not (folder / PAGE).is_file() or (folder / LOG).is_file():
        raise FolderError(f"{name_of(folder)}: report: {report_state(folder)}")
    return folder / PAGE


def _opened(folder: Path) -> int:
    return os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


@contextmanager
def _only_writer(folder: Path) -> Iterator[None]:
    handle = _opened(folder)
    try:
        with suppress(OSError):  # a file system without locks, on which nothing is written in the background
            lock(handle, wait=True)
        yield
    finally:
        os.close(handle)


def _is_locked(path: Path) -> bool:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        lock(handle, shared=True)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(handle)
    return False


def main(folder: Path, handle: int) -> int:
    """Write a report, then have MLflow get it; what goes wrong is written down for whoever looks next."""
    os.umask(0o077)
    lock(handle, wait=True)
    try:
        from raysearch.report.build import build_report

        build_report(folder)
    except Exception:  # noqa: BLE001 - nobody else would hear of it
        (folder / LOG).write_text(traceback.format_exc(), encoding="utf-8")
        return 1
    process = ensure_mirror(folder)  # the one of the search may have waited for the report in vain
    while process is not None and process.poll() is None and not _is_locked(folder / MIRROR_LOCK):
        time.sleep(POLL_S)  # or whoever waits for both would find neither
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
