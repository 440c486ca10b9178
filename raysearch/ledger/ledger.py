"""The ledger file: one JSON object a line, each closed by a checksum, written once and never changed.

A group of records is one ``write`` and one ``fsync``. The lock is the kernel's (``flock``), so it is
gone with the process that held it. Only a torn last line, the mark of a killed writer, is cut off
on opening; damage anywhere else is an error that names the byte, since records after it are at stake.
"""

from __future__ import annotations

import errno
import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from raysearch.errors import FolderError, StorageError, StudyBusyError
from raysearch.files import is_locked, sync, sync_folder, take
from raysearch.ledger.entries import Entry
from raysearch.ledger.record import Record
from raysearch.ledger.scanning import scan, seal
from raysearch.ledger.study_records import Opened

FILE_NAME = "ledger.jsonl"


def read_entries(folder: Path) -> list[Entry]:
    """Read a study's ledger without taking it; a torn last line is left out.

    Raises:
        StorageError: no ledger there, or damage before the last line.
    """
    try:
        content = (folder / FILE_NAME).read_bytes()
    except OSError as error:
        raise StorageError(f"{folder / FILE_NAME}: cannot be read: {error.strerror}") from error
    return scan(content, folder / FILE_NAME)[0]


def is_held(folder: Path) -> bool:
    """Tell whether a process is at work on the study."""
    return is_locked(folder / FILE_NAME)


class Ledger:
    """A study's ledger, held by this process alone until :meth:`close`.

    Args:
        folder: the study's folder; made, with the ledger, if ``create``.
        create: make a new ledger (an error if there is one) or open an existing one.
        clock: gives the Unix time in seconds that people read in the records.

    Raises:
        FolderError: the folder cannot be written.
        StudyBusyError: another process holds the study.
        StorageError: the ledger is damaged.
    """

    def __init__(self, folder: Path, *, create: bool = False, clock: Callable[[], float] = time.time) -> None:
        self.folder = folder
        self.entries: list[Entry] = []
        self._clock = clock
        self._failed = False
        self._pending: list[Entry] = []
        self._group = threading.Lock()  # held from a group's first record until it is written
        self._in_group = False
        self._path = folder / FILE_NAME
        try:
            if create:
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            flags = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | (os.O_CREAT if create else 0)
            self._file = os.open(self._path, flags, 0o600)
        except OSError as error:
            raise FolderError(f"{self._path}: cannot be opened for writing: {error.strerror}") from error
        try:
            self._take()
            self._read()
            if create and self.entries:
                raise FolderError(f"{self._path}: there is a study already")
            sync_folder(folder)
        except BaseException:
            os.close(self._file)
            raise

    def add(self, record: Record) -> Entry:
        """Place a record at the end; it counts only after :meth:`flush`."""
        if not self._in_group:
            self._group.acquire()
            self._in_group = True
        entry = Entry(len(self.entries), int(self._clock() * 1000), record)
        self.entries.append(entry)
        self._pending.append(entry)
        return entry

    def flush(self) -> list[Entry]:
        """Write the records added since the last flush as one group, durable on return.

        Raises:
            StorageError: the disk is full or failed; what was there before stays readable, and this
                object refuses to write on.
        """
        try:
            return self._write()
        finally:
            if self._in_group:
                self._in_group = False
                self._group.release()

    def append_between(self, record: Record, wait_s: float = 1.0) -> bool:
        """Append a record from another thread, between two groups; False if one is not written in time."""
        if not self._group.acquire(timeout=wait_s):
            return False
        self._in_group = True
        self.append([record])
        return True

    def _write(self) -> list[Entry]:
        if self._failed:
            raise StorageError(f"{self._path}: not written to after an earlier failure")
        if not self._pending:
            return []
        content = b"".join(seal(entry) for entry in self._pending)
        try:
            written = os.write(self._file, content)
            if written < len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            sync(self._file)
        except OSError as error:
            self._failed = True
            raise StorageError(f"{self._path}: cannot be written: {error.strerror}") from error
        group, self._pending = self._pending, []
        return group

    def append(self, records: Iterable[Record]) -> list[Entry]:
        """Add records and flush them; see there for errors."""
        for record in records:
            self.add(record)
        return self.flush()

    def summed(self, n_bytes: int | None = None) -> tuple[int, str]:
        """Length and SHA-256 of the file's first bytes, by default of all of it."""
        size = os.fstat(self._file).st_size
        content = os.pread(self._file, size if n_bytes is None else min(n_bytes, size), 0)
        return len(content), hashlib.sha256(content).hexdigest()

    def close(self) -> None:
        """Let the study go."""
        os.close(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _take(self) -> None:
        try:
            take(self._file)
        except OSError as error:
            raise StudyBusyError(f"{self.folder}: held by another process{self._holder()}") from error

    def _holder(self) -> str:
        opened = [entry for entry in read_entries(self.folder) if isinstance(entry.record, Opened)]
        if not opened:
            return ""
        record, since = (
            opened[-1].record,
            time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(opened[-1].time_ms / 1e3)),
        )
        assert isinstance(record, Opened)
        return f": process {record.pid} on {record.host} since {since}"

    def _read(self) -> None:
        size = os.fstat(self._file).st_size
        self.entries, good = scan(os.pread(self._file, size, 0) if size else b"", self._path)
        if good < size:
            os.ftruncate(self._file, good)
            sync(self._file)
