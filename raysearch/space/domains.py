"""The domains a setting can be searched over, as frozen values that check themselves.

A domain maps the unit interval onto its values (``from_unit``), which is all that random search and
Nevergrad need; Optuna is given the domain's own form.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    Tag,
    model_validator,
)

# Strict, or true would pass for 1 and "1" for a number, and the ledger would not hold what the user wrote.
_Plain = StrictBool | StrictInt | StrictFloat | StrictStr


def _one_value(value: object) -> object:
    """Tell a list, a mapping or null in the place of a value once, not once for each type of the union."""
    if not isinstance(value, (bool, int, float, str)):
        got = "null" if value is None else repr(value)[:60]
        raise ValueError(  # noqa: TRY004 - pydantic tells a ValueError as a fault, with its place
            f"must be true, false, a number or a text, got {got}; give it as a text that the task reads, "
            "such as none or 64-32"
        )
    return value


Value = Annotated[_Plain, BeforeValidator(_one_value)]
Settings = Mapping[str, bool | int | float | str]


class Domain(BaseModel):
    """Base of the three domains; unknown keys are refused and values cannot be changed."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)  # YAML has .inf and .nan


class IntDomain(Domain):
    """Whole numbers low, low + step, ..., up to high inclusive."""

    type: Literal["int"]
    low: StrictInt
    high: StrictInt
    step: StrictInt = Field(1, ge=1)
    log: StrictBool = False

    @model_validator(mode="after")
    def _check(self) -> IntDomain:
        _check_bounds(self.low, self.high, log=self.log)
        if self.log and self.step != 1:
            raise ValueError("log and step exclude each other")
        if (self.high - self.low) % self.step:
            raise ValueError(
                f"step must divide high - low, got step={self.step}, low={self.low}, high={self.high}"
            )
        return self

    def from_unit(self, unit: float) -> int:
        """Map u in [0, 1) onto the values, each equally likely (in log u, if log)."""
        # Bounded at both ends, for a unit that was computed can be 1 itself: Nevergrad's Phi(x) for a large
        # x, or one that aging evolution reflected.
        if self.log:
            # Half a step beyond both ends, so that they get as much room as a value between two others.
            low, high = math.log(self.low - 0.5), math.log(self.high + 0.5)
            return min(max(round(math.exp(low + unit * (high - low))), self.low), self.high)
        return self.low + self.step * min(int(unit * self.size), self.size - 1)

    def to_unit(self, value: int) -> float:
        """Map a value to the middle of the units that give it."""
        if self.log:
            low, high = math.log(self.low - 0.5), math.log(self.high + 0.5)
            return (math.log(value) - low) / (high - low)
        return ((value - self.low) // self.step + 0.5) / self.size

    @property
    def size(self) -> int:
        """Number of values."""
        return (self.high - self.low) // self.step + 1

    def value_at(self, index: int) -> int:
        """Return the value number ``index``, for grids."""
        return self.low + self.step * index

    def __contains__(self, value: object) -> bool:
        return (
            isinstance(value, int)
            and not isinstance(value, bool)
            and self.low <= value <= self.high
            and (value - self.low) % self.step == 0
        )


class FloatDomain(Domain):
    """Real numbers in [low, high], evenly or evenly in their logarithm."""

    type: Literal["float"]
    low: StrictFloat | StrictInt
    high: StrictFloat | StrictInt
    log: StrictBool = False

    @model_validator(mode="after")
    def _check(self) -> FloatDomain:
        _check_bounds(self.low, self.high, log=self.log)
        return self

    @property
    def size(self) -> None:
        """A continuum: no grid."""
        return

    def from_unit(self, unit: float) -> float:
        """Map u in [0, 1) onto the interval."""
        # exp(log(high)) can be a rounding error above high, which the domain itself would then refuse.
        if self.log:
            value = math.exp(math.log(self.low) + unit * (math.log(self.high) - math.log(self.low)))
        else:
            value = self.low + unit * (self.high - self.low)
        return float(min(max(value, self.low), self.high))

    def to_unit(self, value: float) -> float:
        """Map a value back to its unit."""
        if self.log:
            return (math.log(value) - math.log(self.low)) / (math.log(self.high) - math.log(self.low))
        return (value - self.low) / (self.high - self.low)

    def __contains__(self, value: object) -> bool:
        return (
            isinstance(value, (int, float)) and not isinstance(value, bool) and self.low <= value <= self.high
        )


class ChoiceDomain(Domain):
    """One of some values without order."""

    type: Literal["choice"]
    values: tuple[Value, ...]

    @model_validator(mode="after")
    def _check(self) -> ChoiceDomain:
        if not self.values:
            raise ValueError("needs at least one value, got none")
        if len({(type(value), value) for value in self.values}) < len(self.values):  # 1 == 1.0 == True
            raise ValueError(f"values must differ, got {list(self.values)}")
        return self

    @property
    def size(self) -> int:
        """Number of values."""
        return len(self.values)

    def value_at(self, index: int) -> bool | int | float | str:
        """Return the value number ``index``, for grids."""
        return self.values[index]

    def from_unit(self, unit: float) -> bool | int | float | str:
        """Map u in [0, 1) onto the values, each equally likely."""
        return self.values[min(int(unit * self.size), self.size - 1)]

    def to_unit(self, value: bool | float | str) -> float:
        """Map a value to the middle of the units that give it."""
        return (self.index(value) + 0.5) / self.size

    def index(self, value: bool | float | str) -> int:
        """Return the value's number; 1, 1.0 and True are different values."""
        return next(n for n, own in enumerate(self.values) if type(value) is type(own) and value == own)

    def __contains__(self, value: object) -> bool:
        return any(type(value) is type(own) and value == own for own in self.values)


def _form(entry: object) -> str | None:
    """Tell what an entry of ``space:`` is: the type of a domain, or a constant."""
    # A discriminator that we call ourselves: by pydantic's own union an entry with one wrong bound would be
    # told as the faults of four types at once.
    if isinstance(entry, (IntDomain, FloatDomain, ChoiceDomain)):
        return entry.type
    if isinstance(entry, dict):
        return entry.get("type")
    return None if isinstance(entry, list) or entry is None else "constant"


Entry = Annotated[
    Annotated[IntDomain, Tag("int")]
    | Annotated[FloatDomain, Tag("float")]
    | Annotated[ChoiceDomain, Tag("choice")]
    | Annotated[Value, Tag("constant")],
    Discriminator(_form),
]


@dataclass(frozen=True)
class Space:
    """What is searched (``domains``) and what is held (``fixed``); together they make settings."""

    domains: Mapping[str, IntDomain | FloatDomain | ChoiceDomain]
    fixed: Settings

    @property
    def names(self) -> tuple[str, ...]:
        """All settings, searched ones first."""
        return (*self.domains, *self.fixed)

    @property
    def grid_size(self) -> int | None:
        """Number of points if all domains are finite, else None."""
        sizes = [domain.size for domain in self.domains.values()]
        return None if None in sizes else math.prod(size for size in sizes if size is not None)

    def sample(self, rng: np.random.Generator) -> dict[str, bool | int | float | str]:
        """Draw the searched settings uniformly."""
        return {name: domain.from_unit(rng.random()) for name, domain in self.domains.items()}

    @property
    def corners(self) -> list[dict[str, bool | int | float | str]]:
        """Complete settings at the lowest and highest point, and at both with every value of every choice.

        The smallest or the largest model need not be among them.
        """
        # Not all 2^n corners: a rehearsal makes a model for each of these, so their number must grow with the
        # number of settings and not with its power.
        ends = [
            {name: domain.from_unit(unit) for name, domain in self.domains.items()}
            for unit in (0.0, 1.0 - 2**-53)  # the largest number below 1
        ]
        choices = [
            {**end, name: value}
            for end in ends
            for name, domain in self.domains.items()
            if isinstance(domain, ChoiceDomain)
            for value in domain.values
        ]
        # By repr, since as keys 1, 1.0 and True would be one, and dicts are none.
        different = {tuple(map(repr, point.values())): point for point in (*ends, *choices)}
        return [self.complete(point) for point in different.values()]

    def complete(self, searched: Settings) -> dict[str, bool | int | float | str]:
        """Join searched and fixed settings."""
        return {**searched, **self.fixed}


def _check_bounds(low: float, high: float, *, log: bool) -> None:
    if not low < high:
        raise ValueError(f"needs low < high, got low={low}, high={high}")
    if log and low <= 0:
        raise ValueError(f"log needs low > 0, got low={low}")
