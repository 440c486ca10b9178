"""A task's settings: made of plain values, and watched to see which of them are read."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar

from raysearch.errors import InputError, SettingsRefusedError, did_you_mean, one_of
from raysearch.tasks.task import Task

S = TypeVar("S")


def settings_names(task: Task[Any]) -> list[str]:
    """Name all settings that a task knows."""
    return [field.name for field in dataclasses.fields(task.Settings)]


def make_settings(task: Task[S], values: Mapping[str, Any], origin: str = "space") -> S:
    """Turn plain values into the task's settings.

    Raises:
        InputError: unknown or missing settings, all at once.
        SettingsRefusedError: values that the task refuses, all at once.
    """
    fields = {field.name: field for field in dataclasses.fields(task.Settings)}
    needed = {
        name
        for name, field in fields.items()
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }
    problems = [
        f"{origin}.{name}: {type(task).__name__} has no such setting; {one_of(list(fields))}."
        f"{did_you_mean(name, fields)}"
        for name in values
        if name not in fields
    ]
    problems += [
        f"{origin}.{name}: is missing, {type(task).__name__} needs it"
        for name in sorted(needed - set(values))
    ]
    # Any text that is not empty is true: "false" would be, without a word.
    problems += [
        f"{origin}.{name}: must be true or false, got {value!r}"
        for name, value in values.items()
        if name in fields and fields[name].type in {"bool", bool} and value not in (False, True)
    ]
    if problems:
        raise InputError(*problems)
    try:
        return task.Settings(**values)
    except (ValueError, TypeError, InputError) as error:
        raise SettingsRefusedError(*(f"{origin}.{line}" for line in str(error).splitlines())) from error


def watched(settings: S) -> tuple[S, set[str]]:
    """Copy settings so that reading a field strikes it off the returned set of unread names.

    A setting that no model, optimiser or batch ever read would be searched for nothing.
    """
    names = {field.name for field in dataclasses.fields(settings)}  # type: ignore[arg-type] # a dataclass
    unread: set[str] = set()

    class Watched(type(settings)):  # type: ignore[misc] # the base is known only here
        def __getattribute__(self, name: str) -> Any:  # noqa: ANN401 - any field
            unread.discard(name)
            return super().__getattribute__(name)

    copy = Watched(**{name: getattr(settings, name) for name in names})
    unread.update(names)  # only now: __post_init__ reads fields too
    return copy, unread
