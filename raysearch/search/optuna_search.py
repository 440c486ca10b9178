"""Optuna's samplers behind ask and tell.

- TPE: Bergstra et al., Algorithms for Hyper-Parameter Optimization, NeurIPS 2011; multivariate form and
  defaults: Watanabe, arXiv:2304.11127. Trials that are still out count as bad ones (constant liar).
- NSGA-II: Deb et al., IEEE Trans. Evol. Comput. 6 (2002) 182, for several objectives. Settings that the user
  gives are run and reported, but Optuna leaves them out of its generations.
- GP: Gaussian process with a Matern-5/2 kernel and the logarithm of expected improvement (Ament et al.,
  arXiv:2310.20708); trials that are still out are averaged over (qLogEI).

The study lives in memory, since the ledger is the truth and a replay restores it. Each ask gets a fresh
sampler seeded by the trial's number (of TPE the same one, seeded anew), so that a proposal depends on that
number and on what was asked and told, not on how often a generator was drawn from before. So a proposal of
TPE or GP that is known can be put where its ask would have put it, which spares a replay the computation;
NSGA-II keeps lineages beside its trials, and is asked anew. The bits of GP depend on whether the package
greenlet is there and may depend on torch's number of threads, which belongs to the caller; more than one
only slows it down.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from raysearch.search.searcher import Proposal, Streams, Worst
from raysearch.space.domains import ChoiceDomain, FloatDomain, IntDomain, Space


class OptunaSearcher:
    """Asks a sampler of Optuna that has drawn nothing yet, for every trial.

    Args:
        space: where to search.
        seed: the study's seed.
        sampler: gives such a sampler from ``seed=``.
        objectives: how many values will be told of a trial.
    """

    def __init__(self, space: Space, seed: int, sampler: Callable[..., BaseSampler], objectives: int) -> None:
        self._space = space
        self._streams = Streams(seed)
        self._sampler = sampler
        self._distributions = distributions_of(space)
        self._relative = _RelativeSpace(self._distributions)
        self._asked: dict[int, int] = {}  # Optuna's own number of a trial
        self._worst = Worst()
        with _quiet():
            self._study = optuna.create_study(
                storage=optuna.storages.InMemoryStorage(), directions=["minimize"] * objectives
            )

    def ask(self, number: int) -> Proposal:
        """Propose from what was told so far; see :class:`~raysearch.search.searcher.Searcher`."""
        with _no_warnings():
            # Seeded anew: Optuna's samplers draw from a generator of their own, whose state a replay after a
            # kill would have to bring back draw by draw.
            seed = self._streams.seed(number) % 2**32
            self._study.sampler = _OfKnownSpace(self._sampler(seed=seed), self._relative)
            trial = self._study.ask(self._distributions)
        self._asked[number] = trial.number
        # In the space's order, and values for the places that Optuna was given of a choice.
        return {
            name: domain.value_at(trial.params[name])
            if isinstance(domain, ChoiceDomain)
            else trial.params[name]
            for name, domain in self._space.domains.items()
        }

    def turn_down(self, number: int, *, is_repeat: bool) -> None:
        """Have Optuna count a point that is not allowed as a bad one, and leave one that is known out."""
        self._streams.another(number)
        if is_repeat:
            # As a bad one it would speak against the good one that it repeats.
            self._study.tell(self._asked.pop(number), state=TrialState.FAIL)
        else:
            self.tell(number, None)

    def give(self, number: int, settings: Mapping[str, bool | int | float | str]) -> None:
        """Have Optuna take the settings as its next trial."""
        self._study.enqueue_trial(self.internal(settings))
        self.ask(number)  # the next that Optuna asks is what was enqueued

    def tell(self, number: int, values: Sequence[float] | None) -> None:
        """Pass the objectives on, or their stand-in; a failure before any value is passed on as such."""
        heard = self._worst.stand_in(values)
        state = TrialState.FAIL if heard is None else None
        self._study.tell(self._asked.pop(number), heard, state=state)

    def internal(self, settings: Mapping[str, bool | int | float | str]) -> dict[str, Any]:
        """The settings as Optuna has them: the place in its list for a value of a choice."""
        return {
            name: domain.index(settings[name]) if isinstance(domain, ChoiceDomain) else settings[name]
            for name, domain in self._space.domains.items()
        }


class RecallingOptunaSearcher(OptunaSearcher):
    """For samplers that keep nothing of a trial but its settings and values."""

    def recall(self, number: int, settings: Mapping[str, bool | int | float | str]) -> None:
        """Have Optuna hold the settings as what it proposed; see :class:`Recalling` of ``searcher.py``."""
        trial = optuna.create_trial(
            state=TrialState.RUNNING, params=self.internal(settings), distributions=self._distributions
        )
        self._asked[number] = len(self._study.get_trials(deepcopy=False))
        self._study.add_trial(trial)


class SeededAnew:
    """Gives one TPE sampler again and again, which samples as one that was just made from the seed.

    It keeps nothing of an ask but its generators' states, and to make one takes a tenth of the time that a
    proposal from 100 trials does.

    Args:
        options: the sampler's own.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._sampler = TPESampler(**options)

    def __call__(self, *, seed: int) -> TPESampler:
        """Seed both of its generators, for which Optuna has no public way; at most 32 bits."""
        for generator in (self._sampler._rng, self._sampler._random_sampler._rng):
            generator.rng.seed(seed)
        return self._sampler


class _RelativeSpace:
    """What a sampler draws together: found once, since all trials of a study have all settings."""

    def __init__(self, distributions: Mapping[str, BaseDistribution]) -> None:
        self._whole = sum(not distribution.single() for distribution in distributions.values())
        self._found: dict[str, BaseDistribution] | None = None

    def of(self, sampler: BaseSampler, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Tell it, for the sampler's next trial."""
        if self._found is not None:
            return dict(self._found)
        found = sampler.infer_relative_search_space(study, trial)
        if len(found) == self._whole:  # before the first trials it is empty
            self._found = dict(found)
        return found


class _OfKnownSpace(BaseSampler):
    """A sampler that does not compare the settings of all trials again for each that is asked."""

    def __init__(self, sampler: BaseSampler, relative: _RelativeSpace) -> None:
        self._sampler, self._relative = sampler, relative

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._relative.of(self._sampler, study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return self._sampler.sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> object:
        return self._sampler.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        self._sampler.before_trial(study, trial)

    def after_trial(
        self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        self._sampler.after_trial(study, trial, state, values)


def falls_behind(values: Sequence[float], best: Sequence[float], **options: Any) -> bool:
    """Whether Wilcoxon's signed-rank test finds ``values`` worse than the first ones of ``best``.

    Args:
        values: losses of the folds done.
        best: losses of all folds of the best trial, in the same order.
        options: of Optuna's WilcoxonPruner.
    """
    # The pruner looks for its best trial in a study: one is made of the two that are to be compared, folds as
    # steps. So the test is Optuna's to the last detail, and what else the study holds cannot disturb it.
    with _quiet(), _no_warnings():
        study = optuna.create_study(storage=optuna.storages.InMemoryStorage())
        mean = sum(best) / len(best)
        study.add_trial(optuna.create_trial(value=mean, intermediate_values=dict(enumerate(best))))
        running = study.ask()
        for fold, value in enumerate(values):
            running.report(value, fold)
        pruner = optuna.pruners.WilcoxonPruner(**options)
        return pruner.prune(study, study.trials[-1])


def distributions_of(space: Space) -> dict[str, BaseDistribution]:
    """The space's domains as Optuna has them."""
    return {name: _distribution(domain) for name, domain in space.domains.items()}


def _distribution(domain: IntDomain | FloatDomain | ChoiceDomain) -> BaseDistribution:
    if isinstance(domain, IntDomain):
        return IntDistribution(domain.low, domain.high, log=domain.log, step=domain.step)
    if isinstance(domain, FloatDomain):
        return FloatDistribution(float(domain.low), float(domain.high), log=domain.log)
    return CategoricalDistribution(range(domain.size))  # of numbers, for Optuna takes 1 and True as the same


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Optuna's notice that a study was made from the user's terminal."""
    # Around that alone: to change a level makes Python forget what it knows of all loggers there are.
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(verbosity)


@contextmanager
def _no_warnings() -> Iterator[None]:
    """Keep it from the user that an option is experimental."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield
