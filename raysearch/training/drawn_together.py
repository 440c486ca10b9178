"""Mutations of a generation drawn at once, with the bits that each has alone.

A draw of NumPy's for each child is a dozen calls from Python, which takes longer than its numbers do. Where
there is a C++ compiler, and NumPy came with the library that its own generators are made of, point mutations
are drawn by one call; elsewhere singly.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from raysearch.evolve.mutation import Mutation, PointMutation, Step
from raysearch.models import kernels
from raysearch.models.kernels import build

_SOURCE = Path(kernels.__file__).parent / "point_steps.cpp"
_NUMPYS = Path(np.random.__file__).parent / "lib" / "libnpyrandom.a"


class DrawnTogether:
    """A mutation whose steps are drawn in advance for the seeds that it was told of.

    Args:
        mutation: whose steps they are.
    """

    def __init__(self, mutation: Mutation) -> None:
        self._mutation = mutation
        self._ready: dict[int, Step] = {}

    def prepare(self, seeds: Sequence[int], n: int) -> None:
        """Draw the steps of seeds, for n weights; those of earlier ones are forgotten."""
        self._ready = {}
        if isinstance(self._mutation, PointMutation) and self._mutation.rate < 1 and len(seeds) > 1:
            self._ready = _point_steps(self._mutation, seeds, n)

    def draw(self, seed: int, n: int) -> Step:
        """Give the step of a seed, see :class:`~raysearch.evolve.mutation.Mutation`."""
        step = self._ready.get(seed)
        return self._mutation.draw(seed, n) if step is None else step


def _point_steps(mutation: PointMutation, seeds: Sequence[int], n: int) -> dict[int, Step]:
    """Draw steps by the kernel; none where it cannot be had."""
    library = build.load(_SOURCE, (), (_NUMPYS,), None) if _NUMPYS.exists() else None
    if library is None:
        return {}
    gaps, mean = mutation.gaps(n), mutation.mean_gap
    words, counts = np.array(seeds, np.uint64), np.empty(len(seeds), np.int64)
    places, deltas = np.empty(gaps * len(seeds), np.int64), np.empty(gaps * len(seeds), np.float32)
    library.point_steps(
        ctypes.c_int(len(seeds)), _at(words), ctypes.c_int64(n), ctypes.c_int64(gaps), ctypes.c_double(mean),
        _at(counts), _at(places), _at(deltas),
    )  # fmt: skip
    ends = np.maximum(counts, 0).cumsum()
    # Not in the kernel, whose compiler may make one rounding of a product and a sum where NumPy has two.
    mutation.scale(deltas[: ends[-1]])
    return {
        seed: Step(places[end - count : end], deltas[end - count : end])
        for seed, count, end in zip(seeds, counts.tolist(), ends.tolist(), strict=True)
        if count >= 0  # else more gaps are wanted than were drawn: singly, then
    }


def _at(values: NDArray[np.generic]) -> ctypes.c_void_p:
    return ctypes.c_void_p(values.ctypes.data)
