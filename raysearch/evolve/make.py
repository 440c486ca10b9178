"""The strategies that a space file can name, and their settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from raysearch.errors import InputError, did_you_mean, one_of
from raysearch.evolve import nevergrad_weights, one_plus_lambda, strategy, truncation_ga
from raysearch.evolve.nevergrad_weights import FAMILIES, NevergradWeights
from raysearch.evolve.one_plus_lambda import OnePlusLambda
from raysearch.evolve.strategy import Strategy
from raysearch.evolve.truncation_ga import TruncationGA


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
} | {f"nevergrad:{family}": _nevergrad(family) for family in FAMILIES}


def settings_of(name: str) -> tuple[str, ...]:
    """Name a strategy's settings, which stand beside the task's in a space.

    Raises:
        InputError: if there is no such strategy.
    """
    return tuple(setting.name for setting in fields(_recipe(name).settings))


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
    allowed = settings_of(name)
    unknown = [
        f"{key}: unknown setting of {name}; {one_of(allowed)}.{did_you_mean(key, allowed)}"
        for key in settings
        if key not in allowed
    ]
    # Unknown settings do not hide wrong ones: all faults are told at once.
    try:
        made = recipe.settings(**{key: value for key, value in settings.items() if key in allowed})
    except InputError as error:
        raise InputError(*unknown, *error.problems) from None
    if unknown:
        raise InputError(*unknown)
    return recipe.make(made, dimension)


def _recipe(name: str) -> Recipe:
    if name not in STRATEGIES:
        raise InputError(
            f"strategy: unknown {name!r}; {one_of(list(STRATEGIES))}.{did_you_mean(name, STRATEGIES)}"
        )
    return STRATEGIES[name]
