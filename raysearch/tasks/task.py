"""The contract of a task: model, data, loss and metrics of one system. Users subclass it for their own.

A task says what is trained; how (epochs, batches, checkpoints, workers) is the same for all and lies
in ``raysearch.training``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import Optimizer

from raysearch.data.conditions import Conditions
from raysearch.data.scaling import Scaling
from raysearch.data.source import DataSource
from raysearch.data.tensors import Batch, Parts, TensorData
from raysearch.data.to_score import ToScore
from raysearch.errors import InputError
from raysearch.metrics.shown import Shown, columns
from raysearch.models.flat import Step, flat_parameters
from raysearch.tasks.descent import LOSS, Descent
from raysearch.tasks.schedule import Schedule

S = TypeVar("S")
Outputs = Mapping[str, Tensor]
"""What a model says of some rows, by name, each (row, ...)."""

OUTPUTS = "outputs"  # the name of a lone tensor


class Task(ABC, Generic[S]):
    """One system that can be trained.

    Class attributes to set:
        Settings: frozen dataclass of every setting the task reads, searched or held; it must have
            ``batch_size: int``. Its ``__post_init__`` raises ValueError or InputError, with lines
            ``name: what``, for values that cannot be.
        objective: the validation metric to search on unless a space file names others; ``val_`` + a key of
            :meth:`metrics`.
        higher_is_better: keys of :meth:`metrics` of which more is better.
        no_objectives: keys of :meth:`metrics` of which neither less nor more is better, such as a mean
            that should be 1; a search on one is refused.
        reads_several: whether ``source.path`` may be a tuple of several files and folders; a task that does
            not say so is refused them before it is asked anything.
        is_averaged: whether the mean of what several models (folds, repeats) say of a row means anything; of
            a task for which it does not, such as one whose outputs are places in a space of their own, the
            first model speaks, and several are not exported.
    """

    Settings: ClassVar[type]
    objective: ClassVar[str] = "val_loss"
    higher_is_better: ClassVar[frozenset[str]] = frozenset()
    no_objectives: ClassVar[frozenset[str]] = frozenset()
    reads_several: ClassVar[bool] = False
    is_averaged: ClassVar[bool] = True

    @abstractmethod
    def inspect(self, source: DataSource, settings: S) -> dict[str, Any]:
        """Check the data before anything trains, and describe them for the ledger.

        Returns:
            Plain values: ``files`` (name -> SHA-256), ``n_train``, ``n_validation``, ``n_test``,
            ``split_by`` and, for a classifier, ``classes``; perhaps ``warnings``, told before the first run
            and in the report.

        Raises:
            InputError: with every fault of the files.
        """

    def data_sha256(self, source: DataSource, settings: S) -> dict[str, str]:
        """Hash the files as they are now: name -> SHA-256, the ``files`` of :meth:`inspect`, which is asked.

        Each run does so when it has loaded them, and refuses to train on others than the study began with. A
        task whose ``inspect`` takes long defines it; ``raysearch.data.files.sums`` reads a file once.
        """
        return dict(self.inspect(source, settings)["files"])

    @abstractmethod
    def load(self, source: DataSource, settings: S) -> Parts:
        """Read the data as tensors."""

    def scaling(self, source: DataSource, settings: S) -> Scaling | None:
        """Tell how :meth:`load` standardises the first input, to apply a trained model to other data."""
        return None

    def training_facts(self, source: DataSource, settings: S) -> dict[str, Any]:
        """Tell what :meth:`to_generate` has to know of a model's own training part, by default nothing.

        Plain values, which are kept beside the weights; each fold has its own.
        """
        return {}

    @abstractmethod
    def model(self, settings: S) -> nn.Module:
        """Build the network with fresh weights, drawn from torch's generator."""

    def optimizer(self, settings: S, parameters: Iterable[nn.Parameter]) -> Optimizer:
        """Build the optimiser of a task that has one."""
        raise InputError(f"task: {type(self).__name__} defines neither optimizer nor optimizers")

    def optimizers(self, settings: S, model: nn.Module) -> Mapping[str, Optimizer]:
        """Build all optimisers, by the names of the losses that they follow; by default one of all weights.

        An optimiser holds parameters of the model, and where there are several every parameter is held by
        one.
        """
        return {LOSS: self.optimizer(settings, model.parameters())}

    def schedulers(self, settings: S, optimizers: Mapping[str, Optimizer]) -> Sequence[Schedule]:
        """Build what changes learning rates, each with when it is stepped; by default nothing does."""
        return ()

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Mean loss over a batch, a scalar with gradient; a task with its own :meth:`step` may have none.

        Training by evolution judges candidates by it.
        """
        raise InputError(f"task: {type(self).__name__} defines neither loss nor step")

    def training_loss(self, settings: S) -> str:
        """Say what training and other losses are, where the former is not ``loss`` of :meth:`metrics`.

        It stands beside tables and curves of both; by default nothing is said.
        """
        return ""

    def step(self, descent: Descent, batch: Batch) -> None:
        """Learn from one batch; by default one step down :meth:`loss`.

        A task may take several steps, down several losses; in the first batch of an epoch at least one. It
        keeps no state of its own from batch to batch: checkpoints hold the model, the optimisers and the
        schedules.
        """
        descent(self.loss(descent.model, batch))

    @abstractmethod
    def predict(self, model: nn.Module, batch: Batch, chance: torch.Generator) -> Outputs | Tensor:
        """Outputs by name, each (row, ...), for the rows of a batch; called without gradients.

        Args:
            model: in evaluation mode.
            batch: some rows.
            chance: on the model's device; where outputs are drawn at random, they are drawn from it, so that
                they are the same however many workers share the rows.

        Returns:
            A lone tensor stands for ``{"outputs": tensor}``.
        """

    def kept(self, outputs: Outputs, batch: Batch) -> Outputs:
        """Take of a batch's outputs what :meth:`metrics` and the report need, each (row, ...); default: all.

        It is asked batch by batch, so that outputs too large to be kept (a shower's cells) are never held for
        all rows. They are float32 at least, on the model's device.
        """
        return outputs

    @abstractmethod
    def metrics(self, outputs: Outputs, data: TensorData) -> dict[str, float]:
        """Metrics of what was kept of a whole part, each (example, ...) on the CPU; ``loss`` among them.

        The objective must be finite. Another metric that is not, in some epoch, is left out there, and told.
        """

    def plain(self, model: nn.Module) -> nn.Module:
        """Give the same function made of plain operations, which exporters and counters can follow.

        Args:
            model: as :meth:`model` makes it; its own weights, not copies, may be in what is returned.
        """
        return model

    def exported(self, model: nn.Module) -> nn.Module:
        """Give what a file for other programs holds: the plain form, and what makes its outputs final.

        A classifier adds the softmax, for other programs expect probabilities.
        """
        return self.plain(model)

    def to_score(self, paths: Sequence[Path], settings: S, described: Mapping[str, Any]) -> ToScore:
        """Check files of a user's own, with or without answers, and make them ready to be read.

        Args:
            paths: files and folders.
            settings: of the trained model.
            described: what :meth:`inspect` told of the study's data.

        Raises:
            InputError: with every fault of the files; or the task cannot read other files, which is the
                default.
        """
        raise InputError(
            f"task: {type(self).__name__} does not define to_score(paths, settings, described), which reads "
            "files to be scored; see docs/after-the-search.md"
        )

    def to_generate(self, wanted: Conditions, settings: S, described: Mapping[str, Any]) -> ToScore:
        """Make rows ready for a generator: their batches hold the conditions, and whatever else is 0.

        Args:
            wanted: which conditions, and how many rows.
            settings: of the trained model.
            described: what :meth:`inspect` told of the study's data, and :meth:`training_facts` of the model.

        Raises:
            InputError: a condition that there is not; or the task generates nothing, which is the default.
        """
        raise InputError(
            f"task: {type(self).__name__} generates nothing: it does not define to_generate(wanted, "
            "settings, described); to score files, give them with --data"
        )

    def generator_alone(
        self, model: nn.Module, batch: Batch, chance: torch.Generator
    ) -> tuple[nn.Module, Batch]:
        """Give a generator as other programs run it, and what it makes a batch of; by default there is none.

        Args:
            model: trained.
            batch: of :meth:`to_generate`.
            chance: the random numbers are those that :meth:`predict` would draw from it.

        Returns:
            A module that gives what the first of :meth:`written` holds, made of plain operations; and its
            inputs, random numbers among them.
        """
        raise InputError(f"task: {type(self).__name__} does not define generator_alone(model, batch, chance)")

    def written(self, outputs: Outputs, data: TensorData) -> Mapping[str, NDArray[Any]]:
        """Take what a file of predictions or of generated rows holds of each row, by name, each (row, ...).

        By default it is what :meth:`shown` has by row, without answers, else all outputs.
        """
        return columns(self.shown(outputs, data)) or {name: rows.numpy() for name, rows in outputs.items()}

    @torch.no_grad()
    def children_losses(self, model: nn.Module, steps: Sequence[Step], batch: Batch) -> Tensor:
        """Losses of children of a model, for training by evolution; a subclass may know a faster way.

        A child's loss depends on the model, its own step and the batch, not on the children beside it, to the
        last bit: whatever the loss draws at random is the same for all, and the model is in evaluation mode
        meanwhile (no dropout; normalisation by what the model holds).

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
        """Values of ``raysearch.metrics.shown`` to keep of the evaluation on the test set, for the report.

        By default nothing: outputs are kept and not shown.
        """
        return ()
