"""The members of a series as its folder has them, begun or not, and the keys by which they differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from raysearch.errors import StorageError
from raysearch.ledger.ledger import FILE_NAME
from raysearch.report.models import Model, read_model
from raysearch.report.published import Published, published_for
from raysearch.space.series_file import FILE, member_name

VARIED_SECTIONS = ("space", "data", "search", "budget")


@dataclass(frozen=True)
class Member:
    """A member of a series.

    Attributes:
        name: its own, without the series'.
        varied: what tells it from the others, ``section.key`` to the value; empty where its name alone does.
        published: what papers report for its space.
        model: None while it has not begun.
    """

    name: str
    varied: Mapping[str, Any]
    published: Sequence[Published]
    model: Model | None


def read_members(folder: Path, page_folder: Path) -> list[Member]:
    """Read a series in the order its members run.

    Args:
        folder: of the series.
        page_folder: where the page is written that tells of it.

    Raises:
        StorageError: ``series.yaml`` or a ledger is damaged.
    """
    try:
        files: dict[str, dict[str, Any]] = yaml.safe_load((folder / FILE).read_text(encoding="utf-8"))[
            "members"
        ]
        keys = varied_keys(list(files.values()))
        varied = [
            {f"{section}.{key}": space_file[section][key] for section, key in keys}
            for space_file in files.values()
        ]
    except (OSError, KeyError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise StorageError(f"{folder / FILE}: cannot be read: {error}") from error
    named = tells_apart(list(files), varied)
    return [
        Member(
            name,
            values if named else {},
            published_for(space_file),
            read_model(folder / name, page_folder, name) if has_begun(folder / name) else None,
        )
        for (name, space_file), values in zip(files.items(), varied, strict=True)
    ]


def has_begun(folder: Path) -> bool:
    """Whether a member's ledger has a whole first record."""
    ledger = folder / FILE_NAME
    return ledger.is_file() and b"\n" in ledger.read_bytes()[:1_000_000]


def varied_keys(space_files: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Section and key of every single value in which the members' space files differ, in their order.

    Lists do not count: members begin with other published settings because they are members of other spaces.
    Nor do domains, nor settings that only some members have, as variants do.
    """
    return [
        (section, key)
        for section in VARIED_SECTIONS
        for key in dict.fromkeys(key for each in space_files for key in each.get(section, {}))
        if all(key in each[section] for each in space_files)
        and any(each[section][key] != space_files[0][section][key] for each in space_files)
        and not any(isinstance(each[section][key], list | dict) for each in space_files)
    ]


def tells_apart(names: Sequence[str], varied: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the members are named by what is varied; those of variants have names that say more."""
    return all(
        sorted(name.split("-")) == sorted(member_name([value]) for value in values.values())
        for name, values in zip(names, varied, strict=True)
    )


def short(key: str) -> str:
    """A key as tables name it: without its section, but for ``data.limit`` and the like."""
    section, _, name = key.partition(".")
    return name if section == "space" else key


def row_key(members: Sequence[Member]) -> str:
    """The varied key that rows and the x axis follow: the first with numbers alone, else the last one."""
    return next(iter(numeric_keys(members)), ([*members[0].varied] or [""])[-1])


def numeric_keys(members: Sequence[Member]) -> list[str]:
    """Varied keys whose values are all numbers."""
    return [
        key
        for key in members[0].varied
        if all(
            isinstance(m.varied[key], int | float) and not isinstance(m.varied[key], bool) for m in members
        )
    ]


def grouped(members: Sequence[Member], key: str) -> dict[str, list[Member]]:
    """Members by what they have in all varied keys but ``key``, as text; empty where there is no other."""
    groups: dict[str, list[Member]] = {}
    for member in members:
        others = ", ".join(f"{short(name)} = {value}" for name, value in member.varied.items() if name != key)
        groups.setdefault(others, []).append(member)
    return groups
