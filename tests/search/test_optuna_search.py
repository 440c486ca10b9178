import logging
import warnings

import optuna

from raysearch.search.make import make_searcher
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
        searcher.tell(number, 0.5 - number)
    assert optuna.logging.get_verbosity() == before == logging.INFO
    assert [w for w in recwarn if issubclass(w.category, optuna.exceptions.ExperimentalWarning)] == []
    assert "study created" not in capfd.readouterr().err


def test_trials_that_are_out_are_not_proposed_again():
    """Constant liar: without it, several asks in a row crowd on the same spot."""

    def spread(*, constant_liar):
        widths = []
        for seed in range(3):
            section = SearchSection(sampler="tpe", trials=60, options={"constant_liar": constant_liar})
            searcher = make_searcher(section, SPACE, seed, 20)
            for number in range(30):
                point = searcher.ask(number)
                searcher.tell(number, (point["x"] - 0.5) ** 2 + (point["y"] - 0.5) ** 2)
            ahead = [searcher.ask(30 + i) for i in range(20)]
            widths.append(max(p["x"] for p in ahead) - min(p["x"] for p in ahead))
        return sum(widths)

    assert spread(constant_liar=True) > spread(constant_liar=False)
