"""Space files that ship with the package, and the check of one without starting anything."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raysearch.errors import InputError, did_you_mean, one_of

if TYPE_CHECKING:
    from raysearch.space.space_file import SpaceFile

SpaceSource = str | Path | Mapping[str, Any]


def space_folder() -> Path:
    """Folder of the space files: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).parent.parent
    inside = package / "searchspaces"
    return inside if inside.is_dir() else package.parent / "searchspaces"


def find_space_file(name: str) -> Path:
    """Find a space file by the name of a shipped one, or by its path.

    Raises:
        InputError: there is none.
    """
    if name.endswith((".yaml", ".yml")) or "/" in name:
        return Path(name)
    shipped = {path.stem: path for path in sorted(space_folder().glob("*.yaml"))}
    if name not in shipped:
        raise InputError(
            f"no space file {name!r}; {one_of(list(shipped))}, or the path of a .yaml file."
            f"{did_you_mean(name, shipped)}"
        )
    return shipped[name]


def found(space: SpaceSource) -> tuple[Path | Mapping[str, Any], str]:
    """Find a space: a shipped one's name, a path, or its content; and what studies of it are called.

    Raises:
        InputError: there is none.
    """
    if isinstance(space, Mapping):
        words = re.findall(r"[A-Za-z0-9]+", str(space.get("task", "")).rpartition(":")[2])
        return space, "-".join(words).lower() or "study"
    path = space if isinstance(space, Path) else find_space_file(space)
    return path, path.stem


def check_space(path: Path, overrides: Sequence[str] = ()) -> dict[str, SpaceFile]:
    """Check a space file as far as it can be without data.

    Args:
        path: of the file.
        overrides: ``a.b=c`` texts.

    Returns:
        The studies that it declares, by member; see :func:`raysearch.space.series.read_members`.

    Raises:
        InputError: with all faults at once.
    """
    from raysearch.launch.orders import way_of
    from raysearch.launch.points import points_of
    from raysearch.launch.run_environment import only_visible
    from raysearch.library.moot_pruning import left_out_keys
    from raysearch.search.make import sampler_problems
    from raysearch.space.series import read_members
    from raysearch.training.settings import setting_problems

    members = read_members(path, overrides, without=left_out_keys(path, overrides))
    for space_file in members.values():
        n_objectives = max(len(space_file.objectives), 1)
        problems = sampler_problems(space_file.search, space_file.searched, n_objectives)
        if problems:
            raise InputError(*(f"{path}: {problem}" for problem in problems))
        with only_visible(space_file.resources.environment):  # the task's code is run
            try:
                points = points_of(space_file)
            except InputError as error:
                raise InputError(*(f"{path}: {problem}" for problem in error.problems)) from error
            if problems := setting_problems(space_file.task, way_of(space_file), points.corners):
                raise InputError(*(f"{path}: {problem}" for problem in problems))
    return members
