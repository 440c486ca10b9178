"""A series of studies: one for each variant of a space file, and each combination of the keys it varies."""

from __future__ import annotations

import itertools
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from raysearch.errors import InputError
from raysearch.seeds import derive
from raysearch.space.domains import Value
from raysearch.space.series_file import member_name
from raysearch.space.space_file import SpaceFile, read_space_file
from raysearch.space.variants import variants_of
from raysearch.space.yaml_file import KeyPath, read_document


def read_members(
    source: Path | Mapping[str, Any],
    overrides: Sequence[str] = (),
    variants: Sequence[str] | None = None,
    without: Collection[KeyPath] = (),
    *,
    own_seeds: bool = True,
) -> dict[str, SpaceFile]:
    """Read a space file and write out the studies of its series.

    Searches that began at the same random points would be one draw seen many times, so each combination of
    varied values has a seed of its own, by its name. Variants share theirs: they are to be compared.

    Args:
        source: the YAML file, or its content.
        overrides: as for :func:`raysearch.space.space_file.read_space_file`.
        variants: which of the file's variants; by default all.
        without: as for :func:`raysearch.space.space_file.read_space_file`.
        own_seeds: False for the file's seed in all members, as series of version 0.1.0 have it.

    Returns:
        The members by name (the variant, if there are several, and the varied values, joined by "-"); one
        named "" for a file that has neither.

    Raises:
        InputError: with every fault found in any of them.
    """
    names: Sequence[str | None] = variants or variants_of(read_document(source)) or [None]
    members: dict[str, SpaceFile] = {}
    problems: dict[str, None] = {}  # a set that keeps its order: members share most of their faults
    for variant in names:
        prefix = variant if variant is not None and len(names) > 1 else ""
        try:
            base = read_space_file(source, overrides, variant, without)
        except InputError as error:
            of_variant = f" (variant {variant})" if prefix else ""
            problems |= dict.fromkeys(f"{problem}{of_variant}" for problem in error.problems)
            continue
        problems |= dict.fromkeys(_laid_over(base, overrides))
        for values, texts in _combinations(base):
            name = member_name(values, prefix)
            if values and own_seeds:
                texts.append(f"seed={derive(base.seed, f'member {member_name(values)}')}")
            if name in members:
                problems[f"vary: two members would be called {name!r}"] = None
            # Read anew from the file and not changed in memory, so that faults have their lines.
            try:
                members[name] = read_space_file(source, [*overrides, "vary={}", *texts], variant, without)
            except InputError as error:
                problems |= dict.fromkeys(f"{problem} (member {name})" for problem in error.problems)
    if problems:
        raise InputError(*problems)
    return members


def _laid_over(base: SpaceFile, overrides: Sequence[str]) -> Iterator[str]:
    """Say which overrides the varied values would lie over."""
    for section, varied in base.vary.items():
        for key in varied:
            path = f"{section}.{key}"
            for text in overrides:
                if f"{text.partition('=')[0]}.".startswith(f"{path}."):
                    yield (
                        f"{text}: each member has its own {path}; change vary.{path}, "
                        "or take it out with --set 'vary={}'"
                    )


def _combinations(base: SpaceFile) -> Iterator[tuple[tuple[Value, ...], list[str]]]:
    """Yield each member's varied values and the overrides that give them to it; once () if nothing varies."""
    keys = [(section, key) for section, varied in base.vary.items() for key in varied]
    for values in itertools.product(*(base.vary[section][key] for section, key in keys)):
        yield (
            values,
            [
                f"{section}.{key}={json.dumps(value)}"  # JSON is YAML, and quotes what must be a text
                for (section, key), value in zip(keys, values, strict=True)
            ],
        )
