"""Files that a command of ``raysearch data make`` writes: block by block, each whole or not there."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, TypeVar

import h5py

from raysearch import __version__
from raysearch.data.hdf5_gate import open_hdf5
from raysearch.data.paths import SUFFIXES
from raysearch.errors import FolderError, InputError, StorageError
from raysearch.files import put_in_place

MADE = "made"  # a file's attribute that says how
LICENCE = "CC BY 4.0"
PROVENANCE = "provenance.json"

B = TypeVar("B")
Progress = Callable[[int, int], None]
"""Told of rows that are there, and of rows asked for."""


class FileRecipe(Protocol):
    """All that decides a file."""

    @property
    def rows(self) -> int:
        """How many rows it has."""

    def blocks(self) -> Iterable[Any]:
        """What is to be made for it, in order, in the words of whoever makes it."""

    def text(self) -> str:
        """What the file itself says of how it was made."""


R = TypeVar("R", bound=FileRecipe)


def kept_files(folder: Path, wanted: Mapping[Path, FileRecipe]) -> tuple[set[Path], list[str]]:
    """Tell which files a command that was killed had finished, and what is in its way.

    Args:
        folder: where its files go; need not be there.
        wanted: each file.

    Returns:
        The files that are there already, and a problem for each that is not of this command.
    """
    if folder.exists() and not folder.is_dir():
        return set(), [f"{folder}: is not a folder"]
    there = sorted(file for file in folder.iterdir() if file.suffix in SUFFIXES) if folder.exists() else []
    # What is missing is made; anything else is not ours to mix.
    kept = {path for path in there if path in wanted and made_as(path) == wanted[path].text()}
    return kept, [
        f"{path}: is not of this command; name another folder" for path in there if path not in kept
    ]


def make_files(
    folder: Path,
    wanted: Mapping[Path, R],
    kept: Collection[Path],
    made: Callable[[list[Any]], Iterator[B]],
    write: Callable[[Path, R, Iterator[B], Callable[[int], None]], object],
    progress: Progress,
    begun: Mapping[str, object],
) -> None:
    """Make the files that are not there yet.

    Args:
        folder: where they go; created if need be.
        wanted: each file, in order.
        kept: those that are there.
        made: makes blocks in the order asked for.
        write: writes a file of its blocks, and tells how many of its rows are written.
        progress: told after each block.
        begun: what ``provenance.json`` says until all of them are there.

    Raises:
        FolderError: the folder cannot be made.
        StorageError: something cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FolderError(f"{folder}: cannot be made: {error}") from None
    missing = {path: (recipe, list(recipe.blocks())) for path, recipe in wanted.items() if path not in kept}
    if missing:
        _write_json(folder / PROVENANCE, {"unfinished": "files are being made, or were", **begun})
    blocks = made([order for _, orders in missing.values() for order in orders])
    done, total = sum(wanted[path].rows for path in kept), sum(recipe.rows for recipe in wanted.values())
    for path, (recipe, orders) in missing.items():
        write(path, recipe, islice(blocks, len(orders)), _ahead(progress, done, total))
        done += recipe.rows


@contextmanager
def whole_hdf5(path: Path) -> Iterator[h5py.File]:
    """Open a new file under a temporary name and rename it at the end: it is whole or not there.

    Raises:
        StorageError: the disk is full or failed.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        # A form that readers of HDF5 1.10 open, whatever is installed here.
        with h5py.File(part, "w", libver=("earliest", "v110")) as file:
            yield file
        put_in_place(part, path)
    except OSError as error:
        raise StorageError(f"{path}: cannot be written: {error}") from None
    finally:
        part.unlink(missing_ok=True)


def write_provenance(files: Sequence[Path], record: Mapping[str, object]) -> Path:
    """Write ``provenance.json`` beside the files: what they are, under which licence, and since when.

    Raises:
        StorageError: it cannot be written.
    """
    path = files[0].with_name(PROVENANCE)
    _write_json(path, {**record, "licence": LICENCE, "date": dt.datetime.now(dt.UTC).date().isoformat()})
    return path


def _write_json(path: Path, content: Mapping[str, object]) -> None:
    try:
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise StorageError(f"{path.parent}: {path.name} cannot be written: {error}") from None


def versions_of(libraries: Iterable[str]) -> dict[str, str | None]:
    """Name raysearch's version and those of libraries, None for one that is not there."""
    found: dict[str, str | None] = {"raysearch": __version__}
    for name in libraries:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


def too_few(**counts: int) -> list[str]:
    """List which of the numbers that were asked for are below 1."""
    return [f"{name}: must be at least 1, got {n}" for name, n in counts.items() if n < 1]


def not_rising(name: str, given: tuple[float, float], least: float, most: float) -> list[str]:
    """Say that the ends of a range of energies, GeV, do not rise within bounds, if so."""
    low, high = given
    if least <= low <= high <= most:
        return []
    return [f"{name}: must rise from {least:g} to {most:g} GeV at most, got {low:g},{high:g}"]


def _ahead(progress: Progress, before: int, total: int) -> Callable[[int], None]:
    """Tell of one file's rows as of those of all files."""
    return lambda n: progress(before + n, total)


def made_as(path: Path) -> str | None:
    """What a file says of how it was made; None if it does not, or is no HDF5 file."""
    try:
        with closing(open_hdf5(path)) as file:
            told: str | None = file.attrs.get(MADE)
            return told
    except InputError:
        return None
