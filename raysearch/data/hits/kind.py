"""Hits as a kind of data, see raysearch/data/kinds.py; readers are loaded when they are needed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from raysearch.data.hits.choices import Choices, particle_range
from raysearch.data.hits.summary import HitSummary
from raysearch.data.showers.choices import energy_range

if TYPE_CHECKING:
    from raysearch.data.kinds import Events
    from raysearch.data.paths import DataPath


def files(path: DataPath) -> list[Path]:
    """List the files at a path."""
    from raysearch.data.hits.files import hit_files

    return hit_files(path)


def check(path: DataPath) -> HitSummary:
    """Read every value."""
    from raysearch.data.hits.check import check_hits

    return check_hits(path)


def events(path: DataPath) -> Events:
    """Read event numbers, which every event has, and the files' places."""
    from raysearch.data.hits.files import load_events

    return load_events(path)


def make(
    out: Annotated[Path, "Folder for the files; what this command made is kept."],
    events: Annotated[int, "How many events."] = 10_000,
    seed: Annotated[int, "Same seed, same events, with any number of workers."] = 1,
    workers: Annotated[int, "Processes at a time."] = 1,
    particles: Annotated[
        str, "Pions in an event: a number, or the least and the greatest, such as 1,5."
    ] = "2",
    energies: Annotated[str, "Least and greatest momentum of a pion in GeV."] = "10,100",
    *,
    progress: Callable[[int, int], None],
) -> list[Path]:
    """Make events of pions in a calorimeter with Pythia 8, which the extra "hep" installs."""
    from raysearch.data.hits.make import make_hits

    choices = Choices(particle_range(particles), energy_range(energies))
    return make_hits(out, events, seed, workers, choices=choices, progress=progress)
