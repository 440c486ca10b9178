"""Whether shown values are the same, to the last bit; they hold arrays, so that ``==`` cannot tell."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np


def same_values(one: Any, other: Any) -> bool:  # noqa: ANN401 - whatever a value holds
    """Compare values, or tuples of them, with all that they hold."""
    if type(one) is not type(other):
        return False
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same_values, one, other))
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
    if is_dataclass(one):
        return all(same_values(getattr(one, each.name), getattr(other, each.name)) for each in fields(one))
    return one == other
