"""Aging evolution: who becomes a parent, what a mutation is, and what is inherited."""

import numpy as np

from raysearch.search.make import make_searcher
from raysearch.space.domains import ChoiceDomain, FloatDomain, IntDomain, Space
from raysearch.space.space_file import SearchSection

SPACE = Space(
    {
        "rate": FloatDomain(type="float", low=1e-4, high=1.0, log=True),
        "width": IntDomain(type="int", low=2, high=30, step=2),
        "kind": ChoiceDomain(type="choice", values=("a", "b", "c")),
        "only": ChoiceDomain(type="choice", values=("one",)),
    },
    {},
)


def make(seed=1, space=SPACE, **options):
    section = SearchSection(sampler="evolution", trials=999, options={"population": 5, "sample": 3} | options)
    return make_searcher(section, space, seed, 1)


def evolve(searcher, trials, loss):
    settings, parents = [], []
    for number in range(trials):
        settings.append(searcher.ask(number))
        parents.append(searcher.parent(number))
        value = loss(number)
        searcher.tell(number, None if value is None else [value])
    return settings, parents


def test_the_first_are_drawn_and_every_child_differs_from_its_parent_in_one_setting():
    settings, parents = evolve(make(), 300, lambda number: float(number % 7))
    assert parents[:5] == [None] * 5
    changed = []
    for child, parent in zip(settings[5:], parents[5:], strict=True):
        (name,) = [name for name in SPACE.domains if child[name] != settings[parent][name]]
        changed.append(name)
        assert child[name] in SPACE.domains[name]
    shares = {name: changed.count(name) / len(changed) for name in SPACE.domains}
    assert shares["only"] == 0, "it has no other value"
    assert min(shares[name] for name in ("rate", "width", "kind")) > 0.25


def test_the_best_of_a_large_sample_is_the_parent_until_it_is_too_old():
    _, parents = evolve(make(sample=60), 12, lambda number: 0.0 if number == 1 else 1.0 + number)
    assert parents[5] == 1
    assert parents[6] == 1, "members 1 to 5"
    assert parents[7] == 2, "however good, 1 has left: members 2 to 6"


def test_a_sample_of_one_is_a_random_parent():
    _, parents = evolve(make(sample=1), 400, lambda number: 0.0 if number % 5 == 0 else 1.0)
    ages = [number - parent for number, parent in enumerate(parents) if parent is not None]
    assert set(ages) == {1, 2, 3, 4, 5}
    assert min(ages.count(age) for age in range(1, 6)) > 50


def test_failed_trials_are_no_parents_but_age_others():
    _, parents = evolve(make(), 60, lambda number: None if number % 2 else 1.0)
    assert all(parent is None or parent % 2 == 0 for parent in parents)
    _, parents = evolve(make(), 20, lambda number: 1.0 if number < 3 else None)
    assert parents[5:8] != [None] * 3
    assert parents[8:] == [None] * 12, "all who live have failed: drawn anew"


def test_without_inheritance_the_same_settings_have_no_parents():
    def loss(number):
        return float(number % 7)

    with_weights, without = make(), make(inherit=False)
    settings, parents = evolve(with_weights, 40, loss)
    bare, none = evolve(without, 40, loss)
    assert bare == settings
    assert set(none) == {None}
    assert any(parent is not None for parent in parents)
    assert (with_weights.inherits, without.inherits) == (True, False)
    assert with_weights.possible_parents == {35, 36, 37, 38, 39}
    assert without.possible_parents == set()


def test_a_number_moves_near_and_reaches_its_whole_range():
    space = Space({"width": IntDomain(type="int", low=1, high=100)}, {})
    settings, parents = evolve(make(space=space, sample=1), 3000, lambda number: 0.0)
    moves = np.array(
        [
            child["width"] - settings[parent]["width"]
            for child, parent in zip(settings, parents, strict=True)
            if parent is not None
        ]
    )
    assert np.median(np.abs(moves)) < 20
    assert not (moves == 0).any()
    assert abs(np.mean(moves > 0) - 0.5) < 0.05
    assert {min(s["width"] for s in settings), max(s["width"] for s in settings)} <= {1, 2, 3, 98, 99, 100}


def test_a_space_without_alternatives_is_no_trouble():
    space = Space({"only": ChoiceDomain(type="choice", values=("one",))}, {})
    settings, _ = evolve(make(space=space), 9, lambda number: 1.0)
    assert settings == [{"only": "one"}] * 9
