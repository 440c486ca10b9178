"""How well a quantity E is estimated: relative error, bias, resolution, over all rows and by its true value.

The relative error, mean |E_est - E| / E, is what the 3DGAN paper's evolution of weights minimises and shows
over energy (its Figure 3). Bias and resolution are mean and sample standard deviation of (E_est - E) / E. A
calorimeter's resolution follows (sigma / E)^2 = a^2 / E + b^2 (R. Wigmans, Calorimetry, 2nd ed., Oxford 2017,
chapter 4), which is fitted to the bins.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from matplotlib.ticker import MaxNLocator
from scipy.optimize import nnls

from raysearch.metrics import regression

ENOUGH = 50  # rows in a bin, for the narrow bins at low values
FEWEST = 10  # with fewer, a bin says nothing about a standard deviation and is joined to the next


@dataclass(frozen=True)
class Deviations:
    """How an estimate deviates in a range of true values.

    A pair is a value with one sigma of the test set's size.

    Attributes:
        low, high: of the range, in the quantity's unit.
        n: rows.
        mean: of the true values, in their unit.
        inverse: mean of one over the true value.
        error: mean |E_est - E| / E.
        bias: mean (E_est - E) / E.
        resolution: sample standard deviation of (E_est - E) / E.
    """

    low: float
    high: float
    n: int
    mean: float
    inverse: float
    error: tuple[float, float]
    bias: tuple[float, float]
    resolution: tuple[float, float]


@dataclass(frozen=True)
class ResolutionFit:
    """The terms of sigma / E = a / sqrt(E) (+) b, each with one sigma.

    None where the fit puts a term at zero.

    Attributes:
        stochastic: a, in the root of the quantity's unit.
        constant: b.
        chi2: of the squared resolutions.
        ndf: bins less terms.
    """

    stochastic: tuple[float, float | None]
    constant: tuple[float, float | None]
    chi2: float
    ndf: int

    def at(self, true: np.ndarray) -> np.ndarray:
        """The fitted resolution at true values (point,)."""
        return np.sqrt(self.stochastic[0] ** 2 / true + self.constant[0] ** 2)


@dataclass(frozen=True)
class EstimateResult:
    """One estimate on the test set; ``fit`` is None with too few bins."""

    overall: Deviations
    bins: tuple[Deviations, ...]
    fit: ResolutionFit | None

    @property
    def worst(self) -> Deviations:
        """The bin with the largest relative error."""
        return max(self.bins, key=lambda each: each.error[0])


def bins_of(results: Sequence[EstimateResult]) -> list[tuple[Deviations, ...]]:
    """The bins of each result."""
    return [result.bins for result in results]


def estimate_result(true: np.ndarray, estimated: np.ndarray, *, fit: bool = True) -> EstimateResult:
    """Evaluate one estimate.

    Args:
        true: above 0, (row,).
        estimated: in the same unit, (row,).
        fit: whether the quantity is an energy, whose resolution has the terms of a calorimeter's.
    """
    edges = bin_edges(true)
    bins = tuple(
        deviations(true[is_in], estimated[is_in], low, high) for is_in, low, high in _bins(true, edges)
    )
    overall = deviations(true, estimated, edges[0], edges[-1])
    return EstimateResult(overall, bins, fit_resolution(bins) if fit else None)


def result_against(values: np.ndarray, true: np.ndarray, estimated: np.ndarray) -> tuple[Deviations, ...]:
    """Evaluate one estimate in bins of another quantity.

    Args:
        values: of that quantity, (row,).
        true: above 0, (row,).
        estimated: in the same unit, (row,).

    Returns:
        Of each bin, from the least; ranges and means are of the other quantity.
    """
    return tuple(
        replace(deviations(true[is_in], estimated[is_in], low, high), mean=float(values[is_in].mean()))
        for is_in, low, high in _bins(values, _without_few(_ticks(values), values))
    )


def _bins(values: np.ndarray, edges: np.ndarray) -> Iterator[tuple[np.ndarray, float, float]]:
    """Which rows (row,) are in each bin, and its edges; the last one has its upper edge."""
    place = np.clip(np.digitize(values, edges) - 1, 0, len(edges) - 2)
    for number, (low, high) in enumerate(pairwise(edges)):
        yield place == number, low, high


def bin_edges(true: np.ndarray) -> np.ndarray:
    """Edges of some ten round bins of true values (row,).

    Narrower ones at low values, as far as there are rows.

    Estimates of energies are worst where energy is least, and a mean over a wide first bin would hide it.
    """
    low, high = float(true.min()), float(true.max())
    edges = [_round_down(low), *(tick for tick in _ticks(true) if low < tick < high), _round_up(high)]
    while True:
        middle = _round_down((edges[0] + edges[1]) / 2)
        if not edges[0] < middle < edges[1]:
            break
        below, above = np.sum(true < middle), np.sum((true >= middle) & (true < edges[1]))
        if min(below, above) < ENOUGH:
            break
        edges.insert(1, middle)
    return _without_few(edges, true)


def _ticks(values: np.ndarray) -> list[float]:
    """Some ten round numbers, from below the values to above."""
    return list(MaxNLocator(10, steps=[1, 2, 2.5, 5, 10]).tick_values(values.min(), values.max()))


def _without_few(edges: Sequence[float], values: np.ndarray) -> np.ndarray:
    """Join bins with few of the values (row,) to the next."""
    edges = list(edges)
    while len(edges) > 2 and min(counts := np.histogram(values, edges)[0]) < FEWEST:
        few = int(np.argmin(counts))
        del edges[few + 1 if few + 2 < len(edges) else few]
    return np.array(edges)


def _round_down(value: float) -> float:
    """To two significant digits."""
    step = 10.0 ** (np.floor(np.log10(value)) - 1)
    return float(f"{np.floor(value / step + 1e-9) * step:.12g}")


def _round_up(value: float) -> float:
    """To two significant digits."""
    step = 10.0 ** (np.floor(np.log10(value)) - 1)
    return float(f"{np.ceil(value / step - 1e-9) * step:.12g}")


def deviations(true: np.ndarray, estimated: np.ndarray, low: float, high: float) -> Deviations:
    """Evaluate the rows of one range; at least two, (row,) each."""
    relative = regression.deviations(estimated, true)
    n, spread = len(relative), float(relative.std(ddof=1))
    centred = relative - relative.mean()
    # For large n a sample variance has the variance (mu_4 - mu_2^2) / n, from which that of its root follows
    fourth = max(float(np.mean(centred**4)) - float(np.mean(centred**2)) ** 2, 0.0)
    return Deviations(
        low=float(low),
        high=float(high),
        n=n,
        mean=float(true.mean()),
        inverse=float(np.mean(1 / true)),
        error=(float(np.abs(relative).mean()), float(np.abs(relative).std(ddof=1) / np.sqrt(n))),
        bias=(float(relative.mean()), spread / float(np.sqrt(n))),
        resolution=(spread, float(np.sqrt(fourth / n)) / (2 * spread) if spread else 0.0),
    )


def fit_resolution(bins: Sequence[Deviations]) -> ResolutionFit | None:
    """Fit a and b by least squares in their squares, weighted by the errors of the squared resolutions.

    The mean of 1/E in a bin stands for 1/E, so that its width does not bias a. A square that would be
    negative is held at zero, and the other fitted alone.

    Returns:
        None with fewer than three bins, or a bin without spread.
    """
    if len(bins) < 3 or any(each.resolution[1] <= 0 for each in bins):
        return None
    squares = np.array([each.resolution[0] ** 2 for each in bins])
    errors = np.array([2 * each.resolution[0] * each.resolution[1] for each in bins])  # d(s^2) = 2 s ds
    terms = np.array([[each.inverse, 1.0] for each in bins])  # (sigma / E)^2 = a^2 <1/E> + b^2
    design = terms / errors[:, None]
    values, distance = nnls(design, squares / errors)
    free = np.flatnonzero(values)  # the others are held at zero, and have no error
    variances = np.diag(np.linalg.inv(design[:, free].T @ design[:, free]))
    found = {
        int(place): (float(np.sqrt(value)), float(np.sqrt(variance) / (2 * np.sqrt(value))))
        for place, value, variance in zip(free, values[free], variances, strict=True)
    }
    zero = (0.0, None)
    return ResolutionFit(found.get(0, zero), found.get(1, zero), float(distance) ** 2, len(bins) - len(free))
