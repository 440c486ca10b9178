"""What a generator is asked for: rows of given conditions, or of those that the rows of files have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from raysearch.errors import InputError, did_you_mean, one_of


@dataclass(frozen=True)
class Conditions:
    """A wish for generated rows.

    Attributes:
        values: of each condition, by name, such as ``{"energies": (50.0, 100.0)}``, in all combinations.
        number: rows of each combination; without ``values`` rows in all.
        like: files whose rows' conditions are taken instead, a row for each of theirs; empty for none.
        seed: of what is drawn at random: another one makes other rows of the same conditions.

    Raises:
        InputError: files and values or a number both, or no row at all.
    """

    values: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    number: int = 1
    like: Sequence[Path] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        # Both at once would have to be matched row by row, which nobody could check.
        if self.like and self.values:
            given = ", ".join(f"--{name}" for name in self.values)
            raise InputError(f"--like: takes the conditions of files; leave out {given}")
        if self.like and self.number != 1:
            raise InputError("--like: makes a row for each row of the files; leave out --number")
        if self.number < 1:
            raise InputError(f"--number: needs at least 1, got {self.number}")
        if self.seed < 0:
            raise InputError(f"--seed: needs 0 or more, got {self.seed}")

    def only(self, *known: str) -> None:
        """Check that nothing is asked for that the generator knows nothing of.

        Raises:
            InputError: something is.
        """
        unknown = [name for name in self.values if name not in known]
        if unknown:
            allowed = f"it has {one_of(known)}" if known else "it has none; give --number or --like"
            raise InputError(
                *(
                    f"--{name}: the generator has no such condition; {allowed}.{did_you_mean(name, known)}"
                    for name in unknown
                )
            )
