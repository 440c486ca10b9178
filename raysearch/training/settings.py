"""A trial's settings, divided among their readers: the task, the strategy that evolves its weights, the loop.

All stand side by side in a space file's ``space``, searched or held.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from raysearch.errors import InputError, did_you_mean, one_of
from raysearch.evolve.make import make_strategy, settings_of
from raysearch.tasks import load_task
from raysearch.tasks.settings import settings_names
from raysearch.training.precision import FLOAT32, PRECISIONS

PRECISION = "precision"


@dataclass(frozen=True)
class Divided:
    """Settings by reader.

    Attributes:
        task: the task's.
        evolution: the strategy's; empty if weights are trained by gradient.
        precision: in which a run computes, one of ``PRECISIONS``; what a space does not name is float32.
    """

    task: dict[str, Any]
    evolution: dict[str, Any]
    precision: str


def divide(strategy: str | None, settings: Mapping[str, Any]) -> Divided:
    """Divide a trial's settings.

    Args:
        strategy: what evolves the weights, or None.
        settings: all of them, complete.

    Raises:
        InputError: there is no such strategy.
    """
    names = settings_of(strategy) if strategy is not None else ()
    return Divided(
        # By name: no task's setting may have the name of one of another reader, see setting_problems.
        task={key: value for key, value in settings.items() if key not in {*names, PRECISION}},
        evolution={key: value for key, value in settings.items() if key in names},
        precision=settings.get(PRECISION, FLOAT32),
    )


def setting_problems(reference: str, strategy: str | None, points: Sequence[Mapping[str, Any]]) -> list[str]:
    """Tell what is wrong with settings that are not the task's own.

    Args:
        reference: of the task.
        strategy: what evolves the weights, or None.
        points: complete settings, with every value of every choice among them.

    Raises:
        InputError: there is no such strategy or task.
    """
    return list(dict.fromkeys(_problems(reference, strategy, points)))


def _problems(reference: str, strategy: str | None, points: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    of_task = settings_names(load_task(reference))
    if PRECISION in of_task and any(PRECISION in point for point in points):
        yield f"space.{PRECISION}: {reference} has a setting of that name, which is training's; rename it"
    if strategy is not None:
        for name in sorted({*settings_of(strategy)} & {*of_task}):
            yield f"space.{name}: {reference} and {strategy} both have a setting of that name"
    for point in points:
        divided = divide(strategy, point)
        yield from _precision_problems(divided.precision, strategy)
        if strategy is not None:
            try:
                # For its checks alone; how many weights there are is not known before a model is built.
                make_strategy(strategy, divided.evolution, dimension=1)
            except InputError as error:
                yield from (f"space.{problem}" for problem in error.problems)


def _precision_problems(precision: object, strategy: str | None) -> Iterator[str]:
    if precision not in PRECISIONS:
        wish = did_you_mean(str(precision), PRECISIONS)
        yield f"space.{PRECISION}: needs {one_of(PRECISIONS)}, got {precision!r}.{wish}"
    elif strategy is not None and precision != FLOAT32:
        yield f"space.{PRECISION}: evolution computes in {FLOAT32}, got {precision!r}; leave it out"
