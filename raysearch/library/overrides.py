"""Overrides of a space file's keys: short words for the usual ones, and any key by its name."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from raysearch.errors import InputError, did_you_mean, one_of
from raysearch.space.yaml_file import parse_yaml

KEYS = {  # what a call, or an option of the command line, is called: the space file's key
    "data": "data.path",
    "trials": "search.trials",
    "folds": "budget.folds",
    "repeats": "budget.repeats",
    "epochs": "budget.epochs",
    "sampler": "search.sampler",
    "objectives": "objectives",
    "max_parameters": "limits.parameters",
    "max_mflop": "limits.mflop",
    "prune": "search.prune.rule",
    "enqueue": "search.enqueue",
    "disk": "storage.disk",
    "keep": "storage.keep",
    "time": "budget.time",
    "run_time": "budget.run_time",
    "silence": "budget.silence",
    "memory": "resources.memory",
    "seed": "seed",
}
Overrides = Mapping[str, Any] | Sequence[str]


def override_texts(
    named: Mapping[str, Any], more: Overrides = (), say: Callable[[str], None] = lambda _: None
) -> list[str]:
    """Write overrides as ``a.b=c`` texts, which :func:`raysearch.space.space_file.read_space_file` takes.

    Args:
        named: by the words of ``KEYS``, or by a key of the space file such as ``budget.epochs``; None is not
            given.
        more: by key, or as texts.
        say: told what is given anew, as :func:`settled` has it.

    Raises:
        InputError: a word that is neither, all are named; the two say different things; as :func:`settled`.
    """
    wrong = [word for word in named if word not in KEYS and "." not in word]
    if wrong:
        allowed = f"{one_of(list(KEYS))}, or a key of the space file such as 'budget.epochs'"
        raise InputError(*(f"{word}: no such word; {allowed}.{did_you_mean(word, KEYS)}" for word in wrong))
    keys = {KEYS.get(word, word): value for word, value in named.items() if value is not None}
    words, others = list(_texts(keys)), list(_texts(more) if isinstance(more, Mapping) else more)
    by_word = dict(text.split("=", 1) for text in words)
    for key, _, value in (text.partition("=") for text in others):
        if not _are_alike(before := by_word.get(key, value), value):
            raise InputError(f"--set {key}: has two values, {before} and {value}; it takes one")
    return settled([*words, *others], say)


def settled(texts: Sequence[str], say: Callable[[str], None] = lambda _: None) -> list[str]:
    """Take the last of several values of a key, and tell it; returns the texts without the others.

    Raises:
        InputError: a section as a whole comes after one of its keys, which would be lost.
    """
    last: dict[str, str] = {}  # key to its text
    for text in texts:
        key, _, value = text.partition("=")
        before = last.pop(key, text).partition("=")[2]
        if not _are_alike(before, value):
            say(f"--set {key}: {value} takes the place of {before}")
        if lost := [each for other, each in last.items() if other.startswith(f"{key}.")]:
            raise InputError(
                f"--set {key}: takes the place of all that {key} holds, {', '.join(lost)} among it; "
                f"give its keys one by one, such as --set {lost[0]}"
            )
        last[key] = text
    return list(last.values())


def _are_alike(one: str, other: str) -> bool:
    """Whether two values are the same, however they are written: 2h and "2h"."""
    if one == other:
        return True
    values = [parse_yaml(f"value: {each}", f"--set {each}").content["value"] for each in (one, other)]
    return values[0] == values[1] and type(values[0]) is type(values[1])


def _texts(values: Mapping[str, Any]) -> Iterator[str]:
    for key, value in values.items():
        yield f"{key}={as_yaml(value)}"


def as_yaml(value: Any) -> str:  # noqa: ANN401 - whatever a space file may hold
    """Write a value in one line of YAML, so that a folder called 2024 or null stays a text.

    JSON is YAML, but for 1e-05, which YAML 1.1 takes for text, as it has no point.
    """
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{as_yaml(str(key))}: {as_yaml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(as_yaml, value)) + "]"
    if isinstance(value, float):
        mantissa, e, exponent = repr(float(value)).partition("e")
        return f"{mantissa}.0e{exponent}" if e and "." not in mantissa else f"{mantissa}{e}{exponent}"
    if isinstance(value, Path):
        return as_yaml(str(value))
    if hasattr(value, "item"):  # NumPy's numbers
        return as_yaml(value.item())
    return "".join(map(_printable, json.dumps(value, ensure_ascii=False)))


def _printable(character: str) -> str:
    """A character of a quoted text as YAML takes it, to which JSON's escapes beyond U+FFFF would be two."""
    return character if character.isprintable() else f"\\U{ord(character):08x}"
