"""What pydantic finds wrong with a space file, told with file, line, what is wrong and what is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from raysearch.errors import did_you_mean, one_of
from raysearch.space.domains import ChoiceDomain, FloatDomain, IntDomain
from raysearch.space.yaml_file import Document, KeyPath

DOMAINS: dict[str, type[BaseModel]] = {"int": IntDomain, "float": FloatDomain, "choice": ChoiceDomain}


def describe(fault: ErrorDetails, document: Document, sections: Mapping[KeyPath, type[BaseModel]]) -> str:
    """Write one fault as ``file:line: key: what``; ``sections`` are the models by their keys."""
    got, kind = fault["input"], fault["type"]
    path = _written(fault["loc"], document.content)
    # A key that is missing was not written, so that the line above has cut it off; it is what must be named.
    if kind in {"missing", "extra_forbidden"} and path[-1:] != fault["loc"][-1:]:
        path = (*path, fault["loc"][-1])
    key = ".".join(str(part) for part in path)
    place = document.place(path)
    if kind == "extra_forbidden":
        allowed = _allowed_keys(path[:-1], document.content, sections)
        what = f"unknown key; {one_of(allowed)}.{did_you_mean(str(path[-1]), allowed)}"
    elif kind == "missing":
        what = "is missing"
    elif kind in {"float_type", "int_type"} and isinstance(got, str):
        what = f"must be a number, got the text {got!r}.{_number_hint(got)}"
    elif kind == "union_tag_invalid":
        kinds = tuple(DOMAINS)
        what = f"unknown type {got['type']!r}; {one_of(kinds)}.{did_you_mean(str(got['type']), kinds)}"
    elif kind == "union_tag_not_found":
        given = "null" if got is None else repr(got)[:60]
        what = f"needs a type, one of int, float, choice, or a single value to hold it at, got {given}"
    elif kind == "value_error":
        what = fault["msg"].removeprefix("Value error, ")
        # A validator of the whole file has no location; its messages begin with the key that they are about.
        inner, colon, rest = what.partition(": ")
        if colon and not path:
            path = tuple(inner.split("."))
            return f"{document.place(path)}: {inner}: {rest}"
    else:
        what = f"{fault['msg'][0].lower()}{fault['msg'][1:]}, got {got!r}"
    return f"{place}: {key}: {what}" if key else f"{place}: {what}"


def _written(loc: tuple[int | str, ...], content: object) -> KeyPath:
    """Keep of pydantic's location only what the user wrote (it adds union tags and type names)."""
    # Walked through the content, as nothing in a location tells a tag from a key of the same name.
    path: list[str | int] = []
    for part in loc:
        if (isinstance(content, dict) and part in content) or (
            isinstance(content, list) and isinstance(part, int) and part < len(content)
        ):
            content = content[part]  # type: ignore[index,call-overload] # checked just above
            path.append(part)
    return tuple(path)


def _allowed_keys(
    path: KeyPath, content: dict[str, Any], sections: Mapping[KeyPath, type[BaseModel]]
) -> list[str]:
    named = tuple(part for part in path if isinstance(part, str))  # an entry of a list is what its list is
    if named in sections:
        return list(sections[named].model_fields)
    return list(DOMAINS[content["space"][path[1]].get("type")].model_fields)


def _number_hint(text: str) -> str:
    try:
        value = float(text)
    except ValueError:
        return ""
    # YAML 1.1, which PyYAML reads, wants a point in a number with an exponent: 1e-3 is a text to it.
    mantissa, e, exponent = text.lower().partition("e")
    if e and "." not in mantissa:
        return f" YAML reads {text} as text; write {mantissa}.0e{exponent}"
    return f" Write {value:g} without quotes"
