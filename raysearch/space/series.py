"""A series of studies: one for each combination of the keys that a space file varies."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Sequence
from pathlib import Path

from raysearch.errors import InputError
from raysearch.space.space_file import SpaceFile, read_space_file


def read_members(path: Path, overrides: Sequence[str] = ()) -> dict[str, SpaceFile]:
    """Read a space file and write out the studies of its series.

    Args:
        path: the YAML file.
        overrides: as for :func:`raysearch.space.space_file.read_space_file`.

    Returns:
        The members by name (their varied values joined by "-"); for a file that varies nothing one, named "".

    Raises:
        InputError: with every fault found in any of them.
    """
    base = read_space_file(path, overrides)
    keys = [(section, key) for section, varied in base.vary.items() for key in varied]
    if not keys:
        return {"": base}
    members: dict[str, SpaceFile] = {}
    problems: dict[str, None] = {}
    for values in itertools.product(*(base.vary[section][key] for section, key in keys)):
        texts = [
            f"{section}.{key}={json.dumps(value)}" for (section, key), value in zip(keys, values, strict=True)
        ]
        name = "-".join(re.sub(r"[^A-Za-z0-9._]+", "_", str(value)) for value in values)
        if name in members:
            problems[f"vary: two members would be called {name!r}"] = None
        try:
            members[name] = read_space_file(path, [*overrides, "vary={}", *texts])
        except InputError as error:
            problems |= dict.fromkeys(f"{problem} (member {name})" for problem in error.problems)
    if problems:
        raise InputError(*problems)
    return members
