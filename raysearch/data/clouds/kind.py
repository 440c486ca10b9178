"""Jets as point clouds, as a kind of data, see raysearch/data/kinds.py; readers are loaded when needed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from raysearch.data.clouds.summary import CloudSummary

if TYPE_CHECKING:
    from raysearch.data.kinds import Events
    from raysearch.data.paths import DataPath


def files(path: DataPath) -> list[Path]:
    """List the files at a path."""
    from raysearch.data.jets.files import jet_files

    return jet_files(path)


def check(path: DataPath) -> CloudSummary:
    """Read every value."""
    from raysearch.data.clouds.check import check_clouds

    return check_clouds(path)


def events(path: DataPath) -> Events:
    """Read or give event numbers, and the files' places."""
    from raysearch.data.clouds.jets import load_jet_clouds

    jets = load_jet_clouds(path)
    return jets.events, jets.file_index
