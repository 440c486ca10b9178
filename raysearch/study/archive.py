"""A bundle as a stream of plain files, whoever made it.

Members are read one after another with the standard library's header parser, and never by
``tarfile.extract``.
"""

from __future__ import annotations

import gzip
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from raysearch.errors import InputError, StorageError
from raysearch.study.bundle_format import CHUNK

_BLOCK, _RECORD = tarfile.BLOCKSIZE, tarfile.RECORDSIZE
_NO_FILE = {
    tarfile.LNKTYPE: "a hard link",
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.DIRTYPE: "a folder",
    tarfile.FIFOTYPE: "a pipe",
}


class Archive:
    """The members of a bundle, one after another.

    Args:
        path: of the bundle, for messages.
        stream: what is in it.
    """

    def __init__(self, path: Path, stream: gzip.GzipFile) -> None:
        self._path, self._stream, self._where = path, stream, "its first member"

    def refuse(self, why: str) -> InputError:
        """Make the error of a bundle that holds what none may hold."""
        return InputError(f"{self._path}: {why}; nothing was unpacked")

    def broken(self, how: str) -> StorageError:
        """Make the error of a bundle that did not arrive as it was sent."""
        return StorageError(f"{self._path}: {how} in {self._where}; copy it again. Nothing was unpacked")

    def next_file(self) -> tarfile.TarInfo | None:
        """Read the next member's header; None at the end."""
        block = self._read(_BLOCK)
        if not any(block):
            return None
        try:
            header = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
        except (tarfile.HeaderError, ValueError) as error:
            raise self.broken("damaged") from error
        if header.type != tarfile.REGTYPE:
            what = _NO_FILE.get(header.type, "no plain file")
            raise self.refuse(f"member {header.name!r} is {what}")
        self._where = repr(header.name)
        return header

    def content(self, size: int) -> Iterator[bytes]:
        """Read the content of the member whose header was read."""
        for start in range(0, size, CHUNK):
            yield self._read(min(CHUNK, size - start))
        self._read(-size % _BLOCK)  # its padding

    def check_end(self) -> None:
        """Check that nothing but the end mark follows; with it gzip's own checksum of all."""
        header = self.next_file()
        if header is not None:
            raise self.refuse(f"member {header.name!r} is none that its manifest names")
        self._where = "its end"
        # Other tars than ours fill the last record up with zeros; more than that could be a second archive.
        # Reading past the end has gzip compare its own checksum and length.
        rest = self._some(_RECORD + 1)
        if len(rest) < _BLOCK:
            raise self.broken("cut off")
        if any(rest) or len(rest) > _RECORD:
            raise self.refuse("it goes on behind its end")

    def _read(self, size: int) -> bytes:
        data = self._some(size)
        if len(data) < size:
            raise self.broken("cut off")
        return data

    def _some(self, size: int) -> bytes:
        try:
            return self._stream.read(size)
        except EOFError as error:
            raise self.broken("cut off") from error
        except (gzip.BadGzipFile, zlib.error) as error:
            raise self.broken("damaged") from error
        except OSError as error:
            raise StorageError(f"{self._path}: cannot be read: {error.strerror}") from error


@contextmanager
def opened(path: Path) -> Iterator[Archive]:
    """Open a bundle.

    Raises:
        InputError: it cannot be read, or is no bundle.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        file: BinaryIO = path.open("rb")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    with file:
        if file.read(2) != b"\x1f\x8b":
            raise InputError(f"{path}: no bundle of raysearch (it is not compressed by gzip)")
        file.seek(0)
        with gzip.GzipFile(fileobj=file, mode="rb") as stream:
            yield Archive(path, stream)
