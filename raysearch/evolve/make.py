"""The strategies that a space file can name, and their settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from raysearch.evolve import (
    nevergrad_weights,
    one_plus_lambda,
    openai_es,
    sep_cma_es,
    strategy,
    truncation_ga,
)
from raysearch.evolve.nevergrad_weights import FAMILIES, NevergradWeights
from raysearch.evolve.one_plus_lambda import OnePlusLambda
from raysearch.evolve.openai_es import OpenAIES
from raysearch.evolve.sep_cma_es import SepCMAES
from raysearch.evolve.strategy import Strategy
from raysearch.evolve.truncation_ga import TruncationGA
from raysearch.recipes import checked, names_of, recipe_of


@dataclass(frozen=True)
class Recipe:
    """A strategy's settings and how it is made from them and the number of weights."""

    settings: type[strategy.Settings]
    make: Callable[[Any, int], Strategy[Any]]


def _nevergrad(family: str) -> Recipe:
    # A function of its own, so that each strategy keeps its own family and not the loop's last one.
    def make(settings: nevergrad_weights.Settings, dimension: int) -> Strategy[Any]:
        return NevergradWeights(settings, family, dimension)

    return Recipe(nevergrad_weights.Settings, make)


STRATEGIES: dict[str, Recipe] = {
    "one-plus-lambda": Recipe(one_plus_lambda.Settings, lambda settings, _: OnePlusLambda(settings)),
    "truncation-ga": Recipe(truncation_ga.Settings, lambda settings, _: TruncationGA(settings)),
    "openai-es": Recipe(openai_es.Settings, OpenAIES),
    "sep-cma-es": Recipe(sep_cma_es.Settings, SepCMAES),
} | {f"nevergrad:{family}": _nevergrad(family) for family in FAMILIES}


def settings_of(name: str) -> tuple[str, ...]:
    """Name a strategy's settings, which stand beside the task's in a space.

    Raises:
        InputError: if there is no such strategy.
    """
    return names_of(_recipe(name).settings)


def make_strategy(name: str, settings: Mapping[str, Any], dimension: int) -> Strategy[Any]:
    """Make a strategy.

    Args:
        name: a key of ``STRATEGIES``.
        settings: its settings; what is not given has its default.
        dimension: n, the number of weights.

    Raises:
        InputError: if there is no such strategy, and for every unknown or wrong setting.
    """
    recipe = _recipe(name)
    return recipe.make(checked(name, recipe.settings, settings), dimension)


def _recipe(name: str) -> Recipe:
    found: Recipe = recipe_of("strategy", name, STRATEGIES)
    return found
