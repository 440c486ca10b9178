"""Showers as a kind of data, see raysearch/data/kinds.py; readers are loaded when they are needed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from raysearch.data.showers.choices import Angle, Choices, Sampling, energy_range
from raysearch.data.showers.summary import ShowerSummary

if TYPE_CHECKING:
    from raysearch.data.kinds import Events
    from raysearch.data.paths import DataPath


def files(path: DataPath) -> list[Path]:
    """List the files at a path."""
    from raysearch.data.showers.files import shower_files

    return shower_files(path)


def check(path: DataPath) -> ShowerSummary:
    """Read every value."""
    from raysearch.data.showers.files import check_showers

    return check_showers(path)


def events(path: DataPath) -> Events:
    """Read event numbers, which every shower has, and the files' places."""
    from raysearch.data.showers.files import load_energies

    _, found, file_index = load_energies(path)
    return found, file_index


def make(  # noqa: PLR0913, PLR0917 - an option is an argument
    out: Annotated[Path, "Folder for the files; what this command made is kept."],
    showers: Annotated[int, "How many electron showers."] = 10_000,
    seed: Annotated[int, "Same seed, same showers, with any number of workers."] = 1,
    workers: Annotated[int, "Processes at a time."] = 1,
    compact: Annotated[bool, "Cells in whole steps of 0.49 MeV, a third of the size."] = False,
    angle: Annotated[
        Angle, "At a right angle, 25 x 25 x 25 cells, or 60 to 120 degrees, 51 x 51 x 25."
    ] = Angle.fixed,
    energies: Annotated[str, "Least and greatest energy in GeV."] = "10,500",
    sampling: Annotated[
        Sampling,
        "Share of the energy in the cells: the same for all, or falling with energy as in 3DGAN's files.",
    ] = Sampling.flat,
    *,
    progress: Callable[[int, int], None],
) -> list[Path]:
    """Make electron showers by a parameterisation; their profile and resolution are its inputs."""
    from raysearch.data.showers.make import make_showers

    choices = Choices(compact, angle, energy_range(energies), sampling)
    return make_showers(out, showers, seed, workers, choices=choices, progress=progress)
