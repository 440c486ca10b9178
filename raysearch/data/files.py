"""How a file is known again: by its stamps, and by its content."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable
from pathlib import Path

from raysearch.data.paths import names_of

SETTLED_S = 2.0  # since a file was changed: the coarsest clock of a file system

_known: dict[tuple[str, tuple[int, ...]], str] = {}


def stamps(files: Iterable[Path]) -> tuple[tuple[int, ...], ...]:
    """What changes when a file does (inode, size, times of change): a key for what was read from it."""
    return tuple(_stamps(file) for file in files)


def content_sha256(path: Path) -> str:
    """SHA-256 of a file, read once in each process, and again whenever its stamps have changed.

    So a process believes stamps (of its content, and of its inode, which no program can set) for files that
    it has hashed itself, and nothing that another process or an earlier study wrote down. Stamps are as
    coarse as the clock of the file system, hence a file that was changed just now is read each time.
    """
    stamps_before = _stamps(path)
    place = str(path.resolve()), stamps_before
    if place in _known:
        return _known[place]
    began = time.time()
    found = _sha256(path)
    if stamps_before == _stamps(path) and began - path.stat().st_ctime > SETTLED_S:
        _known[place] = found
    return found


def forget_sums() -> None:
    """Have every file hashed anew: where a study begins or goes on, whatever this process did before."""
    _known.clear()


def sums(files: Iterable[Path]) -> dict[str, str]:
    """SHA-256 of each file: its name, with as much of its path as tells it from the others, to its sum."""
    files = list(files)
    return dict(zip(names_of(files), map(content_sha256, files), strict=True))


def _stamps(path: Path) -> tuple[int, ...]:
    stat = path.stat()
    return stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
