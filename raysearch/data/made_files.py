"""Files that a command of ``raysearch data make`` finds where it is to write its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

from raysearch.data.hdf5_gate import open_hdf5
from raysearch.data.paths import SUFFIXES
from raysearch.errors import InputError

MADE = "made"  # a file's attribute that says how


def kept_files(folder: Path, wanted: Mapping[Path, str]) -> tuple[set[Path], list[str]]:
    """Tell which files a command that was killed had finished, and what is in its way.

    Args:
        folder: where its files go; need not be there.
        wanted: each file, and how it will say that it was made.

    Returns:
        The files that are there already, and a problem for each that is not of this command.
    """
    if folder.exists() and not folder.is_dir():
        return set(), [f"{folder}: is not a folder"]
    there = sorted(file for file in folder.iterdir() if file.suffix in SUFFIXES) if folder.exists() else []
    # What is missing is made; anything else is not ours to mix.
    kept = {path for path in there if path in wanted and _made_as(path) == wanted[path]}
    return kept, [
        f"{path}: is not of this command; name another folder" for path in there if path not in kept
    ]


def ahead(progress: Callable[[int, int], None], before: int, total: int) -> Callable[[int], None]:
    """Tell of one file's rows as of those of all files."""
    return lambda n: progress(before + n, total)


def _made_as(path: Path) -> object:
    try:
        with closing(open_hdf5(path)) as file:
            return file.attrs.get(MADE)
    except InputError:
        return None
