"""How quantities of examples are spread: kept of what a study trains on, and compared with other data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

FAR = 5.0  # standard deviations
TINY = 1e-30
LEAST_SD = 1e-6  # of a quantity that is always the same, as a share of it

Quantities = Mapping[str, NDArray[Any]]
"""Names of quantities, with their units, to values (example,)."""


class Spread:
    """Mean, standard deviation and range of quantities, in one pass over all that is finite."""

    def __init__(self) -> None:
        self._first: dict[str, float] = {}
        self._sums: dict[str, NDArray[np.float64]] = {}  # of 1, x and x^2, about the first piece's mean
        self._range: dict[str, tuple[float, float]] = {}

    def add(self, quantities: Quantities) -> None:
        """Take in some examples."""
        for name, values in quantities.items():
            x = values[np.isfinite(values)].astype(np.float64)
            if not len(x):
                continue
            # About a mean, since sums of squares lose all digits where a mean is large.
            away = x - self._first.setdefault(name, float(x.mean()))
            sums = np.array([len(x), away.sum(), np.square(away).sum()])
            self._sums[name] = self._sums.get(name, np.zeros(3)) + sums
            low, high = self._range.get(name, (np.inf, -np.inf))
            self._range[name] = (min(low, float(x.min())), max(high, float(x.max())))

    def found(self) -> dict[str, dict[str, float]]:
        """Tell ``mean``, ``sd``, ``low`` and ``high`` of each quantity, as plain values."""
        told = {}
        for name, (n, total, squares) in self._sums.items():
            sd = float(np.sqrt(max(squares - total**2 / n, 0.0) / max(n - 1, 1)))
            low, high = self._range[name]
            told[name] = {"mean": self._first[name] + float(total / n), "sd": sd, "low": low, "high": high}
        return told


class Departure:
    """Compares examples, piece by piece, with those that a study was trained on.

    Args:
        trained_on: what :meth:`Spread.found` told of those.
        noun: what an example is called.
    """

    def __init__(self, trained_on: Mapping[str, Mapping[str, float]], noun: str = "row") -> None:
        self._trained_on, self._noun = trained_on, noun
        self._spread = Spread()
        self._n_far: dict[str, int] = {}

    def add(self, quantities: Quantities) -> None:
        """Take in some examples; quantities of which nothing is known are not compared."""
        known = {name: values for name, values in quantities.items() if name in self._trained_on}
        self._spread.add(known)
        for name, values in known.items():
            there, sd = self._trained_on[name], self._sd(name)
            far = (values < there["low"] - FAR * sd) | (values > there["high"] + FAR * sd)
            self._n_far[name] = self._n_far.get(name, 0) + int(far.sum())

    def told(self) -> Iterator[str]:
        """Tell each quantity that lies far from what the study was trained on."""
        for name, here in self._spread.found().items():
            there, sd = self._trained_on[name], self._sd(name)
            away = abs(here["mean"] - there["mean"]) / sd
            if away > FAR:
                yield (
                    f"{name}: {here['mean']:.4g} on average, {away:,.0f} standard deviations from the "
                    f"{there['mean']:.4g} +- {there['sd']:.2g} that the study was trained on; are units and "
                    "definitions the same?"
                )
            elif n_far := self._n_far[name]:
                below = there["mean"] - here["low"] > here["high"] - there["mean"]
                farthest = here["low" if below else "high"]
                yield (
                    f"{name}: {n_far:,} {self._noun}{'s' if n_far > 1 else ''} more than {FAR:g} standard "
                    f"deviations beyond all that the study was trained on ({there['low']:.4g} to "
                    f"{there['high']:.4g}), the farthest at {farthest:.4g}"
                )

    def _sd(self, name: str) -> float:
        there = self._trained_on[name]
        return max(there["sd"], LEAST_SD * abs(there["mean"]), TINY)
