"""Ways to do something that a space file names, each with settings of its own that check themselves.

What evolves weights (``strategy``) and how workers agree (``agreement``) are named so. Their settings stand
in a space beside the task's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, TypeVar

from raysearch.errors import InputError, did_you_mean, one_of

S = TypeVar("S", bound="CheckedSettings")


@dataclass(frozen=True)
class CheckedSettings:
    """Settings whose values are checked when they are made; a subclass is a dataclass of them with defaults.

    Class attributes:
        choices: what a setting that is a text may be.

    Raises:
        InputError: with a line ``name: what`` for every fault.
    """

    choices: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    def __post_init__(self) -> None:
        problems = self.problems()
        if problems:
            raise InputError(*problems)

    def problems(self) -> list[str]:
        """List the faults."""
        return [
            fault for setting in fields(self) if (fault := self._wrong_kind(setting.name, setting.default))
        ]

    def above_zero(self, *names: str) -> list[str]:
        """List the faults of settings that must be above 0."""
        values = {name: getattr(self, name) for name in names}
        return [f"{name}: must be above 0, got {value!r}" for name, value in values.items() if value <= 0]

    def at_least(self, least: int, *names: str) -> list[str]:
        """List the faults of settings that must not be less than a number."""
        values = {name: getattr(self, name) for name in names}
        return [
            f"{name}: must be at least {least}, got {value}"
            for name, value in values.items()
            if value < least
        ]

    def _wrong_kind(self, name: str, default: object) -> str:
        """Refuse what is not of the kind of the setting's default: annotations are texts here."""
        value = getattr(self, name)
        if value is None and default is None:
            return ""
        if isinstance(default, str):
            allowed = self.choices[name]
            wish = did_you_mean(str(value), allowed)
            return "" if value in allowed else f"{name}: needs {one_of(allowed)}, got {value!r}.{wish}"
        if isinstance(default, bool):
            return "" if isinstance(value, bool) else f"{name}: must be true or false, got {value!r}"
        if isinstance(default, int):
            is_whole = isinstance(value, int) and not isinstance(value, bool)
            return "" if is_whole else f"{name}: must be a whole number, got {value!r}"
        is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        return "" if is_number else f"{name}: must be a finite number, got {value!r}"


def recipe_of(kind: str, name: str, recipes: Mapping[str, Any]) -> Any:  # noqa: ANN401 - the mapping's values
    """Look a recipe up.

    Args:
        kind: the space file's key that names it, such as ``strategy``.
        name: what it names.
        recipes: those that there are.

    Raises:
        InputError: there is none of that name.
    """
    if name not in recipes:
        raise InputError(f"{kind}: unknown {name!r}; {one_of(list(recipes))}.{did_you_mean(name, recipes)}")
    return recipes[name]


def names_of(settings: type[CheckedSettings]) -> tuple[str, ...]:
    """Name the settings of a class of them."""
    return tuple(setting.name for setting in fields(settings))


def checked(name: str, settings: type[S], values: Mapping[str, Any]) -> S:
    """Make the settings of a recipe.

    Args:
        name: the recipe's.
        settings: their class.
        values: what is given; the rest has its default.

    Raises:
        InputError: for every unknown or wrong setting.
    """
    allowed = names_of(settings)
    unknown = [
        f"{key}: unknown setting of {name}; {one_of(allowed)}.{did_you_mean(key, allowed)}"
        for key in values
        if key not in allowed
    ]
    # Unknown settings do not hide wrong ones: all faults are told at once.
    try:
        made = settings(**{key: value for key, value in values.items() if key in allowed})
    except InputError as error:
        raise InputError(*unknown, *error.problems) from None
    if unknown:
        raise InputError(*unknown)
    return made
