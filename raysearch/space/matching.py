"""Which published settings are those of a space."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def fits(settings: Mapping[str, Any], fixed: Mapping[str, Any]) -> bool:
    """Whether published settings lie in a space: whatever both hold fixed is the same."""
    return all(fixed.get(name, value) == value for name, value in settings.items())
