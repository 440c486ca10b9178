"""What every searcher keeps whose trials begin from the weights of others, whatever decides who."""

import random

import pytest
from test_contract import JEDI, WINDOW, as_told, bowl, objective, search

from raysearch.search.make import SAMPLERS, make_searcher
from raysearch.search.searcher import Breeder
from raysearch.space.space_file import SearchSection

BREEDERS = {"pbt": {"population": 6}, "evolution": {"population": 6, "sample": 3}}
TRIALS = 48


def make(name, seed=7, window=WINDOW, **options):
    section = SearchSection(sampler=name, trials=TRIALS, options=BREEDERS[name] | options)
    return make_searcher(section, JEDI, seed, window)


class Recorded:
    """A searcher that keeps who was whose parent, and what was told by then."""

    def __init__(self, searcher):
        self.searcher, self.parents, self.told, self.known, self.kept = searcher, {}, {}, {}, {}

    def ask(self, number):
        self.kept[number] = set(self.searcher.possible_parents)
        settings = self.searcher.ask(number)
        self.parents[number], self.known[number] = self.searcher.parent(number), dict(self.told)
        return settings

    def tell(self, number, values):
        self.told[number] = values
        self.searcher.tell(number, values)


def recorded(name, score, arrival=0, **options):
    one = Recorded(make(name, **options))
    one.history = search(one, score, TRIALS, random.Random(arrival))
    return one


@pytest.fixture(params=BREEDERS)
def name(request):
    return request.param


def test_all_of_them_are_tried_here():
    section = {name: SearchSection(sampler=name, trials=9) for name in SAMPLERS if name != "grid"}
    found = [name for name, one in section.items() if isinstance(make_searcher(one, JEDI, 1, 4), Breeder)]
    assert found == list(BREEDERS)


def test_same_parents_in_any_order_of_arrival(name):
    first, second = (recorded(name, bowl(1, "selu"), arrival) for arrival in (0, 99))
    assert first.parents == second.parents
    assert first.history == second.history
    assert sum(parent is not None for parent in first.parents.values()) > TRIALS // 2
    assert recorded(name, bowl(1, "selu"), seed=8).parents != first.parents


def test_a_parent_has_values_and_was_known_and_is_among_those_that_are_kept(name):
    one = recorded(name, bowl(1, "selu"))
    for number, parent in one.parents.items():
        if parent is not None:
            assert one.known[number][parent] is not None
            assert all(parent in one.kept[between] for between in range(parent + WINDOW, number + 1)), (
                "its weights would be gone"
            )
    sizes = [len(kept) for kept in one.kept.values()]
    assert max(sizes) <= 12, "of two intervals, or of a population and less"


@pytest.mark.parametrize("n_told", [0, 1, 5, 6, 20, TRIALS - 1])
def test_a_replay_restores_it_at_any_point(name, n_told):
    whole = recorded(name, bowl(1, "selu"))
    again = Recorded(make(name))
    proposals = [again.ask(number) for number in range(WINDOW)]
    for number in range(TRIALS):
        value = whole.history[number][1] if number < n_told else bowl(1, "selu")(proposals[number])
        again.tell(number, as_told(value))
        if number + WINDOW < TRIALS:
            proposals.append(again.ask(number + WINDOW))
    assert proposals == [settings for settings, _ in whole.history]
    assert again.parents == whole.parents


def test_nobody_has_a_parent_where_all_fail(name):
    one = recorded(name, lambda settings: None)
    assert set(one.parents.values()) == {None}


@pytest.mark.parametrize("window", [1, 6])
def test_every_window_up_to_the_population_will_do(name, window):
    one = Recorded(make(name, window=window))
    proposals = [one.ask(number) for number in range(window)]
    for number in range(30):
        one.tell(number, [objective(1)(proposals[number])])
        proposals.append(one.ask(number + window))
    assert any(parent is not None for parent in one.parents.values())


def test_given_settings_are_the_first_and_may_become_parents(name):
    one = make(name)
    given = {**one.ask(0), "hidden": 7}
    one = make(name)
    one.give(0, given)
    assert one.parent(0) is None
    asked = {0: given, **{number: one.ask(number) for number in range(1, WINDOW)}}
    found = []
    for number in range(TRIALS - WINDOW):
        one.tell(number, [0.0 if asked[number]["hidden"] == 7 else 1.0])
        asked[number + WINDOW] = one.ask(number + WINDOW)
        found.append(one.parent(number + WINDOW))
    assert 0 in found


def test_settings_given_later_begin_anew_but_for_a_member_that_goes_on(name):
    one = make(name)
    asked = [one.ask(number) for number in range(6)]
    for number in range(6):
        one.tell(number, None if number == 2 else [float(number)])
    for number in range(6, 9):
        one.give(number, asked[0])
    went_on = {"pbt": [0, 1, None], "evolution": [None] * 3}[name]  # member 2 has failed
    assert [one.parent(number) for number in range(6, 9)] == went_on
