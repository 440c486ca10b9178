"""Files that are there whole or not at all, also after a crash, and locks: the only user of ``fsync``."""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from raysearch.errors import StorageError

LOOKS, LOOK_S = 2, 0.05  # tries of a lock beside the last one, and seconds between them


def expanded(path: str | Path) -> Path:
    """Put the user's home in place of a leading ``~``, which a shell does not in ``--data=~/jets``."""
    # os.path's: Path's own raises a RuntimeError for a user without a home.
    return Path(os.path.expanduser(path))  # noqa: PTH111


def write_durably(path: Path, content: bytes) -> None:
    """Write a file, and its folder, so that after a crash the file is there whole or not at all.

    Raises:
        StorageError: the disk is full or failed.
    """
    try:
        write_whole(path, content)
    except OSError as error:
        raise StorageError(f"{path}: cannot be written: {error.strerror}") from error


def write_whole(path: Path, content: bytes) -> None:
    """As :func:`write_durably`, for whoever has words of his own for what goes wrong.

    Raises:
        OSError: the disk is full or failed, or the folder cannot be written; what was there before is left.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        put_in_place(part, path)
    except OSError:
        with suppress(OSError):
            part.unlink()
        raise


def put_in_place(part: Path, path: Path) -> None:
    """Give a file that was written and closed its name, durably; one of that name is replaced.

    Its content must be on disk before its name is: else a crash could leave the name with nothing behind it.

    Args:
        part: the file, in the same folder.
        path: its name.

    Raises:
        OSError: the disk is full or failed.
    """
    with part.open("rb") as written:  # any handle will do: a sync is of the file
        os.fsync(written.fileno())
    part.replace(path)
    sync_folder(path.parent)


def sum_in_name(content: bytes) -> str:
    """What the name of a file that :func:`read_sound` reads ends with: its SHA-256, 32 digits of it."""
    return hashlib.sha256(content).hexdigest()[:32]


def read_sound(path: Path) -> bytes | None:
    """Read a file whose name ends with the SHA-256 of its content (32 digits); None if it is gone or damaged.

    A damaged one is set aside as ``*.corrupt``.

    Raises:
        StorageError: it is there and cannot be read.
    """
    try:
        content = path.read_bytes()
        if sum_in_name(content) != path.stem.rpartition("-")[2]:
            path.rename(path.with_suffix(".corrupt"))
            return None
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(f"{path}: cannot be read: {error.strerror}") from error
    return content


def sync(file: IO[Any] | int) -> None:
    """Have all that was written to an open file, or to its handle, on the disk."""
    if isinstance(file, int):
        os.fsync(file)
        return
    file.flush()
    os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable: what was created or renamed there is in the folder's own data."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        sync(handle)
    finally:
        os.close(handle)


def lock(file: IO[Any] | int, *, shared: bool = False, wait: bool = False) -> None:
    """Lock an open file; the lock ends with the handle, so that one who is killed holds nothing.

    Args:
        file: the file, or its handle.
        shared: several may hold it so at a time, and nobody else then.
        wait: until it is free.

    Raises:
        BlockingIOError: another process holds it.
        OSError: this file system has no locks.
    """
    fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))


def take(file: IO[Any] | int) -> None:
    """As :func:`lock`, but not kept away by who only looks: :func:`is_locked` holds it for microseconds.

    Raises:
        BlockingIOError: another process holds it.
        OSError: this file system has no locks.
    """
    for _ in range(LOOKS):
        try:
            lock(file)
        except BlockingIOError:
            time.sleep(LOOK_S)
        else:
            return
    lock(file)


def is_locked(path: Path) -> bool:
    """Tell whether somebody holds a file locked; not where there is no file, or no locks are."""
    try:
        with path.open("rb") as file:
            lock(file, shared=True)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


@contextmanager
def owners_only() -> Iterator[None]:
    """Have what this process writes meanwhile readable by its owner alone, whatever its umask."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)
