"""Tasks written for version 0.1.0 go on as they are: a method of that form is called as it was then."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from raysearch.data.tensors import Batch, TensorData
from raysearch.metrics.shown import Shown, of_arrays
from raysearch.tasks.contract import takes
from raysearch.tasks.schedule import Schedule
from raysearch.tasks.task import OUTPUTS, Outputs, Task

OURS = "raysearch."


def as_of_today(kind: type[Task[Any]]) -> type[Task[Any]]:
    """Give a class whose methods all have today's form; ``kind`` itself if they have it already.

    In version 0.1.0 ``predict(model, batch)`` gave one tensor, which ``metrics(outputs, data)`` got as it
    was; ``scheduler(settings, optimizer)`` gave one schedule that waits for a plateau, or None; and
    ``predictions(outputs, data)`` gave arrays for the report.
    """
    today: dict[str, Callable[..., Any]] = {}
    predicts_of_old = takes(kind.predict, 3) and not takes(kind.predict, 4)
    if predicts_of_old:
        today["predict"] = _predict(kind)
        if not _of(kind, "metrics").__module__.startswith(OURS):
            today["metrics"] = _metrics(kind)
    if hasattr(kind, "scheduler") and kind.schedulers is Task.schedulers:
        today["schedulers"] = _schedulers
    if hasattr(kind, "predictions") and kind.shown is Task.shown:
        today["shown"] = _shown(bare=predicts_of_old)
    if not today:
        return kind
    own = {"__module__": kind.__module__, "__qualname__": kind.__qualname__, "__doc__": kind.__doc__}
    return type(kind.__name__, (kind,), {**own, **today})


def _predict(kind: Any) -> Callable[..., Tensor]:  # noqa: ANN401 - its own predict has the form of then
    def predict(
        self: Task[Any],
        model: nn.Module,
        batch: Batch,
        chance: torch.Generator,  # noqa: ARG001 - then nothing was drawn
    ) -> Tensor:
        outputs: Tensor = kind.predict(self, model, batch)
        return outputs

    return predict


def _metrics(kind: Any) -> Callable[..., dict[str, float]]:  # noqa: ANN401 - as above
    def metrics(self: Task[Any], outputs: Outputs, data: TensorData) -> dict[str, float]:
        found: dict[str, float] = kind.metrics(self, outputs[OUTPUTS], data)
        return found

    return metrics


def _schedulers(
    self: Any,  # noqa: ANN401 - as above
    settings: Any,  # noqa: ANN401 - the task's own type
    optimizers: Mapping[str, Optimizer],
) -> Sequence[Schedule]:
    (optimizer,) = optimizers.values()  # there was one
    scheduler = self.scheduler(settings, optimizer)
    return () if scheduler is None else [Schedule(scheduler, "plateau")]


def _shown(*, bare: bool) -> Callable[..., Sequence[Shown]]:
    def shown(self: Any, outputs: Outputs, data: TensorData) -> Sequence[Shown]:  # noqa: ANN401 - as above
        return of_arrays(self.predictions(outputs[OUTPUTS] if bare else outputs, data))

    return shown


def _of(kind: type, method: str) -> type:
    """Find the class that a method comes from."""
    return next(each for each in kind.__mro__ if method in vars(each))
