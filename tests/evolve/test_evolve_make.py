import subprocess
import sys

import pytest

from raysearch.errors import InputError
from raysearch.evolve.make import STRATEGIES, make_strategy, settings_of


@pytest.mark.parametrize("name", STRATEGIES)
def test_defaults_make_a_strategy(name):
    strategy = make_strategy(name, {}, 100)
    assert set(settings_of(name)) == set(vars(strategy.settings))
    assert strategy.settings.init_scale is None


def test_settings_are_named_so_that_a_space_can_be_divided():
    assert settings_of("one-plus-lambda") == ("init_scale", "parents", "children", "rate", "power")


def test_the_paper_s_table_is_the_default():
    settings = make_strategy("one-plus-lambda", {}, 100).settings
    assert (settings.parents, settings.children) == (8, 8)


@pytest.mark.parametrize("ask", [lambda name: make_strategy(name, {}, 10), settings_of])
def test_an_unknown_strategy_is_named_with_the_nearest(ask):
    with pytest.raises(
        InputError, match=r"strategy: unknown 'one-plus-lamda'; one of .* Did you mean 'one-plus-l"
    ):
        ask("one-plus-lamda")


def test_every_fault_is_told_at_once():
    with pytest.raises(InputError) as caught:
        make_strategy("one-plus-lambda", {"childen": 3, "rate": 1.5, "power": 0, "parents": 0}, 10)
    assert caught.value.problems == (
        (
            "childen: unknown setting of one-plus-lambda; one of init_scale, parents, children, rate, power."
            " Did you mean 'children'?"
        ),
        "parents: must be at least 1, got 0",
        "rate: must be above 0 and at most 1, got 1.5",
        "power: must be above 0, got 0",
    )


@pytest.mark.parametrize(
    ("name", "settings", "problem"),
    [
        ("one-plus-lambda", {"children": 2.0}, "children: must be a whole number, got 2.0"),
        ("one-plus-lambda", {"children": True}, "children: must be a whole number, got True"),
        ("one-plus-lambda", {"power": "0.1"}, "power: must be a finite number, got '0.1'"),
        ("one-plus-lambda", {"power": float("nan")}, "power: must be a finite number, got nan"),
        ("one-plus-lambda", {"rate": None}, "rate: must be a finite number, got None"),
        ("one-plus-lambda", {"init_scale": 0.0}, "init_scale: must be above 0 or none, got 0.0"),
        ("truncation-ga", {"population": 1}, "population: must be at least 2, got 1"),
        ("truncation-ga", {"parents": 65}, "parents: must lie in 1 to population = 64, got 65"),
        ("truncation-ga", {"elite_candidates": 1}, "elite_candidates: must lie in 2 to population = 64"),
        ("truncation-ga", {"elite_batches": 0}, "elite_batches: must be at least 1, got 0"),
        ("truncation-ga", {"power": -1}, "power: must be above 0, got -1"),
        ("nevergrad:PSO", {"children": 3}, "children: must be at least 4, got 3"),
        ("nevergrad:PSO", {"power": 0}, "power: must be above 0, got 0"),
    ],
)
def test_each_fault_has_its_line(name, settings, problem):
    with pytest.raises(InputError) as caught:
        make_strategy(name, settings, 10)
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].startswith(problem)


def test_nevergrad_is_imported_by_its_strategies_only():
    code = (
        "import sys; from raysearch.evolve.make import make_strategy, settings_of; "
        "settings_of('nevergrad:PSO'); make_strategy('truncation-ga', {}, 10); "
        "print('nevergrad' in sys.modules, 'torch' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).split() == ["False", "False"]
