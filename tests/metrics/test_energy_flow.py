"""Energy-flow polynomials against sums written out over all particles, and how many graphs there are."""

from __future__ import annotations

from collections import Counter
from itertools import permutations, product

import numpy as np
import pytest

from raysearch.metrics.generation.energy_flow import (
    COMPOSITES,
    CONNECTED,
    FOUR_OF_FOUR,
    NAMES,
    Edges,
    energy_flow,
)


def graphs() -> dict[str, Edges]:
    """All 36, those of several parts with vertices of their own."""
    found = dict(CONNECTED)
    for name, parts in zip(NAMES[len(CONNECTED) :], COMPOSITES, strict=True):
        edges: Edges = ()
        for part in parts:
            first = 1 + max((vertex for edge in edges for vertex in edge), default=-1)
            edges += tuple((first + a, first + b) for a, b in CONNECTED[part])
        found[name] = edges
    return found


def vertices(edges: Edges) -> int:
    return 1 + max((vertex for edge in edges for vertex in edge), default=0)


def written_out(jet: np.ndarray, edges: Edges) -> float:
    z = jet[:, 2]
    theta = np.hypot(*(jet[:, None, axis] - jet[None, :, axis] for axis in (0, 1)))
    total = 0.0
    for chosen in product(range(len(jet)), repeat=vertices(edges)):
        total += np.prod(z[list(chosen)]) * np.prod([theta[chosen[a], chosen[b]] for a, b in edges])
    return total


@pytest.fixture
def jets() -> np.ndarray:
    rng = np.random.default_rng(1)
    return np.concatenate([rng.normal(0, 0.3, (2, 3, 2)), rng.exponential(1, (2, 3, 1))], axis=2)


@pytest.mark.parametrize("name", NAMES)
def test_each_polynomial_is_its_sum_over_all_particles(name: str, jets: np.ndarray) -> None:
    edges = graphs()[name]
    found = energy_flow(jets)[:, NAMES.index(name)]
    jets = jets[:1] if vertices(edges) > 6 else jets  # 3^8 terms
    assert found[: len(jets)] == pytest.approx([written_out(jet, edges) for jet in jets], rel=1e-12)


def test_there_are_36_different_graphs_of_at_most_four_edges() -> None:
    def form(edges: Edges) -> tuple[tuple[int, int], ...]:
        """The same for graphs that differ in the names of vertices alone."""
        names = range(vertices(edges))
        return min(
            tuple(sorted(tuple(sorted((order[a], order[b]))) for a, b in edges))
            for order in permutations(names)
        )

    forms = {name: form(edges) for name, edges in graphs().items()}
    assert len(set(forms.values())) == 36
    assert sorted(Counter(len(edges) for edges in graphs().values()).items()) == [
        (0, 1),
        (1, 1),
        (2, 3),
        (3, 8),
        (4, 23),
    ]
    assert [list(CONNECTED)[place] for place in FOUR_OF_FOUR] == [
        "square",
        "triangle with a tail",
        "long path 2-1-1",
        "long path 1-2-1",
        "star, one ray double",
    ]


def test_order_padding_and_place_of_a_jet_do_not_matter(jets: np.ndarray) -> None:
    expected = energy_flow(jets)
    padded = np.concatenate([np.zeros((2, 4, 3)), jets[:, ::-1]], axis=1)
    assert energy_flow(padded) == pytest.approx(expected, rel=1e-12)
    assert energy_flow(jets + np.array([1, -0.5, 0])) == pytest.approx(expected, rel=1e-9)
    many = np.tile(jets, (300, 1, 1))
    assert energy_flow(many)[-2:] == pytest.approx(expected, rel=1e-12)
