import subprocess
import sys

import pytest

from raysearch.errors import InputError
from raysearch.search.make import (
    SAMPLERS,
    complete_options,
    default_window,
    make_searcher,
    sampler_problems,
    window_problem,
)
from raysearch.space.domains import FloatDomain, Space
from raysearch.space.space_file import SearchSection

LINE = Space({"rate": FloatDomain(type="float", low=0.0, high=1.0)}, {})
SQUARE = Space({**LINE.domains, "decay": FloatDomain(type="float", low=0.0, high=1.0)}, {})


def problems(sampler, space=SQUARE, **options):
    return sampler_problems(SearchSection(sampler=sampler, trials=9, options=options), space)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_is_right_without_options_and_with_all_of_them(sampler):
    assert problems(sampler) == []
    assert problems(sampler, **complete_options(sampler, {})) == []


def test_an_unknown_sampler_is_told_with_the_likely_wish():
    (problem,) = problems("tpee")
    assert problem.startswith(
        "search.sampler: unknown 'tpee'; one of tpe, gp, nsga2, random, grid, nevergrad:"
    )
    assert problem.endswith("Did you mean 'tpe'?")
    assert "Did you mean 'nevergrad:TwoPointsDE'?" in problems("nevergrad:TwoPointDE")[0]


def test_options_are_checked_all_at_once():
    assert problems(
        "tpe", n_startup_trails=3, n_ei_candidates="many", multivariate=1, constant_liar=False
    ) == [
        (
            "search.options.n_startup_trails: unknown option of tpe; one of n_startup_trials, "
            "n_ei_candidates, multivariate, constant_liar. Did you mean 'n_startup_trials'?"
        ),
        "search.options.n_ei_candidates: must be a whole number from 1 up, got 'many'",
        "search.options.multivariate: must be true or false, got 1",
    ]
    assert problems("tpe", n_startup_trials=True) != []
    assert problems("tpe", n_startup_trials=0) != []
    assert problems("nevergrad:DE", popsize=3) != []
    assert problems("random", popsize=8) == ["search.options.popsize: unknown option of random; it has none"]


def test_cma_needs_two_settings():
    assert problems("nevergrad:CMA", LINE) == [
        "search.sampler: nevergrad:CMA needs at least two settings to search, got one"
    ]


def test_problems_are_raised_when_a_searcher_is_made():
    with pytest.raises(InputError, match="Did you mean 'tpe'"):
        make_searcher(SearchSection(sampler="tpee", trials=9), SQUARE, 1, 4)


def test_options_are_completed_with_our_values_and_reach_the_sampler():
    assert complete_options("tpe", {"n_startup_trials": 3}) == {
        "n_startup_trials": 3,
        "n_ei_candidates": 24,
        "multivariate": True,
        "constant_liar": True,
    }

    def proposals(sampler, **options):
        searcher = make_searcher(SearchSection(sampler=sampler, trials=40, options=options), SQUARE, 1, 1)
        asked = []
        for number in range(40):
            asked.append(searcher.ask(number))
            searcher.tell(number, [asked[-1]["rate"] + (asked[-1]["decay"] - 0.3) ** 2])
        return asked

    assert proposals("tpe", n_startup_trials=3)[:3] == proposals("tpe")[:3]
    assert proposals("tpe", n_startup_trials=3)[3] != proposals("tpe")[3]
    assert proposals("tpe", n_ei_candidates=3)[10:] != proposals("tpe")[10:]
    assert proposals("tpe", multivariate=False)[10:] != proposals("tpe")[10:]
    for sampler in SAMPLERS:
        if "popsize" in SAMPLERS[sampler].options:
            assert proposals(sampler, popsize=20) != proposals(sampler), sampler
    for sampler, option, value in (
        ("pbt", "population", 5), ("pbt", "quantile", 0.5), ("pbt", "shrink", 0.5), ("pbt", "grow", 2),
        ("pbt", "resample", 1),
        ("evolution", "population", 20), ("evolution", "sample", 1),
    ):  # fmt: skip
        assert proposals(sampler, **{option: value}) != proposals(sampler), (sampler, option)


def test_checking_imports_no_optimiser():
    code = (
        "import sys, raysearch.search.make; "
        "print([m for m in ('optuna', 'nevergrad', 'torch') if m in sys.modules])"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
        == "[]\n"
    )


def test_numbers_are_checked_against_their_reach():
    assert problems("pbt", quantile=0.6, shrink=0, grow=1, resample=True) == [
        "search.options.quantile: must be a number from 0 to 0.5, got 0.6",
        "search.options.shrink: must be a number from 0.01 to 1, got 0",
        "search.options.resample: must be a number from 0 to 1, got True",
    ]
    assert problems("evolution", population=1) == [
        "search.options.population: must be a whole number from 2 up, got 1"
    ]


def test_pbt_refuses_what_would_hide_a_members_last_interval():
    section = SearchSection(
        sampler="pbt", trials=9, window=9, order="fast", prune={"rule": "median"}, options={"population": 6}
    )
    assert sampler_problems(section, SQUARE) == [
        "search.window: pbt looks ahead by one interval at most; must be up to 6, got 9",
        "search.order: pbt needs each member's last interval; must be deterministic",
        "search.prune: pbt replaces what is behind itself; leave it out",
    ]
    with pytest.raises(InputError, match="must be up to 6, got 7"):
        make_searcher(SearchSection(sampler="pbt", trials=9, options={"population": 6}), SQUARE, 1, 7)
    assert window_problem(section, 6) is None
    assert window_problem(SearchSection(sampler="evolution", trials=9), 1000) is None


def test_the_default_window_is_one_for_small_machines():
    for sampler in SAMPLERS:
        windows = {default_window(SearchSection(sampler=sampler, trials=9), slots) for slots in (1, 2)}
        assert windows == {3}, sampler


def test_the_default_window_keeps_the_slots_busy_within_an_interval():
    assert default_window(SearchSection(sampler="tpe", trials=9), 16) == 31
    assert default_window(SearchSection(sampler="evolution", trials=9), 16) == 31
    assert default_window(SearchSection(sampler="pbt", trials=9), 2) == 3
    assert default_window(SearchSection(sampler="pbt", trials=9, options={"population": 2}), 1) == 2
    assert default_window(SearchSection(sampler="pbt", trials=9), 16) == 8
    assert default_window(SearchSection(sampler="pbt", trials=9, options={"population": 20}), 16) == 20
