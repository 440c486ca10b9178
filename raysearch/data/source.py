"""Where a study's data lie and how they are parted, as plain values that travel to the workers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DataSource:
    """The data section of a space file.

    Attributes:
        path: file or folder; None for the sample that ships with the package.
        split: fractions of the events for training, validation and test.
    """

    path: str | None
    split: tuple[float, float, float]
