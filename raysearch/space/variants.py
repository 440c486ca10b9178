"""Variants of a space file: under ``variants`` each name holds the keys that differ from the file's rest."""

from __future__ import annotations

from typing import Any

from raysearch.errors import InputError, did_you_mean, one_of
from raysearch.space.yaml_file import Document, KeyPath

KEY = "variants"


def variants_of(document: Document) -> list[str]:
    """Names of a document's variants, in its order; empty if it has none.

    Raises:
        InputError: ``variants`` is not a mapping of names to mappings.
    """
    variants = document.content.get(KEY, {})
    if not isinstance(variants, dict) or not all(isinstance(keys, dict) for keys in variants.values()):
        raise InputError(
            f"{document.place((KEY,))}: variants: needs for each name a mapping of keys to values"
        )
    return list(variants)


def choose_variant(document: Document, name: str | None = None) -> None:
    """Lay a variant's keys over the document's own, in place, and leave the others out.

    Args:
        document: the space file; without variants it stays as it is.
        name: of the variant; None: the first.

    Raises:
        InputError: there is no such variant.
    """
    names = variants_of(document)
    if name is not None and name not in names:
        allowed = one_of(names) if names else "the file has none"
        raise InputError(f"{document.name}: no variant {name!r}; {allowed}.{did_you_mean(name, names)}")
    variants = document.content.pop(KEY, {})  # the rest of the code sees complete files only
    if names:
        chosen = name or names[0]
        _lay_over(document, document.content, variants[chosen], (), (KEY, chosen))


def _lay_over(
    document: Document, target: dict[str, Any], keys: dict[str, Any], path: KeyPath, origin: KeyPath
) -> None:
    for key, value in keys.items():
        here = (*path, key)
        there = target.get(key)
        # a domain (a mapping with a type) is a value and takes the old one's place as a whole
        if isinstance(there, dict) and isinstance(value, dict) and "type" not in {**there, **value}:
            _lay_over(document, there, value, here, (*origin, key))
            continue
        target[key] = value
        # The places move with the keys, so that a fault names the line in the variant that caused it.
        for old in [place for place in document.places if place[: len(here)] == here]:
            del document.places[old]
        for place in [place for place in document.places if place[: len(origin) + 1] == (*origin, key)]:
            document.places[(*here, *place[len(origin) + 1 :])] = document.places[place]
