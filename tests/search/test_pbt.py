"""Population based training: who copies whom, how settings are changed, and that it learns a schedule."""

import numpy as np
import pytest

from raysearch.search.make import make_searcher
from raysearch.space.domains import ChoiceDomain, FloatDomain, IntDomain, Space
from raysearch.space.space_file import SearchSection

SPACE = Space(
    {
        "rate": FloatDomain(type="float", low=1e-4, high=1.0, log=True),
        "width": IntDomain(type="int", low=2, high=30, step=2),
        "kind": ChoiceDomain(type="choice", values=("a", "b", "c")),
    },
    {},
)


def make(seed=1, space=SPACE, window=1, **options):
    section = SearchSection(sampler="pbt", trials=99, options=options)
    return make_searcher(section, space, seed, window)


def one_interval(searcher, losses):
    """Ask and tell the first interval; gives its settings."""
    settings = [searcher.ask(number) for number in range(len(losses))]
    for number, loss in enumerate(losses):
        searcher.tell(number, None if loss is None else [loss])
    return settings


LOSSES = [0.5, 0.1, 0.9, 0.4, 0.2, 0.8, 0.6, 0.7]  # the best of 8: 1 and 4; the worst: 2 and 5


def test_the_worst_copy_the_best_and_the_others_go_on_unchanged():
    seen = set()
    for seed in range(20):
        searcher = make(seed)
        first = one_interval(searcher, LOSSES)
        for number in range(8, 16):
            settings, parent = searcher.ask(number), searcher.parent(number)
            if number - 8 in (2, 5):
                assert parent in (1, 4)
                assert settings != first[parent]
                seen.add(parent)
            else:
                assert parent == number - 8
                assert settings == first[parent]
    assert seen == {1, 4}, "any of the best is copied"


def test_members_are_measured_by_others_at_the_same_interval():
    searcher = make(population=4)
    one_interval(searcher, [0.8, 0.9, 0.7, 0.6])
    for number, loss in ((4, 0.5), (5, 0.4), (6, 0.3), (7, 0.2), (8, 0.01), (9, 0.02), (10, 0.03)):
        searcher.ask(number)
        searcher.tell(number, [loss])
    searcher.ask(11)
    assert searcher.parent(11) == 7, "best of its interval, though all others have gone further since"
    assert searcher.parent(8) == 7, "worst of its interval: copies the best one of that"


def test_who_is_not_known_at_an_interval_counts_as_in_the_one_before():
    searcher = make(population=4, window=4)
    one_interval(searcher, [0.1, 0.2, 0.9, 0.3])
    for number in range(4, 8):
        searcher.ask(number)
    searcher.tell(4, [0.4])
    searcher.ask(8)
    assert searcher.parent(8) == 4, "0.9 of trial 2 is the worst"
    searcher.tell(5, [0.95])
    searcher.ask(9)
    assert searcher.parent(9) == 3, "0.3 is the best among 0.4, 0.95, 0.9 and 0.3"
    assert searcher.possible_parents == {2, 3, 4, 5}


def test_without_a_quantile_nobody_copies_but_who_failed():
    searcher = make(population=4, quantile=0)
    first = one_interval(searcher, [0.1, None, 0.9, 0.3])
    for number in range(4, 8):
        settings = searcher.ask(number)
        assert searcher.parent(number) == (0 if number == 5 else number - 4)
        assert (settings == first[number - 4]) == (number != 5)


def test_a_member_that_failed_copies_a_good_one_and_no_failed_one_is_copied():
    searcher = make(population=4, quantile=0.5)
    one_interval(searcher, [None, None, None, 0.3])
    for number in range(4, 8):
        searcher.ask(number)
        assert searcher.parent(number) == 3


def test_where_all_failed_members_begin_anew():
    searcher = make(population=4)
    first = one_interval(searcher, [None] * 4)
    assert searcher.ask(4) != first[0]
    assert searcher.parent(4) is None


def explored(settings, n=400, **options):
    """What becomes of settings when they are copied, many times."""
    found = []
    for seed in range(n):
        searcher = make(seed, population=2, **options)
        searcher.give(0, settings)
        searcher.ask(1)
        searcher.tell(0, [0.0])
        searcher.tell(1, [1.0])
        searcher.ask(2)
        found.append(searcher.ask(3))
        assert searcher.parent(3) == 0
    return found


def test_numbers_are_multiplied_and_choices_go_to_a_neighbour():
    found = explored({"rate": 0.01, "width": 20, "kind": "b"}, resample=0)
    assert {settings["rate"] for settings in found} == {0.01 * 0.8, 0.01 * 1.2}
    assert {settings["width"] for settings in found} == {16, 24}
    assert {settings["kind"] for settings in found} == {"a", "c"}
    n_up = sum(settings["rate"] > 0.01 for settings in found)
    assert 160 < n_up < 240


def test_nothing_leaves_its_domain_and_an_int_moves_by_a_step_at_least():
    found = explored({"rate": 0.95, "width": 4, "kind": "c"}, resample=0, shrink=0.9, grow=1.1)
    assert {settings["rate"] for settings in found} == {0.95 * 0.9, 1.0}
    assert {settings["width"] for settings in found} == {2, 6}
    assert {settings["kind"] for settings in found} == {"b", "c"}
    edge = explored({"rate": 1e-4, "width": 30, "kind": "a"}, resample=0)
    assert {settings["rate"] for settings in edge} == {1e-4, 1e-4 * 1.2}
    assert {settings["width"] for settings in edge} == {24, 30}


def test_settings_are_drawn_anew_with_the_given_probability():
    found = explored({"rate": 0.01, "width": 20, "kind": "b"}, resample=0.25)
    share = np.mean([settings["rate"] not in {0.01 * 0.8, 0.01 * 1.2} for settings in found])
    assert share == pytest.approx(0.25, abs=0.06)
    choices = [settings["kind"] for settings in found]
    assert choices.count("b") == pytest.approx(400 * 0.25 / 3, abs=18), "drawn anew it may be the same"


TOY = Space({name: FloatDomain(type="float", low=0.0, high=1.0) for name in ("h0", "h1")}, {})


def toy_training(searcher, intervals, population):
    """The paper's figure 2: weights climb a surrogate h0 w0^2 + h1 w1^2 of w0^2 + w1^2 (here downhill)."""
    weights, best = {}, np.inf
    for number in range(intervals * population):
        settings, parent = searcher.ask(number), searcher.parent(number)
        w = np.array([0.9, 0.9]) if parent is None else weights[parent].copy()
        for _ in range(4):
            w -= 2 * 0.01 * np.array([settings["h0"], settings["h1"]]) * w
        weights[number] = w
        loss = float((w**2).sum())
        searcher.tell(number, [loss])
        best = min(best, loss)
    return best


def test_it_learns_where_members_that_never_copy_do_not():
    wins = 0
    for seed in range(10):
        learnt, chance = (
            toy_training(make(seed, TOY, population=4, quantile=quantile), 20, 4) for quantile in (0.25, 0)
        )
        wins += learnt < chance
    assert wins >= 9, f"beat members that never copy in {wins} of 10 seeds"
