"""Energy-flow polynomials of jets: P. Komiske, E. Metodiev, J. Thaler, arXiv:1712.07124, Eq. (1.1).

EFP_G = sum over i1 ... in of z_i1 ... z_in times the product over the edges (k, l) of G of theta_ik_il, with
z = pT_rel as it is, and theta the distance in eta and phi (beta = 1). All multigraphs of at most four edges,
36 of them, are the features of FPD and KPD of jets (arXiv:2211.10295); of four vertices and four edges, five,
those of W1-EFP (arXiv:2106.11535). A polynomial of a graph of several parts is the product of theirs.

Instead of n-fold sums every connected graph is a few products of vectors and matrices: theta's elementwise
powers, what they give on z, and theta diag(z) theta, whose elements are sums over a middle particle.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Edges = tuple[tuple[int, int], ...]

AT_ONCE = 500  # jets; their matrices stay in a cache of a few MB
MOST_EDGES = 4

CONNECTED: Mapping[str, Edges] = {
    "dot": (),
    "line": ((0, 1),),
    "line 2": ((0, 1),) * 2,
    "path": ((0, 1), (1, 2)),
    "line 3": ((0, 1),) * 3,
    "path 2-1": ((0, 1), (0, 1), (1, 2)),
    "triangle": ((0, 1), (1, 2), (2, 0)),
    "long path": ((0, 1), (1, 2), (2, 3)),
    "star": ((0, 1), (0, 2), (0, 3)),
    "line 4": ((0, 1),) * 4,
    "path 3-1": ((0, 1), (0, 1), (0, 1), (1, 2)),
    "path 2-2": ((0, 1), (0, 1), (1, 2), (1, 2)),
    "triangle, one side double": ((0, 1), (0, 1), (1, 2), (2, 0)),
    "square": ((0, 1), (1, 2), (2, 3), (3, 0)),
    "triangle with a tail": ((0, 1), (1, 2), (2, 0), (0, 3)),
    "long path 2-1-1": ((0, 1), (0, 1), (1, 2), (2, 3)),
    "long path 1-2-1": ((0, 1), (1, 2), (1, 2), (2, 3)),
    "star, one ray double": ((0, 1), (0, 1), (0, 2), (0, 3)),
    "path of five": ((0, 1), (1, 2), (2, 3), (3, 4)),
    "star of five": ((0, 1), (0, 2), (0, 3), (0, 4)),
    "fork": ((0, 1), (0, 2), (0, 3), (3, 4)),
}
"""The edges of each connected multigraph of at most four, by vertices; its columns come in this order."""

N_PRIMES = len(CONNECTED)
FOUR_OF_FOUR = tuple(
    number
    for number, edges in enumerate(CONNECTED.values())
    if len(edges) == 4 and len({vertex for edge in edges for vertex in edge}) == 4
)
"""Columns of the five polynomials of W1-EFP."""


def _composites() -> Iterator[tuple[str, ...]]:
    """Name the parts of every graph of several parts and at most four edges."""
    parts = [name for name, edges in CONNECTED.items() if edges]
    for number in range(2, MOST_EDGES + 1):
        for graph in combinations_with_replacement(parts, number):
            if sum(len(CONNECTED[part]) for part in graph) <= MOST_EDGES:
                yield graph


COMPOSITES = tuple(_composites())
NAMES = (*CONNECTED, *(" x ".join(graph) for graph in COMPOSITES))


def energy_flow(particles: ArrayLike) -> Floats:
    """Compute the 36 polynomials of at most four edges.

    Args:
        particles: (jet, particle, 3), eta_rel, phi_rel in rad and pT_rel; padding has a pT_rel of 0. Phi is
            taken as it is, so that all particles of a jet must lie within pi of each other.

    Returns:
        (jet, 36) in the order of :data:`NAMES`: connected graphs first.
    """
    jets = np.asarray(particles)
    found = np.empty((len(jets), len(NAMES)))
    for start in range(0, len(jets), AT_ONCE):
        rows = slice(start, start + AT_ONCE)
        connected = _connected(jets[rows].astype(np.float64))
        found[rows, :N_PRIMES] = np.stack([connected[name] for name in CONNECTED], axis=1)
        for number, graph in enumerate(COMPOSITES):
            product = np.ones(len(found[rows]))
            for part, power in Counter(graph).items():
                product *= connected[part] ** power
            found[rows, N_PRIMES + number] = product
    return found


def _connected(jets: Floats) -> dict[str, Floats]:
    """Polynomials of the connected graphs, each (jet,)."""
    z = jets[..., 2]
    theta = np.sqrt(sum((jets[:, :, None, axis] - jets[:, None, :, axis]) ** 2 for axis in (0, 1)))
    power = {1: theta, 2: theta**2, 3: theta**3, 4: theta**4}

    def onto(matrix: Floats, vector: Floats) -> Floats:
        """Sum over the far end of an edge."""
        return np.asarray(np.matmul(matrix, vector[..., None])[..., 0])

    def total(*factors: Floats) -> Floats:
        """Sum over one vertex, with its z."""
        return np.asarray((z * np.prod(factors, axis=0)).sum(axis=1))

    end = {times: onto(matrix, z) for times, matrix in power.items()}  # an end at an edge of so many lines
    once = end[1]
    beyond = onto(theta, z * once)  # a path of two edges that ends here
    middle = np.matmul(theta * z[:, None, :], theta)  # over two edges, by the vertex between them
    pairs = z[:, :, None] * z[:, None, :]
    corner = (z[:, None, :] * theta * middle).sum(axis=2)  # a triangle, by one of its vertices
    return {
        "dot": z.sum(axis=1),
        "line": total(once),
        "line 2": total(end[2]),
        "path": total(once, once),
        "line 3": total(end[3]),
        "path 2-1": total(end[2], once),
        "triangle": total(corner),
        "long path": total(once, beyond),
        "star": total(once, once, once),
        "line 4": total(end[4]),
        "path 3-1": total(end[3], once),
        "path 2-2": total(end[2], end[2]),
        "triangle, one side double": (pairs * power[2] * middle).sum(axis=(1, 2)),
        "square": (pairs * middle**2).sum(axis=(1, 2)),
        "triangle with a tail": total(corner, once),
        "long path 2-1-1": total(end[2], beyond),
        "long path 1-2-1": total(once, onto(power[2], z * once)),
        "star, one ray double": total(end[2], once, once),
        "path of five": total(beyond, beyond),
        "star of five": total(once, once, once, once),
        "fork": total(once, once, beyond),
    }
