"""The contract of a task: model, data, loss and metrics of one system. Users subclass it for their own.

A task says what is trained; how (epochs, batches, checkpoints, workers) is the same for all and lies
in ``raysearch.training``.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from raysearch.data.scaling import Scaling
from raysearch.data.source import DataSource
from raysearch.data.tensors import Batch, Parts, TensorData
from raysearch.errors import InputError, did_you_mean, one_of
from raysearch.metrics.shown import Shown, of_arrays
from raysearch.models.flat import Step, flat_parameters

S = TypeVar("S")
Outputs = Mapping[str, Tensor]  # by name, each (row, ...); of a task that predicts one tensor it is ``outputs``


class Task(ABC, Generic[S]):
    """One system that can be trained.

    Class attributes to set:
        Settings: frozen dataclass of every setting the task reads, searched or held; it must have
            ``batch_size: int``. Its ``__post_init__`` raises ValueError or InputError, with lines
            ``name: what``, for values that cannot be.
        objective: the validation metric to search on unless a space file names others; ``val_`` + a key of
            :meth:`metrics`.
        higher_is_better: keys of :meth:`metrics` of which more is better.
    """

    Settings: ClassVar[type]
    objective: ClassVar[str] = "val_loss"
    higher_is_better: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def inspect(self, source: DataSource, settings: S) -> dict[str, Any]:
        """Check the data before anything trains, and describe them for the ledger.

        Returns:
            Plain values: ``files`` (name -> SHA-256), ``n_train``, ``n_validation``, ``n_test``,
            ``split_by`` and, for a classifier, ``classes``.

        Raises:
            InputError: with every fault of the files.
        """

    @abstractmethod
    def load(self, source: DataSource, settings: S) -> Parts:
        """Read the data as tensors."""

    def scaling(self, source: DataSource, settings: S) -> Scaling | None:  # noqa: ARG002 - for subclasses
        """Tell how :meth:`load` standardises the first input, for whoever applies a trained model to other data."""
        return None

    @abstractmethod
    def model(self, settings: S) -> nn.Module:
        """Build the network with fresh weights, drawn from torch's generator."""

    @abstractmethod
    def optimizer(self, settings: S, parameters: Iterable[nn.Parameter]) -> Optimizer:
        """Build the optimiser."""

    def scheduler(self, settings: S, optimizer: Optimizer) -> ReduceLROnPlateau | None:  # noqa: ARG002 - for subclasses
        """Build what lowers the learning rate, or None; told the objective, less is better, after each epoch."""
        return None

    @abstractmethod
    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Mean loss over a batch, a scalar with gradient."""

    @abstractmethod
    def predict(self, model: nn.Module, batch: Batch) -> Tensor:
        """Outputs (row, ...) for the rows of a batch; called without gradients."""

    @abstractmethod
    def metrics(self, outputs: Tensor, data: TensorData) -> dict[str, float]:
        """Metrics of the outputs (example, ...) of a whole part of the data, ``loss`` among them."""

    @torch.no_grad()
    def children_losses(self, model: nn.Module, steps: Sequence[Step], batch: Batch) -> Tensor:
        """Losses of children of a model, for training by evolution; a subclass may know a faster way.

        A child's loss depends on the model, its own step and the batch, not on the children beside it, to the last
        bit: whatever the loss draws at random is the same for all, and the model is in evaluation mode meanwhile
        (no dropout; normalisation by what the model holds).

        Args:
            model: the parent; as it was, afterwards, but that its parameters are views of one flat vector.
            steps: one for each child, its weights minus the parent's, see :data:`raysearch.models.flat.Step`.
            batch: the examples, the same for all children.

        Returns:
            float64 (child,), on the CPU; not finite where the loss is not.
        """
        flat, was_training = flat_parameters(model), model.training
        losses = []
        model.eval()
        try:
            for places, deltas in steps:
                where = slice(None) if places is None else places.to(flat.device)
                before = flat[where].clone()
                try:
                    flat[where] += deltas.to(flat.device)
                    with torch.random.fork_rng([flat.device] if flat.device.type == "cuda" else []):
                        losses.append(float(self.loss(model, batch)))
                finally:
                    flat[where] = before  # not minus the step, which would round
        finally:
            model.train(was_training)
        return torch.tensor(losses, dtype=torch.float64)

    def shown(self, outputs: Outputs, data: TensorData) -> Sequence[Shown]:
        """Values of ``raysearch.metrics.shown`` to keep of the final evaluation on the test set, for the report.

        Nothing unless a subclass says what; of one written for version 0.1.0, what its ``predictions`` give.
        """
        older = getattr(self, "predictions", None)
        return () if older is None else of_arrays(older(outputs["outputs"], data))


def settings_names(task: Task[Any]) -> list[str]:
    """Name all settings that a task knows."""
    return [field.name for field in dataclasses.fields(task.Settings)]


def make_settings(task: Task[S], values: Mapping[str, Any], origin: str = "space") -> S:
    """Turn plain values into the task's settings.

    Raises:
        InputError: unknown or missing settings, or values that the task refuses, all at once.
    """
    fields = {field.name: field for field in dataclasses.fields(task.Settings)}
    needed = {
        name
        for name, field in fields.items()
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }
    problems = [
        f"{origin}.{name}: {type(task).__name__} has no such setting; {one_of(list(fields))}.{did_you_mean(name, fields)}"
        for name in values
        if name not in fields
    ]
    problems += [
        f"{origin}.{name}: is missing, {type(task).__name__} needs it"
        for name in sorted(needed - set(values))
    ]
    if problems:
        raise InputError(*problems)
    try:
        return task.Settings(**values)
    except (ValueError, TypeError, InputError) as error:
        raise InputError(*(f"{origin}.{line}" for line in str(error).splitlines())) from error


def watched(settings: S) -> tuple[S, set[str]]:
    """Copy settings so that reading a field strikes it off the returned set of unread names.

    A setting that no model, optimiser or batch ever read would be searched for nothing.
    """
    names = {field.name for field in dataclasses.fields(settings)}  # type: ignore[arg-type] # S is a dataclass
    unread: set[str] = set()

    class Watched(type(settings)):  # type: ignore[misc] # the base is known only here
        def __getattribute__(self, name: str) -> Any:  # noqa: ANN401 - any field
            unread.discard(name)
            return super().__getattribute__(name)

    copy = Watched(**{name: getattr(settings, name) for name in names})
    unread.update(names)  # only now: __post_init__ reads fields too
    return copy, unread
