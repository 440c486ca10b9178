"""Showers as one of the kinds of data, see raysearch/data/kinds.py; numpy and HDF5 are loaded when they are needed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from raysearch.data.showers.summary import ShowerSummary

if TYPE_CHECKING:
    from raysearch.data.kinds import Events


def files(path: Path | None) -> list[Path]:
    """List the files at a path."""
    from raysearch.data.showers.files import shower_files

    return shower_files(path)


def check(path: Path | None) -> ShowerSummary:
    """Read every value."""
    from raysearch.data.showers.files import check_showers

    return check_showers(path)


def events(path: Path | None) -> Events:
    """Read event numbers, which every shower has, and the files' places."""
    from raysearch.data.showers.files import load_energies

    _, found, file_index = load_energies(path)
    return found, file_index


def make(
    out: Annotated[Path, "Folder for the files; what this command made is kept."],
    showers: Annotated[int, "How many electron showers."] = 10_000,
    seed: Annotated[int, "Same seed, same showers, with any number of workers."] = 1,
    workers: Annotated[int, "Processes at a time."] = 1,
    compact: Annotated[bool, "Cells in whole steps of 0.49 MeV, a third of the size."] = False,
    *,
    progress: Callable[[int, int], None],
) -> list[Path]:
    """Make electron showers by a parameterisation; their profile and resolution are its inputs."""
    from raysearch.data.showers.make import make_showers

    return make_showers(out, showers, seed, workers, compact=compact, progress=progress)
