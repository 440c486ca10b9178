"""A trial's settings, divided among their readers: the task, what evolves or agrees on weights, the loop.

All stand side by side in a space file's ``space``, searched or held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from raysearch.agreement import make as agreements
from raysearch.agreement.make import ALGORITHMS, make_agreement
from raysearch.agreement.sides import ASYNCHRONOUS
from raysearch.errors import InputError, did_you_mean, one_of
from raysearch.evolve import make as strategies
from raysearch.evolve.make import make_strategy
from raysearch.recipes import checked, names_of
from raysearch.tasks import load_task
from raysearch.tasks.settings import settings_names
from raysearch.training.large_batch import LargeBatch
from raysearch.training.precision import FLOAT32, PRECISIONS

AGREEMENT, PRECISION = "agreement", "precision"
OF_THE_LOOP = (AGREEMENT, PRECISION, *names_of(LargeBatch))


@dataclass(frozen=True)
class Way:
    """How weights are trained, as the space file says beside its settings.

    Attributes:
        strategy: what evolves the weights, or None: they are trained by gradient.
        agreements: how data-parallel workers may come to one model, of which a point's ``agreement`` chooses
            one if there are several; none: by averaging gradients.
        workers: of one run.
    """

    strategy: str | None = None
    agreements: tuple[str, ...] = ()
    workers: int = 1

    @property
    def names(self) -> dict[str, tuple[str, ...]]:
        """Names of the settings of the strategy and of the agreements, by theirs.

        Raises:
            InputError: there is no such strategy or agreement.
        """
        found = {}
        if self.strategy is not None:
            found[self.strategy] = strategies.settings_of(self.strategy)
        return found | {name: agreements.settings_of(name) for name in self.agreements}

    def agreement_at(self, settings: Mapping[str, Any]) -> str | None:
        """How workers agree at a point; None: by averaging gradients."""
        return settings.get(AGREEMENT, next(iter(self.agreements), None))


BY_GRADIENT = Way()


@dataclass(frozen=True)
class Divided:
    """Settings by reader.

    Attributes:
        task: the task's.
        evolution: the strategy's; empty if weights are trained by gradient.
        agreement: how workers agree; None: by averaging gradients.
        exchange: the agreement's; empty if gradients are averaged.
        large_batch: what makes large batches of small ones; empty where the space does not say.
        precision: in which a run computes, one of ``PRECISIONS``; what a space does not name is float32.
    """

    task: dict[str, Any]
    evolution: dict[str, Any]
    agreement: str | None
    exchange: dict[str, Any]
    large_batch: dict[str, Any]
    precision: str


def divide(way: Way, settings: Mapping[str, Any]) -> Divided:
    """Divide a trial's settings.

    Args:
        way: how its weights are trained.
        settings: all of them, complete.

    Raises:
        InputError: there is no such strategy or agreement.
    """
    names, agreement = way.names, way.agreement_at(settings)

    def of(*wanted: str) -> dict[str, Any]:
        return {key: value for key, value in settings.items() if key in wanted}

    # By name: no task's setting may have the name of one of another reader, see setting_problems.
    others = {*OF_THE_LOOP, *(name for each in names.values() for name in each)}
    return Divided(
        task={key: value for key, value in settings.items() if key not in others},
        evolution=of(*names.get(way.strategy or "", ())),
        agreement=agreement,
        # Those of agreements that the space has beside this one mean nothing here.
        exchange=of(*names.get(agreement or "", ())),
        large_batch=of(*names_of(LargeBatch)),
        precision=settings.get(PRECISION, FLOAT32),
    )


def value_problems(way: Way, divided: Divided) -> list[str]:
    """Tell what strategy and agreement do not take of a point's values, nor large batches.

    Args:
        way: how weights are trained.
        divided: the point.
    """
    found = []
    # For their checks alone; how many weights there are is not known before a model is built.
    checks: list[Callable[[], object]] = [lambda: checked("large batches", LargeBatch, divided.large_batch)]
    if way.strategy is not None:
        strategy = way.strategy
        checks.append(lambda: make_strategy(strategy, divided.evolution, dimension=1))
        found += [
            f"space.{name}: evolution takes no steps by gradient; leave it out"
            for name in divided.large_batch
        ]
    if (agreement := divided.agreement) in ALGORITHMS:
        checks.append(lambda: _check_exchange(agreement, divided.exchange, way.workers))
    for check in checks:
        try:
            check()
        except InputError as error:
            found += [f"space.{problem}" for problem in error.problems]
    return found


def _check_exchange(agreement: str, settings: Mapping[str, Any], workers: int) -> None:
    """Refuse settings that are wrong, or mean nothing with so many workers.

    Raises:
        InputError: with a line for each.
    """
    told = make_agreement(agreement, settings).settings
    problems = []
    if told.masters > workers:
        problems.append(
            f"masters: each needs a worker; must be at most resources.workers = {workers}, got {told.masters}"
        )
    if told.exchange == ASYNCHRONOUS and workers == 1:
        problems.append(
            f"exchange: {ASYNCHRONOUS} needs workers that could wait for each other; raise resources.workers"
        )
    if problems:
        raise InputError(*problems)


def way_problems(way: Way) -> Iterator[str]:
    """Tell what of the space file's keys cannot stand together.

    Raises:
        InputError: there is no such strategy or agreement.
    """
    if way.strategy is not None and way.agreements:
        yield (
            f"agreement: evolution has no workers that would have to agree ({way.strategy} deals candidates "
            "out); leave agreement or strategy out"
        )
    elif "local-sgd" in way.agreements and way.workers == 1:
        # All others have a centre that moves otherwise than a lone worker, and so mean something.
        yield (
            "agreement: local-sgd is the mean over workers, which of one is itself; raise resources.workers, "
            "or leave it out"
        )


def setting_problems(reference: str, way: Way, points: Sequence[Mapping[str, Any]]) -> list[str]:
    """Tell what is wrong with settings that are not the task's own.

    Args:
        reference: of the task.
        way: how its weights are trained.
        points: complete settings, with every value of every choice among them.

    Raises:
        InputError: there is no such strategy, agreement or task.
    """
    return list(dict.fromkeys(_problems(reference, way, points)))


def _problems(reference: str, way: Way, points: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    of_task = settings_names(load_task(reference))
    for name in OF_THE_LOOP:
        if name in of_task and any(name in point for point in points):
            yield f"space.{name}: {reference} has a setting of that name, which is training's; rename it"
    yield from way_problems(way)
    for owner, names in way.names.items():
        for name in sorted({*names} & {*of_task}):
            yield f"space.{name}: {reference} and {owner} both have a setting of that name"
    for point in points:
        divided = divide(way, point)
        yield from _precision_problems(divided.precision, way.strategy)
        yield from value_problems(way, divided)


def _precision_problems(precision: object, strategy: str | None) -> Iterator[str]:
    if precision not in PRECISIONS:
        wish = did_you_mean(str(precision), PRECISIONS)
        yield f"space.{PRECISION}: needs {one_of(PRECISIONS)}, got {precision!r}.{wish}"
    elif strategy is not None and precision != FLOAT32:
        yield f"space.{PRECISION}: evolution computes in {FLOAT32}, got {precision!r}; leave it out"
