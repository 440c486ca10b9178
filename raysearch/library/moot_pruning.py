"""Pruning that a space file asks for and that means nothing with what the user says beside it.

One epoch of a file that prunes, or several objectives: he wants that, and the file's ``search.prune``, which
he never named, is left out and told. What he names himself is checked as such.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from raysearch.library.another_sampler import left_out, left_out_line
from raysearch.space.sections import PruneSection
from raysearch.space.variants import choose_variant, variants_of
from raysearch.space.yaml_file import KeyPath, parse_yaml, read_document

PRUNE = ("search", "prune")
DECIDING = ("budget.epochs", "objectives")


def left_out_keys(
    source: Path | Mapping[str, Any],
    overrides: Sequence[str],
    variants: Sequence[str] | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> set[KeyPath]:
    """Find all keys of a space file that mean nothing with what overrides say, and tell them.

    Args:
        source: the YAML file, or its content.
        overrides: ``a.b=c`` texts.
        variants: which of the file's variants; by default all.
        say: told what is left out and why, a line each.

    Raises:
        InputError: the file or an override cannot be read.
    """
    of_sampler = left_out(source, overrides, variants)
    if of_sampler:
        say(left_out_line(of_sampler, overrides))
    if PRUNE in of_sampler or not (why := _why_moot(source, overrides, variants)):
        return set(of_sampler)
    say(f"search.prune: left out, {why}")
    return {*of_sampler, PRUNE}


def _why_moot(
    source: Path | Mapping[str, Any], overrides: Sequence[str], variants: Sequence[str] | None
) -> str:
    """Why a file's own pruning does nothing with these overrides; empty if they do not decide that."""
    given = {key: text for key, _, text in (each.partition("=") for each in overrides)}
    if any(key.split(".")[:2] == list(PRUNE) or key == PRUNE[0] for key in given):
        return ""
    said = {
        key: parse_yaml(f"value: {given[key]}", f"--set {key}").content["value"]
        for key in DECIDING
        if key in given
    }
    named: Sequence[str | None] = variants or variants_of(read_document(source)) or [None]
    for variant in named if said else ():
        document = read_document(source)
        choose_variant(document, variant)
        search = document.content.get(PRUNE[0])
        rule = search.get(PRUNE[1]) if isinstance(search, dict) else None
        if isinstance(rule, dict) and (why := _why_of(rule, said)):
            return why
    return ""


def _why_of(rule: Mapping[str, Any], said: Mapping[str, Any]) -> str:
    objectives, epochs = (said.get(key) for key in reversed(DECIDING))
    if isinstance(objectives, list) and len(objectives) > 1:
        return "as what is behind is known for one objective only"
    try:
        section = PruneSection.model_validate(rule)
    except ValidationError:  # told by whoever checks the file
        return ""
    if isinstance(epochs, int) and not isinstance(epochs, bool) and any(section.problems(epochs)):
        return f"as it prunes nothing in {epochs} epoch{'s' if epochs != 1 else ''}"
    return ""
