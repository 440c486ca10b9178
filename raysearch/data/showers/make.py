"""Makes electron showers by the model in raysearch/data/showers/model.py, in the layout of the 3DGAN files.

Work is cut into blocks, each with a seed of its own, so that neither the number of processes nor the order in which
they end changes a byte of the files; only the blocks in work are in memory. A file is whole or not there: made again,
the same command keeps the files that a killed one had finished.
"""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import json
import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from raysearch import __version__
from raysearch.data.files import SUFFIXES, sums
from raysearch.data.hdf5_gate import open_hdf5
from raysearch.data.showers.files import ECAL, ELECTRON, EVENT, SHAPE, TARGET
from raysearch.data.showers.model import CALORIMETER, simulate
from raysearch.errors import FolderError, InputError, ResourceError, StorageError
from raysearch.seeds import generator

ENERGY_GEV = (10.0, 500.0)
BLOCK = 100  # showers made from one seed, and a chunk of the file
FILE = 10_000  # showers in a file, as in the public set
NOISE_GEV = 1e-5  # cells below are zero
KEPT_BITS = 10  # of the 23 in the mantissa of a float32: 5e-4 relative; the rest compresses away
STEP_GEV = 2.0**-11  # what cells are whole numbers of in compact files
VERSION = 1  # of the recipe; files of another are not kept
MADE = "made"  # the file's attribute that says how
LIBRARIES = ("h5py", "numpy", "torch")


@dataclass(frozen=True)
class ShowerBlock:
    """Showers: ``energy`` (shower,) GeV, float32; ``cells`` float32 (shower, 25, 25, 25), GeV."""

    energy: NDArray[np.float32]
    cells: NDArray[np.float32]


@dataclass(frozen=True)
class BlockOrder:
    """One block to make: ``n`` showers, whose randomness follows from seed and number."""

    seed: int
    number: int
    n: int
    compact: bool


def make_showers(
    folder: Path,
    showers: int,
    seed: int,
    workers: int = 1,
    *,
    compact: bool = False,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> list[Path]:
    """Make showers of electrons with energies uniform in 10 to 500 GeV, and ``provenance.json`` beside them.

    Several workers are fresh processes: a script that asks for them needs ``if __name__ == "__main__"``.

    Args:
        folder: where the files go; created if need be, and may hold files of the same command.
        showers: how many.
        seed: the same seed gives the same bytes with any number of workers.
        workers: processes at a time.
        compact: cells as whole numbers of ``STEP_GEV``, a third of the size; see :func:`in_steps`.
        progress: called with (showers there, showers asked for) after each block.

    Returns:
        The files, in order.

    Raises:
        InputError: ``showers``, ``workers`` or ``folder`` cannot be used; lists all faults.
        ResourceError: a process was killed.
        FolderError: the folder cannot be made.
        StorageError: a file cannot be written.
    """
    wanted = {path.name: (path, recipe) for path, recipe in _files(folder, showers, seed, compact=compact)}
    kept = _check(folder, showers, workers, wanted)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FolderError(f"{folder}: cannot be made: {error}") from None
    missing = [found for name, found in wanted.items() if name not in kept]
    blocks = _made([order for _, recipe in missing for order in _orders(recipe)], workers)
    done = sum(recipe["showers"] for name, (_, recipe) in wanted.items() if name in kept)
    for path, recipe in missing:
        first = done
        for done in _write(path, recipe, islice(blocks, len(_orders(recipe)))):
            progress(first + done, showers)
        done += first
    files = [path for path, _ in wanted.values()]
    _write_provenance(files, next(iter(wanted.values()))[1] | {"first": 0, "showers": showers})
    return files


def make_block(order: BlockOrder) -> ShowerBlock:
    """Make one block; the same order gives the same bits."""
    rng = generator(order.seed, "showers", order.number)
    energy = rng.uniform(*ENERGY_GEV, order.n).astype(np.float32)
    cells = simulate(energy.astype(np.float64), rng)
    if order.compact:
        return ShowerBlock(energy, in_steps(cells))
    return ShowerBlock(energy, _rounded(np.where(cells < NOISE_GEV, np.float32(0), cells)))


def in_steps(cells: NDArray[np.float32], step_gev: float = STEP_GEV) -> NDArray[np.float32]:
    """Cells as whole numbers of steps; what is left over goes to the next cell of the layer.

    So the sum of a layer changes by half a step at most, which rounding every cell by itself would not give.

    Args:
        cells: (shower, x, y, layer), at least 0.
        step_gev: the step.

    Returns:
        The same shape, at least 0.
    """
    n, side, _, layers = cells.shape
    in_line = np.moveaxis(cells, 3, 1).reshape(n, layers, side * side) / step_gev
    steps = np.diff(np.rint(np.cumsum(in_line, axis=2, dtype=np.float64)), axis=2, prepend=0)
    return np.moveaxis((steps * step_gev).reshape(n, layers, side, side), 1, 3).astype(np.float32)


def _rounded(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Round to nearest in the last kept bit, so that the other bits are 0."""
    dropped = 23 - KEPT_BITS
    bits = np.ascontiguousarray(values).view(np.uint32) + np.uint32(1 << (dropped - 1))
    return (bits & np.uint32(0xFFFFFFFF << dropped & 0xFFFFFFFF)).view(np.float32)


def _files(folder: Path, showers: int, seed: int, *, compact: bool) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Each file with all that decides its content."""
    detector = asdict(CALORIMETER)
    for number, first in enumerate(range(0, showers, FILE)):
        n = min(FILE, showers - first)
        path = folder / f"electrons_{number}_{first}_{first + n}.h5"
        what = {"version": VERSION, "seed": seed, "first": first, "showers": n, "compact": compact}
        yield path, {**what, "energy_gev": ENERGY_GEV, "detector": detector}


def _orders(recipe: dict[str, Any]) -> list[BlockOrder]:
    first, n = recipe["first"], recipe["showers"]
    return [
        BlockOrder(recipe["seed"], (first + start) // BLOCK, min(BLOCK, n - start), recipe["compact"])
        for start in range(0, n, BLOCK)
    ]


def _check(
    folder: Path, showers: int, workers: int, wanted: dict[str, tuple[Path, dict[str, Any]]]
) -> set[str]:
    """Names of the files that are there already."""
    problems = []
    kept = set()
    if showers < 1:
        problems.append(f"showers: must be at least 1, got {showers}")
    if workers < 1:
        problems.append(f"workers: must be at least 1, got {workers}")
    if folder.exists() and not folder.is_dir():
        problems.append(f"{folder}: is not a folder")
    elif folder.exists():
        for path in sorted(file for file in folder.iterdir() if file.suffix in SUFFIXES):
            if path.name in wanted and _made_as(path) == json.dumps(wanted[path.name][1], sort_keys=True):
                kept.add(path.name)
            else:
                problems.append(f"{path}: is not of this command; name another folder")
    if problems:
        raise InputError(*problems)
    return kept


def _made_as(path: Path) -> object:
    try:
        with closing(open_hdf5(path)) as file:
            return file.attrs.get(MADE)
    except InputError:
        return None


def _made(orders: list[BlockOrder], workers: int) -> Iterator[ShowerBlock]:
    """Blocks in the order asked for; of several processes, a few ahead of the one that is waited for."""
    if workers == 1:
        yield from map(make_block, orders)
        return
    pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))
    try:
        waiting = iter(orders)
        ahead: list[Future[ShowerBlock]] = [
            pool.submit(make_block, order) for order in islice(waiting, 2 * workers)
        ]
        while ahead:
            block = ahead.pop(0).result()
            ahead.extend(pool.submit(make_block, order) for order in islice(waiting, 1))
            yield block
    except BrokenProcessPool:
        raise ResourceError(
            "a process that made showers was killed (out of memory?); try fewer workers"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def _write(path: Path, recipe: dict[str, Any], blocks: Iterator[ShowerBlock]) -> Iterator[int]:
    """Write one file block by block under a temporary name, then rename it; tells how many showers it holds."""
    part = path.with_name(f".{path.name}.part")
    n, chunk = recipe["showers"], min(BLOCK, recipe["showers"])
    filters = {"compression": "gzip", "compression_opts": 9 if recipe["compact"] else 4}
    filters |= {"shuffle": True, "fletcher32": True}
    try:
        with h5py.File(part, "w", libver=("earliest", "v110")) as file:
            file.attrs[MADE] = json.dumps(recipe, sort_keys=True)
            cells = file.create_dataset(ECAL, (n, *SHAPE), "f4", chunks=(chunk, *SHAPE), **filters)
            target = file.create_dataset(TARGET, (n, 2), "f4")
            target[:, 0] = ELECTRON
            start = 0
            for block in blocks:
                rows = slice(start, start + len(block.energy))
                cells[rows], target[rows, 1] = block.cells, block.energy
                start = rows.stop
                yield start
            file[EVENT] = recipe["first"] + np.arange(n)
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise StorageError(f"{path}: cannot be written: {error}") from None


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write_provenance(files: list[Path], recipe: dict[str, Any]) -> None:
    stored = (
        f"GeV in the sensors as whole numbers of {STEP_GEV} GeV; what is left over goes to the next cell of the layer"
        if recipe["compact"]
        else f"GeV in the sensors, {KEPT_BITS} bits of mantissa kept, below {NOISE_GEV} GeV zero"
    )
    record = {
        **recipe,
        "what": "a parameterisation, not a simulation of particles: profile, radii and resolution are its inputs",
        "model": "G. Grindhammer, S. Peters, hep-ex/0001020, appendix A; raysearch/data/showers/model.py",
        "sampling_fraction": CALORIMETER.sampling_fraction,
        "files": {name: {"sha256": sha} for name, sha in sums(files).items()},
        "stored": stored,
        "licence": "CC BY 4.0",
        "layout_after": "3DGAN fixed-angle electrons (ECAL, target); none of its data is in these files",
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "versions": {"raysearch": __version__}
        | {name: importlib.metadata.version(name) for name in LIBRARIES},
    }
    text = json.dumps(record, indent=2) + "\n"
    files[0].with_name("provenance.json").write_text(text, encoding="utf-8")
