"""The ways to agree that a space file can name, and their settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from raysearch.agreement import elastic, energy, outer, sides
from raysearch.agreement.centre import AnyCentre, Centre, Hierarchy
from raysearch.agreement.elastic import ElasticCentre, ElasticWorker
from raysearch.agreement.energy import EnergyCentre, EnergyWorker
from raysearch.agreement.outer import MovingWorker, SteppingCentre
from raysearch.agreement.sides import CentreSide, WorkerSide
from raysearch.recipes import checked, names_of, recipe_of

ALLREDUCE = "allreduce"  # gradients are averaged before every step, so that there is nothing to exchange


@dataclass(frozen=True)
class Recipe:
    """An algorithm.

    Attributes:
        settings: their class.
        worker: from the settings and the centre's weights.
        centre: from the settings, its weights and the number of its workers.
        above: the same of a centre above masters; by default it is one like them.
    """

    settings: type[sides.Settings]
    worker: Callable[[Any, Tensor], WorkerSide]
    centre: Callable[[Any, Tensor, int], CentreSide]
    above: Callable[[Any, Tensor, int], CentreSide] | None = None


def _outer(settings: type[sides.Settings]) -> Recipe:
    return Recipe(
        settings,
        lambda _, weights: MovingWorker(weights),
        lambda told, weights, _: SteppingCentre(
            weights, told.centre_optimizer, told.centre_rate, told.centre_momentum
        ),
        # Plain steps: momentum on top of the masters' momentum would run away. Masters do not wait for each
        # other, so that each brings its part of the mean by itself.
        lambda told, weights, n_masters: SteppingCentre(
            weights, "sgd", 1 / n_masters if told.waits else 1.0, 0.0
        ),
    )


ALGORITHMS: dict[str, Recipe] = {
    "downpour": _outer(outer.DownpourSettings),
    "easgd": Recipe(
        elastic.Settings,
        lambda *_: ElasticWorker(),
        lambda told, weights, n_workers: ElasticCentre(weights, told.elasticity / n_workers),
    ),
    "gem": Recipe(
        energy.Settings,
        lambda told, weights: EnergyWorker(weights, told.gem_momentum),
        lambda told, weights, _: EnergyCentre(weights, told.kappa),
    ),
    "local-sgd": _outer(outer.LocalSettings),
    "diloco": _outer(outer.DiLoCoSettings),
}
AGREEMENTS = (ALLREDUCE, *ALGORITHMS)


@dataclass(frozen=True)
class Agreement:
    """An algorithm with its settings: makes workers' and centres' sides, one of each for every optimiser.

    Attributes:
        name: a key of ``ALGORITHMS``.
        settings: its.
    """

    name: str
    settings: sides.Settings

    def worker(self, weights: Tensor) -> WorkerSide:
        """Make a worker's side.

        Args:
            weights: the centre's, (n,).
        """
        return ALGORITHMS[self.name].worker(self.settings, weights)

    def centre(self, weights: Tensor, n_workers: int) -> AnyCentre:
        """Make the centre, or masters and the centre above them.

        Args:
            weights: to begin with, (n,).
            n_workers: their numbers are 0 to n_workers - 1.
        """
        told, n_masters = self.settings, min(self.settings.masters, n_workers)
        if n_masters == 1:
            return self._centre(weights, range(n_workers))
        recipe = ALGORITHMS[self.name]
        above = Centre((recipe.above or recipe.centre)(told, weights, n_masters), range(n_masters))
        masters = [self._centre(weights, range(number, n_workers, n_masters)) for number in range(n_masters)]
        return Hierarchy(above, masters, [self.worker(weights) for _ in masters], told.sync_every)

    def _centre(self, weights: Tensor, workers: Sequence[int]) -> Centre:
        told = self.settings
        threshold = told.sync_threshold if told.waits else None
        side = ALGORITHMS[self.name].centre(told, weights, len(workers))
        return Centre(side, workers, threshold=threshold, most_stale=told.most_stale)


def settings_of(name: str) -> tuple[str, ...]:
    """Name the settings of a way to agree, which stand beside the task's in a space.

    Raises:
        InputError: there is none of that name.
    """
    recipe_of("agreement", name, dict.fromkeys(AGREEMENTS))
    return names_of(ALGORITHMS[name].settings) if name in ALGORITHMS else ()


def make_agreement(name: str, settings: Mapping[str, Any]) -> Agreement:
    """Make an algorithm.

    Args:
        name: a key of ``ALGORITHMS``.
        settings: its own; what is not given has its default.

    Raises:
        InputError: there is none of that name, or for every unknown or wrong setting.
    """
    recipe: Recipe = recipe_of("agreement", name, ALGORITHMS)
    return Agreement(name, checked(name, recipe.settings, settings))
