"""A sampler that the user names in the place of a space file's own: what of the file was that one's alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from raysearch.search.make import SAMPLERS, complete_options
from raysearch.space.variants import choose_variant, variants_of
from raysearch.space.yaml_file import KeyPath, parse_yaml, read_document

SAMPLER = "search.sampler"


def left_out(
    source: Path | Mapping[str, Any], overrides: Sequence[str], variants: Sequence[str] | None = None
) -> dict[KeyPath, str]:
    """Find the keys of a space file that mean nothing to the sampler which overrides name.

    What overrides name themselves is not looked at: it is meant for that sampler, and checked as such.

    Args:
        source: the YAML file, or its content.
        overrides: ``a.b=c`` texts.
        variants: which of the file's variants; by default all.

    Returns:
        The file's own sampler by each key; empty where overrides name none, or the same one.

    Raises:
        InputError: the file or an override cannot be read.
    """
    given = dict(_given(overrides))
    sampler = given.get(SAMPLER)
    if not isinstance(sampler, str) or sampler not in SAMPLERS:
        return {}  # what is no sampler is told by whoever checks the file
    found: dict[KeyPath, str] = {}
    named: Sequence[str | None] = variants or variants_of(read_document(source)) or [None]
    for variant in named:
        document = read_document(source)
        choose_variant(document, variant)
        search = document.content.get("search")
        own = search.get("sampler", "tpe") if isinstance(search, dict) else sampler
        if isinstance(search, dict) and own != sampler:
            found |= dict.fromkeys(_foreign(search, sampler, given), str(own))
    return found


def left_out_line(keys: Mapping[KeyPath, str], overrides: Sequence[str]) -> str:
    """Tell the user in one line what is left out; ``keys`` are those of :func:`left_out`."""
    names = ", ".join(".".join(map(str, path)) for path in keys)
    owners = " and ".join(dict.fromkeys(keys.values()))
    sampler = dict(_given(overrides))[SAMPLER]
    return f"sampler {sampler}: left out is what means nothing to it, the file's {names} for {owners}"


def _given(overrides: Sequence[str]) -> Iterator[tuple[str, object]]:
    for text in overrides:
        key, equals, value = text.partition("=")
        if equals and (key == SAMPLER or key.startswith("search.options.")):
            yield key, parse_yaml(f"value: {value}", f"--set {text}").content["value"]


def _foreign(search: Mapping[str, Any], sampler: str, given: Mapping[str, object]) -> Iterator[KeyPath]:
    """Keys of a ``search`` section that belong to its own sampler."""
    spec, options = SAMPLERS[sampler], search.get("options")
    options = options if isinstance(options, dict) else {}
    yield from (("search", "options", name) for name in options if name not in spec.options)
    if sampler == "grid" and search.get("enqueue"):
        yield ("search", "enqueue")  # the grid visits every point anyway
    if not spec.in_intervals:
        return
    yield from (("search", key) for key in ("prune", "prune_folds") if search.get(key))
    if search.get("order") == "fast":
        yield ("search", "order")
    kept = {name: value for name, value in options.items() if name in spec.options}
    population = given.get("search.options.population", complete_options(sampler, kept)["population"])
    window = search.get("window")
    if isinstance(window, int) and isinstance(population, int) and window > population:
        yield ("search", "window")
