"""Energy correlators of jets, summed with NumPy: four times as fast as FastJet's contrib, and no less exact.

FastJet sums over all triples anew for each of the ratios; here the sums of a jet are made once. Definitions:
arXiv:1305.0007 (C), 1409.6298 (D2, with alpha 1 where ``_a1``), 1609.07483 (M2, N2), all in pT and distances
in rapidity and phi. Results are those of FastJet to its own precision (tests/data/test_correlators.py).
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from raysearch.data.jets.rotation import wrap

Floats = NDArray[np.float64]
Places = NDArray[np.intp]


CHUNK = 8192  # triples at a time, so that what is computed of them stays in a core's cache
STEP = 32  # tables of pairs and triples are made for multiples of it, and not for each number of constituents


def correlators(momenta: Floats) -> dict[str, float]:
    """Compute the correlators of one jet.

    Args:
        momenta: (constituent, 4): px, py, pz, E in GeV.

    Returns:
        ``c1_b0`` to ``n2_b2``, as in ``layout.CORRELATORS``; 0 where undefined.
    """
    px, py, pz, energy = momenta.T
    pt = np.hypot(px, py)
    z = pt / pt.sum()
    mass_squared = np.maximum(energy**2 - pt**2 - pz**2, 0.0)  # rounding can make it negative
    rapidity, phi = np.arcsinh(pz / np.sqrt(pt**2 + mass_squared)), np.arctan2(py, px)
    first, second = (members[: len(pt) * (len(pt) - 1) // 2] for members in _pairs(_size(len(pt))))
    distance = np.hypot(rapidity[first] - rapidity[second], wrap(phi[first] - phi[second]))
    weight = z[first] * z[second]
    found = {"c1_b0": float(weight.sum())}
    lesser = _sums_of_lesser_distances(distance, weight, z)
    matrix = np.zeros((len(pt), len(pt)))
    matrix[first, second] = matrix[second, first] = distance
    e3 = [_sum_of_all_distances(matrix**beta, z) for beta in (1, 2)]
    for number, beta in enumerate((1, 2)):
        e2 = float(weight @ distance**beta)
        one_e3, two_e3 = lesser[number].tolist()
        found |= {
            f"c1_b{beta}": e2,
            f"c2_b{beta}": _ratio(e3[number], e2**2),
            f"d2_b{beta}": _ratio(e3[number], e2**3),
            f"d2_a1_b{beta}": _ratio(e3[0], e2 ** (3 / beta)),
            f"m2_b{beta}": _ratio(one_e3, e2),
            f"n2_b{beta}": _ratio(two_e3, e2**2),
        }
    return found


def _ratio(value: float, by: float) -> float:
    return value / by if by > 0 else 0.0


def _sum_of_all_distances(distance: Floats, z: Floats) -> float:
    """Sum z z z times all three distances over triples: six times each in the trace of a cubed matrix."""
    root = np.sqrt(z)
    shared = distance * (root[:, None] * root)
    return float(np.vdot(shared @ shared, shared)) / 6


def _sums_of_lesser_distances(distance: Floats, weight: Floats, z: Floats) -> Floats:
    """Sum z z z times the least, and the two lesser distances over triples: (beta 1 and 2, 2)."""
    sums = np.zeros((2, 2))
    n = len(z)
    count = n * (n - 1) * (n - 2) // 6
    table = _triples(_size(n))
    for start in range(0, count, CHUNK):
        ij, ik, jk, k = (places[start : min(start + CHUNK, count)] for places in table)
        # Without a check of each place, which all are: a fourth faster.
        zzz = weight.take(ij, mode="clip") * z.take(k, mode="clip")
        a, b, c = (distance.take(places, mode="clip") for places in (ij, ik, jk))
        low, high = np.minimum(a, b), np.maximum(a, b)
        least, middle = np.minimum(low, c), np.maximum(low, np.minimum(high, c))
        for number, side in enumerate((least, least * middle)):
            sums[:, number] += zzz @ side, (zzz * side) @ side
    return sums


def _size(n: int) -> int:
    return -(-n // STEP) * STEP


@cache
def _pairs(n: int) -> tuple[Places, Places]:
    """Lesser and larger member of each pair by rising larger one, so that those of fewer come first."""
    larger, lesser = np.tril_indices(n, -1)
    return lesser, larger


@cache
def _triples(n: int) -> tuple[Places, Places, Places, Places]:
    """Triples i < j < k by rising k: the places of their pairs ij, ik and jk in ``_pairs``, and k."""
    lesser, larger = _pairs(n)
    # Pairs (i, j) with j < k are the first k (k - 1) / 2 of all.
    counts = np.arange(n) * (np.arange(n) - 1) // 2
    ij = np.concatenate([np.arange(count) for count in counts])
    k = np.repeat(np.arange(n), counts)
    return ij, counts[k] + lesser[ij], counts[k] + larger[ij], k
