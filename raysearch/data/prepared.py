"""Arrays that are read once, kept on disk as they are trained on, and mapped by every run of a node.

A mapped file is one copy in the node's memory, the page cache, however many processes read it, and may be
larger than memory. An entry of the cache is a folder of plain ``.npy`` files under a hash of all that decides
their content. It is written under another name, synced and renamed, so that it is whole or not there whenever
a process is killed; processes that want the same entry wait for the first. Each process verifies the content
of an entry when it first maps it (raysearch/data/array_files.py), and one that is damaged is made again.

If the cache cannot be written, arrays are read into memory instead. It is ``arrays`` in the
folder that raysearch/cache.py names, and may be deleted at any time.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import logging
import math
import os
import shutil
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from raysearch.cache import cache_root
from raysearch.data.array_files import SummedFile, are_intact
from raysearch.errors import StorageError
from raysearch.files import lock, sync, sync_folder

logger = logging.getLogger(__name__)

LIMIT_BYTES = 64 * 2**30  # of all entries; the least recently used go first
FREE_BYTES = 2 * 2**30  # that stay free on the disk, or FREE_SHARE of a small one
FREE_SHARE = 0.05
MEMORY_SHARE = 0.5  # of the node's memory that one entry may take if there is no cache
STALE_S = 24 * 3600  # since a half-written entry was last touched
LOCKS = 16
ABOUT = "about.json"

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Plan:
    """What arrays will be, and how to get them.

    Attributes:
        arrays: name to shape and type; all have the same first axis.
        pieces: yields the rows of every array in order, a piece at a time.
    """

    arrays: Mapping[str, tuple[tuple[int, ...], np.dtype[Any]]]
    pieces: Callable[[], Iterator[Mapping[str, NDArray[Any]]]]

    @property
    def n_bytes(self) -> int:
        """Bytes of all arrays."""
        return sum(math.prod(shape) * kind.itemsize for shape, kind in self.arrays.values())


def prepared(identity: Mapping[str, Any], plan: Callable[[], Plan]) -> Arrays:
    """Map arrays from the cache, which gets them first if it does not hold them.

    Args:
        identity: plain values that decide every bit of the arrays.
        plan: called if the cache does not hold them; may raise InputError.

    Returns:
        Read-only arrays.

    Raises:
        StorageError: the cache cannot hold them, and they are too large for memory.
    """
    key = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:32]
    try:
        root = cache_folder()
        found = _open(root / key)
        if found is None:
            with _alone(root, key):
                found = _open(root / key, tell=True)  # another process may have been first
                if found is None:
                    _write(root, key, identity, plan())
                    found = _open(root / key)
    except OSError as error:
        logger.warning("no cache of prepared data: %s", error)
        return _in_memory(plan(), error)
    if found is None:
        return _in_memory(plan(), OSError(errno.EIO, "an entry that was just written cannot be read"))
    return found


def cache_folder() -> Path:
    """Find or make the folder of the cache, for its owner's eyes alone.

    Raises:
        OSError: it cannot be made, or belongs to another user.
    """
    root = cache_root() / "arrays"
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    if root.stat().st_uid != os.getuid():
        raise PermissionError(errno.EPERM, "belongs to another user", str(root))
    return root


def as_tensor(array: NDArray[Any]) -> Tensor:
    """See an array as a tensor without copying it; nobody may write to one that is mapped."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        return torch.from_numpy(array)


def _open(entry: Path, *, tell: bool = False) -> Arrays | None:
    """Map an entry if it is whole: every array has the size, shape, type and content that were written."""
    try:
        about = json.loads((entry / ABOUT).read_text(encoding="utf-8"))
        arrays: Arrays = {}
        sums = {f"{name}.npy": found for name, (*_, found) in about["arrays"].items()}
        for name, (n_bytes, shape, kind, _) in about["arrays"].items():
            path = entry / f"{name}.npy"
            array = np.load(path, mmap_mode="r", allow_pickle=False)
            if (path.stat().st_size, list(array.shape), array.dtype.str) != (n_bytes, shape, kind):
                return None
            arrays[name] = array
        if not are_intact(entry, sums):
            if tell:
                logger.warning("prepared data in the cache were damaged and are made again: %s", entry)
            return None
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError, EOFError):
        return None
    with contextlib.suppress(OSError):
        os.utime(entry)  # the order in which entries go
    return arrays


def _write(root: Path, key: str, identity: Mapping[str, Any], plan: Plan) -> None:
    _make_room(root, plan.n_bytes)
    part = Path(tempfile.mkdtemp(prefix=f".{key}.", suffix=".part", dir=root))
    try:
        with contextlib.ExitStack() as stack:
            files = {
                name: SummedFile(stack.enter_context((part / f"{name}.npy").open("wb")))
                for name in plan.arrays
            }
            for name, (shape, kind) in plan.arrays.items():
                header = {"descr": kind.str, "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(files[name], header)
            for piece in plan.pieces():
                for name, rows in piece.items():
                    # Piece by piece: the arrays of all files may be larger than memory.
                    files[name].write(np.ascontiguousarray(rows, plan.arrays[name][1]).data)
            written = {name: file.synced() for name, file in files.items()}
        arrays = {
            name: (written[name][0], shape, kind.str, written[name][1])
            for name, (shape, kind) in plan.arrays.items()
        }
        # Last, and after the arrays are on the disk: an entry with it is whole.
        with (part / ABOUT).open("w", encoding="utf-8") as file:
            json.dump({"identity": identity, "arrays": arrays}, file, indent=1)
            sync(file)
        shutil.rmtree(root / key, ignore_errors=True)  # it was not whole
        part.rename(root / key)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    sync_folder(root)


def _make_room(root: Path, n_bytes: int) -> None:
    """Drop what was left half-written, and the least recently used entries while there is too little room."""
    entries = []
    for path in root.iterdir():
        if not path.is_dir():
            continue
        with contextlib.suppress(OSError):  # another process may be dropping it too
            touched, size = path.stat().st_mtime, sum(file.stat().st_size for file in path.iterdir())
            if not path.name.startswith("."):
                entries.append((touched, path, size))
            elif time.time() - max(file.stat().st_mtime for file in (path, *path.iterdir())) > STALE_S:
                shutil.rmtree(path, ignore_errors=True)
    disk = shutil.disk_usage(root)
    used = sum(size for *_, size in entries)
    room = min(LIMIT_BYTES, used + disk.free - min(FREE_BYTES, int(FREE_SHARE * disk.total)))
    if n_bytes > room:
        raise OSError(errno.ENOSPC, f"{n_bytes / 1e9:.1f} GB of prepared data do not fit", str(root))
    for _, oldest, size in sorted(entries):
        if used + n_bytes <= room:
            break
        logger.info("prepared data %s go, to make room", oldest)
        shutil.rmtree(oldest, ignore_errors=True)  # who has it mapped keeps it
        used -= size


@contextlib.contextmanager
def _alone(root: Path, key: str) -> Iterator[None]:
    """Hold one of a few locks; a file system without locks goes without, and prepares twice at worst."""
    with (root / f"lock-{int(key, 16) % LOCKS}").open("w") as file:
        with contextlib.suppress(OSError):
            lock(file, wait=True)
        yield


def _in_memory(plan: Plan, why: OSError) -> Arrays:
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    # Every run of the node would hold a copy: better told now than ended by the kernel.
    if plan.n_bytes > MEMORY_SHARE * memory:
        raise StorageError(
            f"{plan.n_bytes / 1e9:.1f} GB of prepared data can be neither cached ({why}) nor held in memory; "
            "set RAYSEARCH_CACHE to a folder with room"
        )
    arrays: Arrays = {name: np.empty(shape, kind) for name, (shape, kind) in plan.arrays.items()}
    start = 0
    for piece in plan.pieces():
        n = len(next(iter(piece.values())))
        for name, rows in piece.items():
            arrays[name][start : start + n] = rows
        start += n
    return arrays
