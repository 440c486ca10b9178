"""With which libraries the files of a folder are made, so that those of two versions are never mixed unsaid.

A file's recipe has no versions in it: made again, files have the bytes that they always had. So the folder's
``provenance.json`` has them, from before its first file on.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raysearch.data.made_files import PROVENANCE, FileRecipe, versions_of

VERSIONS, UNKNOWN = "versions", "versions_unknown_of"  # in provenance.json


@dataclass(frozen=True)
class Versions:
    """Versions of raysearch and of libraries, and names of files that may be of others."""

    libraries: Mapping[str, str | None]
    unknown: tuple[str, ...] = ()

    def told(self) -> dict[str, object]:
        """Tell them as ``provenance.json`` has them."""
        return {VERSIONS: dict(self.libraries), **({UNKNOWN: list(self.unknown)} if self.unknown else {})}


def versions_in(
    folder: Path, wanted: Mapping[Path, FileRecipe], kept: Collection[Path], libraries: Iterable[str]
) -> tuple[Versions, list[str]]:
    """Tell with what the files of a folder are made, those that are there and those that are to be made.

    Args:
        folder: where they go; need not be there.
        wanted: each file.
        kept: those that are there.
        libraries: that decide their content.

    Returns:
        The versions, and a problem if files would be mixed. What another raysearch made is no other file: its
        recipe has a version of its own.
    """
    now, names = versions_of(libraries), tuple(sorted(path.name for path in kept))
    if not names:
        return Versions(now), []
    told = _provenance(folder)
    before = told.get(VERSIONS)
    if not isinstance(before, dict):
        return Versions(now, names), []
    unknown = tuple(name for name in names if name in told.get(UNKNOWN, ()))
    if len(kept) == len(wanted):
        return Versions(before, unknown), []
    others = [
        f"{name} {before[name]} (here {version})"
        for name, version in now.items()
        if name != "raysearch" and name in before and before[name] != version
    ]
    if not others:
        return Versions(now, unknown), []
    made = f"{folder}: files there were made with {', '.join(others)}, and no others are mixed with them"
    return Versions(before), [f"{made}; take those versions, or name another folder"]


def unknown_line(folder: Path) -> str | None:
    """Tell which files of a folder may have been made with other versions than the rest; None for none."""
    names = _provenance(folder).get(UNKNOWN)
    if not names:
        return None
    return (
        f"{', '.join(names)} in {folder} were there without a word on versions of libraries: other versions "
        f"than those of the rest may have made them ({PROVENANCE} says so)"
    )


def _provenance(folder: Path) -> dict[str, Any]:
    """What the folder's provenance file says; nothing where there is none that can be read."""
    try:
        found = json.loads((folder / PROVENANCE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
