"""What a check of files of digits found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from raysearch.data.summary import FileSummary


@dataclass(frozen=True)
class DigitSummary(FileSummary):
    """What a check found in files of digits without fault; ``n`` are digits.

    Attributes:
        size: rows and columns of pixels.
        n_per_digit: how many there are of 0 to 9.
        bright: pixels above 0 of a digit at 5, 50 and 95 %.
    """

    size: tuple[int, int]
    n_per_digit: tuple[int, ...]
    bright: tuple[float, ...]

    def facts(self) -> dict[str, Any]:
        """Tell size, digits, and how many pixels are not black."""
        return {
            "pixels": list(self.size),
            "digits_of_each": list(self.n_per_digit),
            "pixels_above_0": {"quantiles": [0.05, 0.5, 0.95], "here": list(self.bright)},
        }
