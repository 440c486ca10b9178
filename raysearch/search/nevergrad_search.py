"""Nevergrad's optimisers behind ask and tell.

- OnePlusOne: (1+1) evolution with the one-fifth rule. DiscreteOnePlusOne: mutates one setting on average.
- DE, TwoPointsDE: Storn and Price, J. Global Optim. 11 (1997) 341; curr-to-best, one or two-point crossover.
- CMA: Hansen and Ostermeier, Evol. Comput. 9 (2001) 159.
- PSO: SPSO2011, Zambrano-Bigiarini et al., IEEE CEC 2013. TBPSA: Hellwig and Beyer, PPSN 2016.

They search a Gaussian space: setting i is u_i = Phi(x_i), then ``domain.from_unit(u_i)``, so that a standard
normal is uniform over the space. Measured on mixed spaces, this learned faster than Nevergrad's own
bouncing bounds and its choice parameters, at a tenth of the cost.

Only these optimisers are offered, since they pass the contract of ``tests/search``. NGOpt, Nevergrad's
own choice among optimisers, does not: in 60 trials it was no better than chance.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import nevergrad as ng
import numpy as np
from nevergrad.optimization.base import Optimizer

from raysearch import seeds
from raysearch.search.searcher import Proposal, Worst
from raysearch.space.domains import Space

# What is told for a trial that fails before any has finished: every optimiser must hear of every trial, or
# its population waits for it. Only ranks matter; infinity would make Nevergrad warn.
FAILED_FIRST = 1e100

FAMILIES: Mapping[str, Callable[..., Callable[..., Optimizer]]] = {
    "OnePlusOne": ng.families.ParametrizedOnePlusOne,
    "DiscreteOnePlusOne": lambda: ng.optimizers.DiscreteOnePlusOne,
    "DE": lambda popsize: ng.families.DifferentialEvolution(popsize=popsize),
    "TwoPointsDE": lambda popsize: ng.families.DifferentialEvolution(popsize=popsize, crossover="twopoints"),
    "CMA": lambda popsize: ng.families.ParametrizedCMA(popsize=popsize),
    "PSO": lambda popsize: ng.families.ConfPSO(popsize=popsize),
    "TBPSA": lambda popsize: ng.families.ParametrizedTBPSA(initial_popsize=popsize),
}


class NevergradSearcher:
    """Asks one optimiser, whose only random stream is seeded by the study and advanced by asks and tells.

    Args:
        space: where to search.
        seed: the study's seed.
        family: a key of ``FAMILIES``.
        options: the family's options; a population is never smaller than the window.
        trials: the study's budget, which some optimisers plan for.
        window: trials that are out at a time.
    """

    def __init__(
        self, space: Space, seed: int, *, family: str, options: Mapping[str, Any], trials: int, window: int
    ) -> None:
        self._space = space
        # A population smaller than the window would be asked for a generation before the last one was told.
        if "popsize" in options:
            options = {**options, "popsize": max(options["popsize"], window)}
        centre = np.full(len(space.domains), 0.5)
        cube = ng.p.Array(init=centre).set_bounds(0.0, 1.0, method="gaussian")
        # Nevergrad draws from the parametrisation's generator, which it would
        # else seed from the process's global one.
        cube.random_state = np.random.RandomState(seeds.derive(seed, "sampler") % 2**32)
        self._optimizer = FAMILIES[family](**options)(cube, budget=trials, num_workers=window)
        self._asked: dict[int, ng.p.Parameter] = {}
        self._worst = Worst()

    def ask(self, number: int) -> Proposal:
        """Propose from what was told so far; see :class:`~raysearch.search.searcher.Searcher`."""
        with _quiet():
            candidate = self._optimizer.ask()
        self._asked[number] = candidate
        units = candidate.value.tolist()
        return {
            name: domain.from_unit(unit)
            for (name, domain), unit in zip(self._space.domains.items(), units, strict=True)
        }

    def turn_down(self, number: int, *, is_repeat: bool) -> None:  # noqa: ARG002 - others need the reason
        """Tell the optimiser of a failure, which has it look elsewhere; the next ask advances its stream."""
        self.tell(number, None)

    def give(self, number: int, settings: Mapping[str, bool | int | float | str]) -> None:
        """Place the settings in the Gaussian space; the optimiser hears of them as of a point not asked."""
        domains = self._space.domains.items()  # a value lies inside its own, which the types do not say
        units = [domain.to_unit(settings[name]) for name, domain in domains]  # type: ignore[arg-type]
        candidate = self._optimizer.parametrization.spawn_child()
        # At 0 and at 1 Phi^-1 is infinite, and so would be every step from there.
        candidate.value = np.array([min(max(unit, 1e-6), 1 - 1e-6) for unit in units])
        self._asked[number] = candidate

    def tell(self, number: int, values: Sequence[float] | None) -> None:
        """Pass the objective on, or its stand-in."""
        heard = self._worst.stand_in(values)
        with _quiet():
            self._optimizer.tell(self._asked.pop(number), FAILED_FIRST if heard is None else heard[0])


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Nevergrad's advice (small budget, many workers) from the user's terminal."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ng.errors.NevergradWarning)
        yield
