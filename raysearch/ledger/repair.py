"""A damaged ledger cut to its last good record, and what is lost by it; nothing is guessed."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from raysearch.errors import FolderError, InputError, StorageError, StudyBusyError
from raysearch.files import lock, sync, write_durably
from raysearch.ledger.entries import Entry
from raysearch.ledger.history import History
from raysearch.ledger.ledger import FILE_NAME
from raysearch.ledger.run_records import Committed, Ended
from raysearch.ledger.scanning import unseal


@dataclass(frozen=True)
class Cut:
    """Where a ledger is to be cut, and what is behind that.

    Attributes:
        path: of the ledger.
        kept: its records from the first on.
        kept_bytes: their length.
        cut_bytes: length of what is cut.
        problem: what is wrong with it, or empty: it is sound.
        lost: sound records among those that are cut.
        unreadable: lines of what is cut that are none.
    """

    path: Path
    kept: tuple[Entry, ...]
    kept_bytes: int
    cut_bytes: int
    problem: str
    lost: tuple[Entry, ...]
    unreadable: int

    @property
    def trials(self) -> list[int]:
        """Trials whose results are known to be lost; those of lines that cannot be read nobody knows."""
        over = {entry.record.trial for entry in self.lost if isinstance(entry.record, (Ended, Committed))}
        return sorted(over)


def find_cut(folder: Path, to_record: int | None = None) -> Cut:
    """Find where a study's ledger is damaged, and what a cut there costs. Changes nothing.

    Args:
        folder: the study's.
        to_record: the last record to keep, if fewer than are good.

    Raises:
        InputError: there is no such good record.
        StorageError: the file cannot be read, or not even its first record is good.
    """
    path = folder / FILE_NAME
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StorageError(f"{path}: cannot be read: {error.strerror}") from error
    lines = re.findall(rb"[^\n]*\n|[^\n]+", content)
    good, problem = _good(lines)
    if not good:
        raise StorageError(
            f"{path}: {problem}; no record before it is left to keep, restore the file from a copy"
        )
    if to_record is not None and not 0 <= to_record < len(good):
        raise InputError(f"--to-record {to_record}: the records 0 to {len(good) - 1} are good")
    n_kept = len(good) if to_record is None else to_record + 1
    behind = [_read(line) for line in lines[n_kept:]]
    kept_bytes = sum(map(len, lines[:n_kept]))
    return Cut(
        path=path,
        kept=tuple(good[:n_kept]),
        kept_bytes=kept_bytes,
        cut_bytes=len(content) - kept_bytes,
        problem=problem,
        lost=tuple(entry for entry in behind if entry is not None),
        unreadable=behind.count(None),
    )


def _good(lines: Sequence[bytes]) -> tuple[list[Entry], str]:
    """The records before the first that is damaged or does not follow, and what is wrong with that one."""
    history, position = History(), 0
    good: list[Entry] = []
    for line in lines:
        entry = _read(line)
        if entry is None and not line.endswith(b"\n"):
            return good, f"record {len(good)} is torn, as a kill leaves the last one"
        if entry is None:
            return good, f"damaged at byte {position}, in record {len(good)}"
        if entry.seq != len(good):
            return good, f"record {entry.seq} at byte {position} where {len(good)} was expected"
        try:
            history.apply(entry)
        # What a fold over foreign values may raise; see History.
        except (StorageError, LookupError, TypeError, ValueError, AttributeError):
            return good, f"record {entry.seq} does not follow from those before it"
        good.append(entry)
        position += len(line)
    return good, ""


def _read(line: bytes) -> Entry | None:
    """Read one line; None if it is damaged, cut off, or no record of this version."""
    try:
        return unseal(line)
    except (StorageError, ValueError):
        return None


def cut(found: Cut) -> Path:
    """Cut a ledger, after a copy of it as it was is on the disk.

    Returns:
        The copy: ``ledger.jsonl.damaged-TIME``.

    Raises:
        FolderError: it cannot be written.
        StudyBusyError: a process is at work on the study.
        StorageError: it was changed since it was looked at, or the disk is full or failed.
    """
    try:
        handle = os.open(found.path, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        raise FolderError(f"{found.path}: cannot be opened for writing: {error.strerror}") from error
    try:
        lock(handle)
        content = found.path.read_bytes()
        if len(content) != found.kept_bytes + found.cut_bytes:
            raise StorageError(f"{found.path}: was changed meanwhile; nothing was cut")
        copy = found.path.with_name(f"{FILE_NAME}.damaged-{time.strftime('%Y%m%d-%H%M%S')}")
        write_durably(copy, content)
        os.ftruncate(handle, found.kept_bytes)
        sync(handle)
    except BlockingIOError as error:
        raise StudyBusyError(f"{found.path.parent}: held by another process") from error
    finally:
        os.close(handle)
    return copy
