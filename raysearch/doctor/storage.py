"""What is found about folders: may they be written, is there room, do locks and syncs work, what are they.

Everything is tried on a file without a name, which is gone when it is closed.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from raysearch.doctor.findings import Finding, fault, ok, warning
from raysearch.errors import FolderError, StorageError
from raysearch.files import is_locked, lock, sync

RESERVE_BYTES = 50 * 1024**2  # with less hardly a study begins
LOW_BYTES, LOW_SHARE = 5 * 10**9, 0.1  # little room is both
RAY_FULL_SHARE = 0.95  # Ray writes no objects to a disk that is fuller than this
FEW_INODES = 1000
PROBE = b"raysearch" * 8192
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
SHARED = re.compile(r"nfs\d?|cifs|smb3|lustre|gpfs|beegfs|ceph|9p|afs|fuse(\..*)?|virtiofs")
PASSING = {"tmpfs", "ramfs"}
SOCKET_BYTES = 107  # of a Unix socket's path, see unix(7)
SESSION = "ray/session_2026-01-01_00-00-00_000000_1234567/sockets/plasma_store"


@dataclass(frozen=True)
class Tried:
    """What a folder did with a file."""

    sync_s: float
    has_locks: bool
    excludes: bool


def studies_folder(runs: Path) -> Iterator[Finding]:
    """Look at the folder of studies, or where it would be made."""
    folder = nearest(runs)
    told = str(runs) if folder == runs else f"{runs} (to be made in {folder})"
    advice = "choose another folder with --runs"
    # By writing, not by permissions: those say nothing of quotas, read-only mounts and network storage.
    if problem := _problem("runs", folder, told, advice):
        yield problem
        return
    tried, kind = _try(folder), filesystem(folder)
    free = shutil.disk_usage(folder)
    text = f"{told}: {free.free / 1e9:.1f} GB free, {kind}, fsync {tried.sync_s * 1e3:.0f} ms"
    if free.free < RESERVE_BYTES:
        code = StorageError.exit_code
        yield fault("runs", f"{text}; full", f"delete studies that are not needed, or {advice}", code)
    elif not tried.has_locks:
        yield fault("runs", f"{text}; files cannot be locked", advice, StorageError.exit_code)
    elif not tried.excludes:
        yield warning("runs", f"{text}; locks do not exclude", "never start a study twice, or " + advice)
    elif kind in PASSING:
        yield warning("runs", f"{text}; in memory, gone with the machine", advice)
    elif SHARED.fullmatch(kind):
        advice = (
            "start a study from one machine at a time, unless its flock is known to work between machines"
        )
        yield warning("runs", f"{text}; other machines may not see its lock", advice)
    elif free.free < min(LOW_BYTES, LOW_SHARE * free.total):
        yield warning("runs", f"{text}; little", "delete studies that are not needed")
    elif os.statvfs(folder).f_files > 0 and os.statvfs(folder).f_favail < FEW_INODES:
        yield warning("runs", f"{text}; room for few more files", "delete what is not needed")
    else:
        yield ok("runs", text)


def ray_folder() -> Iterator[Finding]:
    """Look at the folder that Ray keeps its sessions in: room, and paths short enough for sockets."""
    top = Path(os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or "/tmp")
    advice = "name a folder for Ray: export RAY_TMPDIR=FOLDER"
    if not top.is_dir():
        yield fault("ray files", f"{top} is not there", advice, FolderError.exit_code)
        return
    # On a shared machine it may be there already, another user's and closed.
    place = top / "ray" if (top / "ray").is_dir() else top
    if problem := _problem("ray files", place, str(place), advice):
        yield problem
        return
    free = shutil.disk_usage(place)
    text = f"{place}: {free.free / 1e9:.1f} GB free, {filesystem(place)}"
    n_bytes = len(os.fsencode(top / SESSION))
    if n_bytes > SOCKET_BYTES:
        lengths = f"{n_bytes} bytes with their names, {SOCKET_BYTES} are allowed"
        found = f"{top}: too long for Ray's sockets ({lengths})"
        yield fault(
            "ray files", found, "export RAY_TMPDIR=/tmp, or another short path", FolderError.exit_code
        )
    elif free.free < RESERVE_BYTES:
        yield fault("ray files", f"{text}; full", f"free some room, or {advice}", StorageError.exit_code)
    elif free.free < (1 - RAY_FULL_SHARE) * free.total:
        yield warning("ray files", f"{text}; over {RAY_FULL_SHARE:.0%} used", f"free some room, or {advice}")
    else:
        yield ok("ray files", text)


def data_files(path: Path) -> Iterator[Finding]:
    """Look at whether data are there and can be read; what is in them says `raysearch data check`."""
    try:
        files = (
            [path]
            if stat.S_ISREG(path.stat().st_mode)
            else [each for each in path.iterdir() if each.is_file()]
        )
        for file in files:
            with file.open("rb") as opened:
                # A byte of each, for permissions; what is in them takes minutes and is another command.
                opened.read(1)
    except OSError as error:
        yield fault(
            "data", f"{error.filename or path}: {error.strerror}", "correct --data, or its permissions"
        )
        return
    size_mb = sum(each.stat().st_size for each in files) / 1e6
    text = f"{path}: {len(files)} file{'s' if len(files) != 1 else ''}, {size_mb:.1f} MB, {filesystem(path)}"
    if files:
        yield ok("data", f"{text}; what is in them says: raysearch data check {path}")
    else:
        yield fault("data", text, "correct --data")


def nearest(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there and may be seen."""
    places = (folder, *folder.absolute().parents)
    return next(each for each in places if os.path.exists(each))  # noqa: PTH110 - False when forbidden


def filesystem(path: Path) -> str:
    """Name the kind of file system that a path lies on, such as ext4 or nfs4, or ``unknown``.

    See proc_pid_mountinfo(5). Of mounts on one another the last one counts.
    """
    place, kind, longest = path.resolve(), "unknown", -1
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        left, _, right = line.partition(" - ")
        mount = Path(re.sub(r"\\(\d{3})", lambda found: chr(int(found[1], 8)), left.split()[4]))
        if place.is_relative_to(mount) and len(mount.parts) >= longest:
            kind, longest = right.split()[0], len(mount.parts)
    return kind


def may_be_written(folder: Path) -> OSError | None:
    """Write a file without a name to a folder; return the error, if that fails."""
    try:
        _try(folder)
    except OSError as error:
        return error
    return None


def _problem(name: str, folder: Path, told: str, advice: str) -> Finding | None:
    error = may_be_written(folder)
    if error is None:
        return None
    code = StorageError.exit_code if error.errno in FULL else FolderError.exit_code
    return fault(name, f"{told}: cannot be written: {error.strerror or error}", advice, code)


def _try(folder: Path) -> Tried:
    """Write, sync and lock a file."""
    # Without a name where the system can: nothing is left behind, even by a kill.
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        start = time.monotonic()
        # Unbuffered, a full disk writes a part and raises nothing.
        if file.write(PROBE) < len(PROBE):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(file)
        sync_s = time.monotonic() - start
        try:
            lock(file)
        except OSError:
            return Tried(sync_s, has_locks=False, excludes=False)
        return Tried(sync_s, has_locks=True, excludes=_excludes(file.fileno()))


def _excludes(handle: int) -> bool:
    """Whether another opening of an open file finds it locked."""
    # flock belongs to what is opened: a second opening is refused like another process.
    return is_locked(Path(f"/proc/self/fd/{handle}"))
