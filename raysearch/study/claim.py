"""Who begins or takes up a study: the first to ask, before the checks, which take seconds.

The ledger's own lock says who writes it; but there is no ledger before the checks are over and Ray is up. A
file beside the study's folder is locked from a command's first moment to its last. Its lock ends
with the process.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from raysearch.errors import FolderError, StudyBusyError
from raysearch.files import lock
from raysearch.ledger.ledger import Ledger
from raysearch.study.folders import has_begun


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Be the only one that begins or takes up the study or series in a folder.

    Raises:
        StudyBusyError: another process is at it.
        FolderError: the folder of studies cannot be written.
        StorageError: the study's ledger is damaged.
    """
    path = folder.parent / f".{folder.name}.claim"
    handle = _locked(path, folder)
    try:
        if has_begun(folder):
            Ledger(folder).close()  # whoever holds it without a claim, such as an older version, is named
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


def _locked(path: Path, folder: Path) -> int:
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise FolderError(f"{folder.parent}: cannot be written: {error.strerror}") from error
        try:
            lock(handle)
        except BlockingIOError as error:
            holder = os.pread(handle, 200, 0).decode(errors="replace")
            os.close(handle)
            raise StudyBusyError(f"{folder}: held by another process{holder and f': {holder}'}") from error
        except OSError:
            pass  # a file system without locks: the ledger's says what there is to say
        # One that has ended since took its file with it, and others then lock a new one.
        if _is_there(path, handle):
            os.ftruncate(handle, 0)
            os.pwrite(handle, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0)
            return handle
        os.close(handle)


def _is_there(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False
