"""A metric with its error: its mean over parts of both samples that have no row in common.

What the metrics of jets are published with is the spread of five batches (arXiv:2106.11535); the error here
is that of their mean, which is smaller by the root of their number. Batches are drawn without replacement, so
that their spread is that of new samples; batches that share rows seem to agree better than they do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from raysearch.errors import InputError
from raysearch.metrics.generation.comparison import Figures
from raysearch.metrics.generation.itself import Measured, Rows
from raysearch.seeds import generator

S = TypeVar("S", bound=Rows)
FEW = 3  # batches at least for an error: that of two values is off by a factor of two and more


def over_batches(
    metric: Callable[[S, S], dict[str, float]],
    real: S,
    made: S,
    *,
    batches: int,
    most: int,
    least: int,
    seed: int = 0,
) -> Figures:
    """Compute a metric on batches of one size.

    Args:
        metric: of two samples, the real one first; several figures.
        real: real rows.
        made: generated rows.
        batches: how many, where there are rows enough; two at least.
        most: rows of a batch on each side, as many as both samples allow.
        least: rows that a batch needs.
        seed: of the choice of rows.

    Returns:
        Mean over the batches, and the error of the mean where there are three at least.

    Raises:
        InputError: too few rows for two batches of ``least``.
    """
    sizes = len(real), len(made)
    parts = min(batches, min(sizes) // least)
    if parts < 2:
        raise InputError(
            f"rows: need at least {2 * least:,} a side, two batches of {least:,}, got {sizes[0]:,} and "
            f"{sizes[1]:,}"
        )
    size = batch_size(min(sizes), batches=batches, most=most, least=least)
    orders = [generator(seed, "batches", side).permutation(n) for side, n in enumerate(sizes)]
    found = [
        metric(*(rows[order[start : start + size]] for rows, order in zip((real, made), orders, strict=True)))
        for start in range(0, parts * size, size)
    ]
    return {name: _mean([each[name] for each in found]) for name in found[0]}


def batch_size(n: int, *, batches: int, most: int, least: int) -> int:
    """Rows of a batch on each side of :func:`over_batches`, of ``n`` on the smaller one."""
    return min(most, n // max(1, min(batches, n // least)))


def _mean(values: Sequence[float]) -> Measured:
    if len(values) < FEW:
        return Measured(float(np.mean(values)))
    return Measured(float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(len(values))))
