"""A task's optimisers and schedules, checked: what would train nothing, or outside checkpoints, is told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torch import nn
from torch.optim import Optimizer

from raysearch.errors import InputError
from raysearch.tasks.schedule import Schedule
from raysearch.tasks.task import Task
from raysearch.training.torch_compiler import put_off_compiler

RATE = "learning_rate"


def optimisers_of(
    task: Task[Any],
    settings: Any,  # noqa: ANN401 - the task's own type
    model: nn.Module,
) -> dict[str, Optimizer]:
    """Build a task's optimisers.

    Raises:
        InputError: they are not optimisers by name, hold what is not the model's and so would be in no
            checkpoint, or there are several and some parameter is held by none.
    """
    put_off_compiler()
    found = task.optimizers(settings, model)
    kind = type(task).__name__
    if not (
        isinstance(found, Mapping) and found and all(isinstance(each, Optimizer) for each in found.values())
    ):
        raise InputError(f"task: {kind}.optimizers must give optimisers by name, got {found!r:.200}")
    problems = [
        f"task: {kind}.optimizers: {name!r} must be letters, digits and _, for train_{name} is a metric"
        for name in found
        if not str(name).isidentifier()
    ]
    problems += [f"task: {kind}.optimizers: {problem}" for problem in _ownership_problems(found, model)]
    if problems:
        raise InputError(*problems)
    return dict(found)


def _ownership_problems(optimizers: Mapping[str, Optimizer], model: nn.Module) -> Iterator[str]:
    trained = {id(weight): name for name, weight in model.named_parameters() if weight.requires_grad}
    all_of_it = {id(weight) for weight in model.parameters()}
    held = {
        name: {id(weight) for group in each.param_groups for weight in group["params"]}
        for name, each in optimizers.items()
    }
    for name, owned in held.items():
        if owned - all_of_it:
            yield f"{name} holds parameters that are not the model's, which no checkpoint would keep"
    # With one alone it may be meant: a part of the model that is frozen by leaving it out.
    if len(held) > 1 and (
        left := [trained[each] for each in trained if not any(each in own for own in held.values())]
    ):
        more = " and more" if left[3:] else ""
        yield f"none holds {', '.join(left[:3])}{more}; freeze what is not to be trained"


def schedules_of(
    task: Task[Any],
    settings: Any,  # noqa: ANN401 - the task's own type
    optimizers: Mapping[str, Optimizer],
) -> tuple[Schedule, ...]:
    """Build what changes the learning rates of a task's optimisers.

    Raises:
        InputError: they are not schedules of these optimisers.
    """
    found = tuple(task.schedulers(settings, optimizers))
    for each in found:
        if not isinstance(each, Schedule):
            raise InputError(
                f"task: {type(task).__name__}.schedulers must give Schedule(scheduler, every), got "
                f"{type(each).__name__}"
            )
        if not any(each.scheduler.optimizer is optimizer for optimizer in optimizers.values()):
            raise InputError(
                f"task: {type(task).__name__}.schedulers: {type(each.scheduler).__name__} is of an optimiser "
                "that is not among the task's"
            )
    return found


def rate_problems(
    settings: Any,  # noqa: ANN401 - the task's own type
    optimizers: Mapping[str, Optimizer],
) -> list[str]:
    """Tell which learning rates do not reach the optimisers, and so would be searched for nothing.

    ``learning_rate`` must be that of some parameters of some optimiser, ``NAME_learning_rate`` of the one
    called NAME.

    Args:
        settings: of a task.
        optimizers: freshly built from them, before any schedule.
    """
    problems = []
    for name, concerned in [(RATE, list(optimizers)), *((f"{each}_{RATE}", [each]) for each in optimizers)]:
        wanted = getattr(settings, name, None)
        rates = [
            group["lr"] for each in concerned for group in optimizers[each].param_groups if "lr" in group
        ]
        if wanted is not None and wanted not in rates:
            whose = "the optimiser, which has" if len(concerned) == 1 else "any optimiser; they have"
            had = ", ".join(str(rate) for rate in dict.fromkeys(rates)) or "none"
            problems.append(f"space.{name}: {wanted} did not reach {whose} {had}")
    return problems
