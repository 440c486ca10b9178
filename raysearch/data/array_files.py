"""The files of an entry of the cache of prepared data: written with a sum of their content, verified by it.

A sum is of what was to be written, not of what was read back, so that it tells what a disk, a memory or
a program did to a file since. Verified is once in each process and entry, when it is first mapped; what is
done to a file after that, while it is mapped, is not seen.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from raysearch.files import sync

_verified: set[tuple[str, int, int, int]] = set()


class SummedFile:
    """A file that is written from its beginning to its end, and the SHA-256 of what was written."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._digest = file, hashlib.sha256()

    def write(self, data: bytes | memoryview) -> int:
        """Write all of some bytes."""
        self._digest.update(data)
        return self._file.write(data)

    def synced(self) -> tuple[int, str]:
        """Have all on the disk; tell how many bytes there are, and their SHA-256."""
        sync(self._file)
        return self._file.tell(), self._digest.hexdigest()


def are_intact(entry: Path, sums: Mapping[str, str]) -> bool:
    """Whether an entry's files hold what was written; of those that this process has read, it knows.

    Args:
        entry: the folder.
        sums: file name to SHA-256.

    Raises:
        OSError: one cannot be read.
    """
    return all(_is_intact(entry / name, wanted) for name, wanted in sums.items())


def _is_intact(path: Path, wanted: str) -> bool:
    with path.open("rb") as file:
        stat = os.fstat(file.fileno())
        # A file of the cache is never written to once it has its name: another inode is another file.
        key = (str(path), stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns)
        if key not in _verified and hashlib.file_digest(file, "sha256").hexdigest() != wanted:
            return False
    _verified.add(key)
    return True
