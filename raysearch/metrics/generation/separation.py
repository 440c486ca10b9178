"""Separation power: how far apart two histograms are, as S. Diefenbacher et al. compare generated showers.

arXiv:2009.03796; CaloChallenge has the same (arXiv:2410.21611).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raysearch.errors import InputError


def separation_power(real: ArrayLike, made: ArrayLike) -> float:
    """Tell two histograms apart: 0 if they are alike, 1 if they have no bin in common.

    Args:
        real: (bin,) counts, normalised here.
        made: (bin,) counts.

    Raises:
        InputError: shapes differ, a histogram is empty, or has cells that are negative or no numbers.
    """
    counts = [np.asarray(part, np.float64) for part in (real, made)]
    if counts[0].shape != counts[1].shape or not all(map(_is_histogram, counts)):
        raise InputError(
            f"histograms: need one shape and entries in both, got {[part.shape for part in counts]}"
        )
    first, second = (part / part.sum() for part in counts)
    both = first + second
    return float(0.5 * np.sum((first - second) ** 2 / np.where(both > 0, both, 1)))  # 0 / 0 counts 0


def _is_histogram(counts: NDArray[np.float64]) -> bool:
    return bool(np.isfinite(counts).all() and counts.min(initial=0) >= 0 and counts.sum() > 0)
