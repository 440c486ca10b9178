import logging
import warnings
from functools import partial

import optuna
import pytest

from raysearch.search.make import complete_options, make_searcher
from raysearch.search.optuna_search import OptunaSearcher, SeededAnew
from raysearch.space.domains import FloatDomain, Space
from raysearch.space.space_file import SearchSection

SPACE = Space({name: FloatDomain(type="float", low=0.0, high=1.0) for name in "xy"}, {})


def make(sampler, **options):
    return make_searcher(SearchSection(sampler=sampler, trials=9, options=options), SPACE, 1, 2)


def test_nothing_of_optuna_reaches_the_user_and_its_logging_is_left_alone(capfd, recwarn):
    warnings.simplefilter("always")
    before = optuna.logging.get_verbosity()
    searcher = make("gp", n_startup_trials=2, deterministic_objective=True)
    for number in range(3):
        searcher.ask(number)
        searcher.tell(number, [0.5 - number])
    assert optuna.logging.get_verbosity() == before == logging.INFO
    assert [w for w in recwarn if issubclass(w.category, optuna.exceptions.ExperimentalWarning)] == []
    assert "study created" not in capfd.readouterr().err


def test_trials_that_are_out_are_minded_only_with_constant_liar():
    def ahead(*, out, constant_liar):
        searcher = make("tpe", n_startup_trials=3, constant_liar=constant_liar)
        for number in range(12):
            point = searcher.ask(number)
            searcher.tell(number, [(point["x"] - 0.5) ** 2 + (point["y"] - 0.5) ** 2])
        for number in range(12, 12 + out):
            searcher.ask(number)
        return searcher.ask(20)

    assert ahead(out=5, constant_liar=True) != ahead(out=0, constant_liar=True)
    assert ahead(out=5, constant_liar=False) == ahead(out=0, constant_liar=False)


@pytest.mark.parametrize("objectives", [1, 2])
@pytest.mark.parametrize("options", [{}, {"multivariate": False}, {"constant_liar": False}])
def test_one_tpe_sampler_seeded_anew_proposes_what_a_new_one_for_each_trial_would(options, objectives):
    options = complete_options("tpe", options) | {"n_startup_trials": 5, "group": False}

    def proposals(sampler):
        searcher, points = OptunaSearcher(SPACE, 1, sampler, objectives), []
        for number in range(25):
            points.append(searcher.ask(number))
            if number >= 2:
                x, y = points[number - 2].values()
                searcher.tell(number - 2, [(x - 0.5) ** 2 + y, y**2][:objectives] if x > 0.1 else None)
        return points

    made_each_time = proposals(partial(optuna.samplers.TPESampler, **options))
    assert proposals(SeededAnew(options)) == made_each_time
