import itertools

import numpy as np
import pytest

from raysearch.errors import InputError
from raysearch.search.random_and_grid import GridSearcher, RandomSearcher
from raysearch.space.domains import ChoiceDomain, FloatDomain, IntDomain, Space

FINITE = Space(
    {
        "depth": IntDomain(type="int", low=2, high=6, step=2),
        "skip": ChoiceDomain(type="choice", values=(True, False)),
        "width": IntDomain(type="int", low=8, high=11),
    },
    {"seed_layer": "dense"},
)


def test_grid_visits_all_points_once_in_the_order_of_the_file():
    grid = GridSearcher(FINITE)
    points = [tuple(grid.ask(number).values()) for number in range(FINITE.grid_size)]
    assert points == list(itertools.product((2, 4, 6), (True, False), (8, 9, 10, 11)))
    assert list(grid.ask(0)) == list(FINITE.domains)


def test_grid_refuses_a_continuum():
    space = Space({"rate": FloatDomain(type="float", low=0.0, high=1.0)}, {})
    with pytest.raises(InputError, match=r"space\.rate"):
        GridSearcher(space)


def test_random_covers_every_domain_evenly():
    space = Space({**FINITE.domains, "rate": FloatDomain(type="float", low=1e-4, high=1.0, log=True)}, {})
    searcher = RandomSearcher(space, seed=3)
    asked = [searcher.ask(number) for number in range(3000)]
    for name, domain in FINITE.domains.items():
        counts = [sum(s[name] == domain.value_at(i) for s in asked) for i in range(domain.size)]
        expected = 3000 / domain.size
        chi2 = sum((count - expected) ** 2 / expected for count in counts)
        assert chi2 < 16.3, f"{name}: {counts}"  # 0.1 % for 3 degrees of freedom
    decades, _ = np.histogram([np.log10(s["rate"]) for s in asked], bins=[-4, -3, -2, -1, 0])
    assert sum((count - 750) ** 2 / 750 for count in decades) < 16.3, decades


def test_random_depends_on_the_number_and_not_on_the_order():
    forwards, backwards = RandomSearcher(FINITE, seed=3), RandomSearcher(FINITE, seed=3)
    first = [forwards.ask(number) for number in range(9)]
    assert [backwards.ask(number) for number in reversed(range(9))] == first[::-1]
