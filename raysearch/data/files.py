"""How a file is known again: by its stamps, and by its content."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from raysearch.data.paths import names_of
from raysearch.data.prepared import cache_folder


def stamps(files: Iterable[Path]) -> tuple[tuple[int, ...], ...]:
    """What changes when a file does (inode, size, time of change): a key for what was read from it."""
    found = [file.stat() for file in files]
    return tuple((stat.st_ino, stat.st_size, stat.st_mtime_ns) for stat in found)


def content_sha256(path: Path) -> str:
    """SHA-256 of a file; of one that has not changed since it was last asked for, the cache knows it.

    Believed is that a file of the same path, size, inode and times of change (of its content, and of its
    inode, which no program can set) holds what it held.
    """
    stat = path.stat()
    place = [str(path.resolve()), stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]
    with contextlib.suppress(OSError):
        memo = cache_folder() / f"sum-{hashlib.sha256(json.dumps(place).encode()).hexdigest()[:32]}"
        with contextlib.suppress(FileNotFoundError):
            known = memo.read_text(encoding="ascii")
            # Shorter is one that another process is writing just now.
            if len(known) == 64:
                return known
        found = _sha256(path)
        memo.write_text(found, encoding="ascii")
        return found
    return _sha256(path)


def sums(files: Iterable[Path]) -> dict[str, str]:
    """SHA-256 of each file: its name, with as much of its path as tells it from the others, to its sum."""
    files = list(files)
    return dict(zip(names_of(files), map(content_sha256, files), strict=True))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
