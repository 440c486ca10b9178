"""Jets as a kind of data, see raysearch/data/kinds.py; numpy and HDF5 are loaded when they are needed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from raysearch.data.jets.choices import Choices, Detector, RecipeName
from raysearch.data.jets.summary import JetSummary

if TYPE_CHECKING:
    from raysearch.data.kinds import Events
    from raysearch.data.paths import DataPath
    from raysearch.data.source import DataSource


def files(path: DataPath) -> list[Path]:
    """List the files at a path."""
    from raysearch.data.jets.files import jet_files

    return jet_files(path)


def check(path: DataPath) -> JetSummary:
    """Read every value."""
    from raysearch.data.jets.files import check_jets

    return check_jets(path)


def events(path: DataPath) -> Events:
    """Read event numbers, if there are any, and the files' places."""
    from raysearch.data.jets.files import load_events

    return load_events(path)


def lacking(path: DataPath, source: DataSource) -> list[str]:
    """Tell which parts have no jet of some class."""
    from raysearch.data.jets.classes import load_labels, missing_classes

    return list(missing_classes(load_labels(path), *events(path), source))


def make(  # noqa: PLR0913 - an option is an argument
    out: Annotated[Path, "Folder for the files; what this command made is kept."],
    jets: Annotated[int, "How many jets, a multiple of 5 (equal classes)."] = 10_000,
    seed: Annotated[int, "Same seed, same jets, with any number of workers."] = 1,
    workers: Annotated[int, "Processes at a time."] = 1,
    compact: Annotated[bool, "Store rounded four-momenta only, a quarter of the size."] = False,
    recipe: Annotated[
        RecipeName, "Like the public HLS4ML LHC jets, or those of raysearch 0.1.0."
    ] = RecipeName.public,
    detector: Annotated[
        Detector | None,
        "What sees the particles: none, cells and tracks, or these smeared; for public cells if not given.",
    ] = None,
    *,
    progress: Callable[[int, int], None],
) -> list[Path]:
    """Make jets with Pythia 8 and FastJet, which the extra "hep" installs."""
    from raysearch.data.jets.make import make_jets

    choices = Choices(recipe, detector, compact)
    return make_jets(out, jets, seed, workers, choices=choices, progress=progress)
