"""COV and MMD of jets with the energy mover's distance (arXiv:2106.11535), by POT, which the extra brings.

MMD here is the minimum matching distance, not the maximum mean discrepancy of KPD. Both depend on how many
jets there are on a side: 100 as published.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from raysearch.errors import InputError
from raysearch.metrics.generation.batches import over_batches
from raysearch.metrics.generation.comparison import Figures
from raysearch.metrics.generation.jet_sample import JetSample

Floats = NDArray[np.float64]

JETS = 100  # of a batch on each side, as published
BATCHES, PUBLISHED_BATCHES = 3, 10
RADIUS = 1.0  # what a pT that has nowhere to go costs, as a distance; half of the jets' width at least


def coverage_and_matching(
    real: JetSample, made: JetSample, *, batches: int = BATCHES, seed: int = 0
) -> Figures:
    """Compute COV and MMD, mean and error over batches of 100 jets.

    Args:
        real: real jets.
        made: generated ones.
        batches: how many, 10,000 distances each.
        seed: of the batches.

    Returns:
        ``COV``: share of real jets that are the nearest real one to some generated jet; ``MMD``: mean over
        real jets of the distance to the nearest generated one.

    Raises:
        InputError: POT is not installed, there are particles of negative pT, or fewer than 200 jets.
    """
    _pot()
    for name, sample in (("real", real), ("made", made)):
        if n := int((sample.particles[..., 2] < 0).sum()):
            raise InputError(f"{name}: {n:,} particles have a pT below 0, which cannot be moved")

    def of_batch(first: JetSample, second: JetSample) -> dict[str, float]:
        return of_distances(distances(first, second))

    return over_batches(of_batch, real, made, batches=batches, most=JETS, least=JETS, seed=seed)


def of_distances(distances_of_pairs: Floats) -> dict[str, float]:
    """Compute COV and MMD from distances (real, made)."""
    return {
        "COV": len(np.unique(distances_of_pairs.argmin(axis=0))) / len(distances_of_pairs),
        "MMD": float(distances_of_pairs.min(axis=1).mean()),
    }


def distances(real: JetSample, made: JetSample) -> Floats:
    """Energy mover's distance of every pair, (real, made).

    P. Komiske, E. Metodiev, J. Thaler, arXiv:1902.02346, Eq. (1), with R = 1: the least sum of pT_rel moved
    times distance in eta and phi, and the difference of both sums of pT_rel.
    """
    ot = _pot()
    sides = [
        [_of_jet(*both) for both in zip(each.particles, each.there, strict=True)] for each in (real, made)
    ]
    found = np.empty((len(real), len(made)))
    for row, (place, pt) in enumerate(sides[0]):
        for column, (other_place, other_pt) in enumerate(sides[1]):
            ground = np.sqrt(((place[:, None] - other_place) ** 2).sum(axis=2))
            found[row, column] = _moved(ot, pt, other_pt, ground)
    return found


def _of_jet(particles: NDArray[Any], there: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    kept = particles[there].astype(np.float64)
    return kept[:, :2].copy(), kept[:, 2].copy()  # POT takes no strided arrays


def _moved(ot: Any, first: Floats, second: Floats, ground: Floats) -> float:  # noqa: ANN401 - a module
    """The least cost; the lighter side gets what it lacks at RADIUS from everything."""
    if not first.sum() + second.sum():
        return 0.0  # two jets without particles
    lacking = second.sum() - first.sum()
    if lacking > 0:
        first, ground = np.append(first, lacking), np.pad(ground, ((0, 1), (0, 0)), constant_values=RADIUS)
    elif lacking < 0:
        second, ground = np.append(second, -lacking), np.pad(ground, ((0, 0), (0, 1)), constant_values=RADIUS)
    # Rounding leaves sums that differ in the last digit, which the solver would refuse.
    second = second * (first.sum() / second.sum())
    return float(ot.emd2(first, second, ground))


def _pot() -> Any:  # noqa: ANN401 - a module without types
    try:
        import ot  # noqa: PLC0415 - of an extra
    except ImportError:
        raise InputError("needs POT: pip install 'raysearch[generation]'") from None
    return ot
