"""How well an energy is estimated: relative error, bias and resolution, over all test showers and in bins of true energy.

The relative error, mean |E_est - E| / E, is what the 3DGAN paper's evolution of weights minimises and shows over energy
(its Figure 3). Bias and resolution are mean and sample standard deviation of (E_est - E) / E. A calorimeter's resolution
follows (sigma / E)^2 = a^2 / E + b^2 (R. Wigmans, Calorimetry, 2nd ed., Oxford 2017, chapter 4), which is fitted to the bins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from matplotlib.ticker import MaxNLocator

from raysearch.metrics import regression
from raysearch.report.predictions import Estimates

ENOUGH = 50  # showers in a bin, for the narrow bins at low energy
FEWEST = 10  # with fewer, a bin says nothing about a standard deviation and is joined to the next


@dataclass(frozen=True)
class Deviations:
    """How an estimate deviates in a range of true energy; a pair is a value with one sigma of the test set's size.

    Attributes:
        low, high: of the range, GeV.
        n: showers.
        energy: mean true energy, GeV.
        inverse: mean of one over the true energy, 1/GeV.
        error: mean |E_est - E| / E.
        bias: mean (E_est - E) / E.
        resolution: sample standard deviation of (E_est - E) / E.
    """

    low: float
    high: float
    n: int
    energy: float
    inverse: float
    error: tuple[float, float]
    bias: tuple[float, float]
    resolution: tuple[float, float]


@dataclass(frozen=True)
class ResolutionFit:
    """The terms of sigma / E = a / sqrt(E) (+) b, each with one sigma; None where the fit puts a term at zero.

    Attributes:
        stochastic: a, sqrt(GeV).
        constant: b.
        chi2: of the squared resolutions.
        ndf: bins less terms.
    """

    stochastic: tuple[float, float | None]
    constant: tuple[float, float | None]
    chi2: float
    ndf: int

    def at(self, energy: np.ndarray) -> np.ndarray:
        """The fitted resolution at true energies (point,) in GeV."""
        return np.sqrt(self.stochastic[0] ** 2 / energy + self.constant[0] ** 2)


@dataclass(frozen=True)
class EnergyResult:
    """One estimate on the test set; ``fit`` is None with too few bins."""

    overall: Deviations
    bins: tuple[Deviations, ...]
    fit: ResolutionFit | None

    @property
    def worst(self) -> Deviations:
        """The bin with the largest relative error."""
        return max(self.bins, key=lambda each: each.error[0])


def energy_results(estimates: Sequence[Estimates]) -> list[EnergyResult]:
    """Evaluate the network of each run."""
    return [energy_result(each.energy, each.estimated) for each in estimates]


def calibration_result(estimates: Sequence[Estimates]) -> EnergyResult:
    """Evaluate the energy-sum estimate, which is one for all runs that train on the same data."""
    return energy_result(estimates[0].energy, estimates[0].calibrated)


def energy_result(energy: np.ndarray, estimated: np.ndarray) -> EnergyResult:
    """Evaluate one estimate.

    Args:
        energy: true energy in GeV, above 0, (shower,).
        estimated: in GeV, (shower,).
    """
    edges = bin_edges(energy)
    place = np.clip(np.digitize(energy, edges) - 1, 0, len(edges) - 2)  # the last bin has its upper edge
    bins = tuple(
        deviations(energy[place == number], estimated[place == number], low, high)
        for number, (low, high) in enumerate(pairwise(edges))
    )
    overall = deviations(energy, estimated, edges[0], edges[-1])
    return EnergyResult(overall, bins, fit_resolution(bins))


def bin_edges(energy: np.ndarray) -> np.ndarray:
    """Edges in GeV of some ten round bins of true energy; narrower ones at low energy, as far as there are showers.

    Estimates are worst where energy is least, and a mean over a wide first bin would hide it.
    """
    low, high = float(energy.min()), float(energy.max())
    ticks = [tick for tick in MaxNLocator(10, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high) if tick < high]
    edges = [_round_down(low), *(tick for tick in ticks if tick > low), _round_up(high)]
    while True:
        middle = _round_down((edges[0] + edges[1]) / 2)
        if not edges[0] < middle < edges[1]:
            break
        below, above = np.sum(energy < middle), np.sum((energy >= middle) & (energy < edges[1]))
        if min(below, above) < ENOUGH:
            break
        edges.insert(1, middle)
    while len(edges) > 2 and min(counts := np.histogram(energy, edges)[0]) < FEWEST:
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


def deviations(energy: np.ndarray, estimated: np.ndarray, low: float, high: float) -> Deviations:
    """Evaluate the showers of one range; at least two, (shower,) each."""
    relative = regression.deviations(estimated, energy)
    n, spread = len(relative), float(relative.std(ddof=1))
    centred = relative - relative.mean()
    fourth = max(float(np.mean(centred**4)) - float(np.mean(centred**2)) ** 2, 0.0)  # n x variance of sd^2
    return Deviations(
        low=float(low),
        high=float(high),
        n=n,
        energy=float(energy.mean()),
        inverse=float(np.mean(1 / energy)),
        error=(float(np.abs(relative).mean()), float(np.abs(relative).std(ddof=1) / np.sqrt(n))),
        bias=(float(relative.mean()), spread / float(np.sqrt(n))),
        resolution=(spread, float(np.sqrt(fourth / n)) / (2 * spread) if spread else 0.0),
    )


def fit_resolution(bins: Sequence[Deviations]) -> ResolutionFit | None:
    """Fit a and b by least squares in their squares, weighted by the errors of the squared resolutions.

    The mean of 1/E in a bin stands for 1/E, so that its width does not bias a. A square that would be negative is
    held at zero, and the other fitted alone.

    Returns:
        None with fewer than three bins, or a bin without spread.
    """
    if len(bins) < 3 or any(each.resolution[1] <= 0 for each in bins):
        return None
    squares = np.array([each.resolution[0] ** 2 for each in bins])
    errors = np.array([2 * each.resolution[0] * each.resolution[1] for each in bins])
    terms = np.array([[each.inverse, 1.0] for each in bins])
    free = [0, 1]
    while True:
        design = terms[:, free] / errors[:, None]
        covariance = np.linalg.inv(design.T @ design)
        values = covariance @ design.T @ (squares / errors)
        if values.min() > 0 or len(free) == 1:
            break
        free = [int(values.argmax())]
    found = {
        place: (float(np.sqrt(value)), float(np.sqrt(variance) / (2 * np.sqrt(value))))
        for place, value, variance in zip(free, values, np.diag(covariance), strict=True)
    }
    chi2 = float(np.sum(((squares - terms[:, free] @ values) / errors) ** 2))
    return ResolutionFit(found.get(0, (0.0, None)), found.get(1, (0.0, None)), chi2, len(bins) - len(free))
