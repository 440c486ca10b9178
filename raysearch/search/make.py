"""The samplers a space file can name, their options, and the searchers they make."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from raysearch.errors import InputError, did_you_mean, one_of
from raysearch.search.aging_evolution import AgingEvolution
from raysearch.search.pbt import PopulationBased
from raysearch.search.random_and_grid import GridSearcher, RandomSearcher
from raysearch.search.searcher import Searcher
from raysearch.space.domains import Space
from raysearch.space.space_file import SearchSection


@dataclass(frozen=True)
class Option:
    """An option's default, which also gives its type, and its least and largest value if it is a number."""

    default: bool | int | float
    low: float = 0
    high: float = math.inf

    def problem(self, value: object) -> str | None:
        """Say what is wrong with a value, or None."""
        if isinstance(self.default, bool):
            return None if isinstance(value, bool) else f"must be true or false, got {value!r}"
        is_whole = isinstance(self.default, int)
        numbers = int if is_whole else (int, float)
        if isinstance(value, numbers) and not isinstance(value, bool) and self.low <= value <= self.high:
            return None
        reach = f"{self.low} up" if self.high == math.inf else f"{self.low} to {self.high}"
        return f"must be a {'whole ' if is_whole else ''}number from {reach}, got {value!r}"


@dataclass(frozen=True)
class SearcherSpec:
    """What a searcher is made from; ``options`` are complete."""

    space: Space
    seed: int
    trials: int
    window: int
    options: dict[str, Any]
    objectives: int


@dataclass(frozen=True)
class Sampler:
    """How to make a searcher, every option it knows with our default (never the library's), and its reach.

    Attributes:
        many_objectives: whether it searches several.
        in_intervals: whether trials are intervals of the members of a ``population``, each of which goes on
            from the one before: then the window must not reach further than one interval.
    """

    make: Callable[[SearcherSpec], Searcher]
    options: Mapping[str, Option] = field(default_factory=dict)
    many_objectives: bool = False
    in_intervals: bool = False


# Imports wait until a searcher is made: nevergrad takes over a second, and checking a file needs none.
def _tpe(spec: SearcherSpec) -> Searcher:
    from raysearch.search.optuna_search import RecallingOptunaSearcher, SeededAnew  # noqa: PLC0415

    # Groups are for settings that are there in some trials only, and a space has all of them in all.
    sampler = SeededAnew({**spec.options, "group": False})
    return RecallingOptunaSearcher(spec.space, spec.seed, sampler, spec.objectives)


def _gp(spec: SearcherSpec) -> Searcher:
    from optuna.samplers import GPSampler  # noqa: PLC0415

    from raysearch.search.optuna_search import RecallingOptunaSearcher  # noqa: PLC0415

    # Made anew for each ask: it begins the fit of its kernel where that of the ask before ended.
    sampler = partial(GPSampler, **spec.options)
    return RecallingOptunaSearcher(spec.space, spec.seed, sampler, spec.objectives)


def _nsga2(spec: SearcherSpec) -> Searcher:
    from optuna.samplers import NSGAIISampler  # noqa: PLC0415

    from raysearch.search.optuna_search import OptunaSearcher  # noqa: PLC0415

    return OptunaSearcher(spec.space, spec.seed, partial(NSGAIISampler, **spec.options), spec.objectives)


def _nevergrad(family: str) -> Callable[[SearcherSpec], Searcher]:
    def make(spec: SearcherSpec) -> Searcher:
        from raysearch.search.nevergrad_search import NevergradSearcher  # noqa: PLC0415

        return NevergradSearcher(
            spec.space,
            spec.seed,
            family=family,
            options=spec.options,
            trials=spec.trials,
            window=spec.window,
        )

    return make


def _pbt(spec: SearcherSpec) -> Searcher:
    return PopulationBased(spec.space, spec.seed, **spec.options)


def _evolution(spec: SearcherSpec) -> Searcher:
    return AgingEvolution(spec.space, spec.seed, **spec.options)


# Populations of 8: Nevergrad's own (30 to 40) would spend most of a study of 60 trials at random.
POPULATION = {"popsize": Option(8, low=4)}

# Every default stands here, also where it is the library's: a new version of the library that changes its own
# must not change a study.
SAMPLERS: dict[str, Sampler] = {
    "tpe": Sampler(
        _tpe,
        {
            "n_startup_trials": Option(10, low=1),
            "n_ei_candidates": Option(24, low=1),
            "multivariate": Option(True),
            # Trials that are still out count as bad, or the window's trials would all be asked at one place.
            "constant_liar": Option(True),
        },
        many_objectives=True,
    ),
    "gp": Sampler(_gp, {"n_startup_trials": Option(10, low=1), "deterministic_objective": Option(False)}),
    "nsga2": Sampler(_nsga2, {"population_size": Option(10, low=2)}, many_objectives=True),
    "random": Sampler(lambda spec: RandomSearcher(spec.space, spec.seed), many_objectives=True),
    "grid": Sampler(lambda spec: GridSearcher(spec.space), many_objectives=True),
    "nevergrad:OnePlusOne": Sampler(_nevergrad("OnePlusOne")),
    "nevergrad:DiscreteOnePlusOne": Sampler(_nevergrad("DiscreteOnePlusOne")),
    "nevergrad:DE": Sampler(_nevergrad("DE"), POPULATION),
    "nevergrad:TwoPointsDE": Sampler(_nevergrad("TwoPointsDE"), POPULATION),
    "nevergrad:CMA": Sampler(_nevergrad("CMA"), POPULATION),
    "nevergrad:PSO": Sampler(_nevergrad("PSO"), POPULATION),
    "nevergrad:TBPSA": Sampler(_nevergrad("TBPSA"), POPULATION),
    "pbt": Sampler(
        _pbt,
        {
            "population": Option(8, low=2),
            "quantile": Option(0.25, high=0.5),  # above a half the worst would be among the best
            "shrink": Option(0.8, low=0.01, high=1),  # 0.8 and 1.2 as in the paper's explore
            "grow": Option(1.2, low=1, high=100),
            "resample": Option(0.25, high=1),
        },
        in_intervals=True,
    ),
    "evolution": Sampler(
        _evolution,
        {"population": Option(16, low=2), "sample": Option(8, low=1), "inherit": Option(True)},
    ),
}
SMALLEST_WINDOW = 3  # of two slots, and of one alike: it is part of a study, and most of them run on so few


def make_searcher(
    section: SearchSection, space: Space, seed: int, window: int, objectives: int = 1
) -> Searcher:
    """Make the searcher that a space file asks for.

    Args:
        section: the file's ``search`` section.
        space: where to search.
        seed: the study's seed.
        window: trials asked ahead of the results.
        objectives: how many values will be told of a trial.

    Raises:
        InputError: with all of :func:`sampler_problems`.
    """
    problems = sampler_problems(section, space, objectives)
    if not problems and (problem := window_problem(section, window)):
        problems.append(f"search.window: {problem}")
    if problems:
        raise InputError(*problems)
    options = complete_options(section.sampler, section.options)
    return SAMPLERS[section.sampler].make(
        SearcherSpec(space, seed, section.trials, window, options, objectives)
    )


def sampler_problems(section: SearchSection, space: Space, objectives: int = 1) -> list[str]:
    """List what is wrong with the sampler and its options; nothing is imported or started for it."""
    name = section.sampler
    if name not in SAMPLERS:
        return [f"search.sampler: unknown {name!r}; {one_of(list(SAMPLERS))}.{did_you_mean(name, SAMPLERS)}"]
    known = SAMPLERS[name].options
    problems = []
    for key, value in section.options.items():
        if key not in known:
            allowed = f"{one_of(list(known))}.{did_you_mean(key, known)}" if known else "it has none"
            problems.append(f"search.options.{key}: unknown option of {name}; {allowed}")
        elif problem := known[key].problem(value):
            problems.append(f"search.options.{key}: {problem}")
    if name == "nevergrad:CMA" and len(space.domains) < 2:
        # For one dimension Nevergrad turns to a package that is not installed with it (fcmaes).
        problems.append("search.sampler: nevergrad:CMA needs at least two settings to search, got one")
    if objectives > 1 and not SAMPLERS[name].many_objectives:
        able = [other for other, sampler in SAMPLERS.items() if sampler.many_objectives]
        problems.append(f"search.sampler: {name} searches one objective, got {objectives}; {one_of(able)}")
    if SAMPLERS[name].in_intervals and not problems:
        problems += _interval_problems(section)
    return problems


def _interval_problems(section: SearchSection) -> list[str]:
    name, problems = section.sampler, []
    if section.window is not None and (problem := window_problem(section, section.window)):
        problems.append(f"search.window: {problem}")
    if section.order == "fast":
        problems.append(f"search.order: {name} needs each member's last interval; must be deterministic")
    if section.prune or section.prune_folds:
        problems.append(f"search.prune: {name} replaces what is behind itself; leave it out")
    return problems


def window_problem(section: SearchSection, window: int) -> str | None:
    """Say why a known sampler cannot be asked so many trials ahead, or None."""
    population = complete_options(section.sampler, section.options).get("population", 0)
    if SAMPLERS[section.sampler].in_intervals and window > population:
        return (
            f"{section.sampler} looks ahead by one interval at most; must be up to {population}, got {window}"
        )
    return None


def default_window(section: SearchSection, slots: int) -> int:
    """Trials that a known sampler is asked ahead where the user does not say: as few as keep all slots busy.

    While the oldest trial runs, each other slot may end one and take another, if no run takes twice as long
    as another; so 2 x slots - 1 are enough, and one less is not. The same for all machines of up to two
    slots, so that one seed gives one history on them.
    """
    window = max(2 * slots - 1, SMALLEST_WINDOW)
    if SAMPLERS[section.sampler].in_intervals:
        return min(window, complete_options(section.sampler, section.options)["population"])
    return window


def complete_options(sampler: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Name every option of a known sampler: the given values, and our defaults for the rest."""
    return {key: option.default for key, option in SAMPLERS[sampler].options.items()} | dict(options)
