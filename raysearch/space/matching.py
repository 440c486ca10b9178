"""Which published settings are those of a space."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any


def fits(settings: Mapping[str, Any], fixed: Mapping[str, Any]) -> bool:
    """Whether published settings lie in a space: whatever both hold fixed is the same."""
    return all(fixed.get(name, value) == value for name, value in settings.items())


def misfits(
    settings: Mapping[str, Any], fixed: Mapping[str, Any], searched: Mapping[str, Container[Any]]
) -> list[str]:
    """Tell why published settings are no point of a space.

    Args:
        settings: the published ones.
        fixed: what the space holds.
        searched: its domains by name.
    """
    held = [
        f"{name} = {value} (here {fixed[name]})"
        for name, value in settings.items()
        if fixed.get(name, value) != value
    ]
    outside = [
        f"{name} = {settings[name]} (outside of its range)" if name in settings else f"{name} (not published)"
        for name, domain in searched.items()
        if name not in settings or settings[name] not in domain
    ]
    return held + outside
