"""A series of studies on disk: ``runs/NAME/series.yaml`` and a study's folder for each member.

The file is written once, before the first member begins, and holds every member's complete
space file, so that a series goes on without the file it came from, and an id, so that one made
again under the same name is another.
"""

from __future__ import annotations

import secrets
from pathlib import Path

import yaml

from raysearch.errors import FolderError, StorageError
from raysearch.files import write_whole
from raysearch.space.series_file import FILE as SERIES
from raysearch.space.space_file import SpaceFile


def write_series(folder: Path, members: dict[str, SpaceFile]) -> None:
    """Begin a series.

    Raises:
        FolderError: the folder cannot be written.
    """
    content = {
        "id": secrets.token_hex(8),
        "members": {name: member.model_dump(mode="json") for name, member in members.items()},
    }
    path = folder / SERIES
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_whole(path, yaml.safe_dump(content, sort_keys=False, width=110).encode())
    except OSError as error:
        raise FolderError(f"{folder}: cannot be written: {error.strerror}") from error


def read_series(folder: Path) -> dict[str, SpaceFile]:
    """Read the members of a series, in the order they run.

    Raises:
        StorageError: the file is damaged.
    """
    try:
        content = yaml.safe_load((folder / SERIES).read_text(encoding="utf-8"))
        return {name: SpaceFile.model_validate(member) for name, member in content["members"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise StorageError(f"{folder / SERIES}: cannot be read: {error}") from error
