"""Settings that all our jet taggers have (optimiser, learning rate, batch), and what the paper's baselines add."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from torch import nn
from torch.optim import Adadelta, Adam, NAdam, Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from raysearch.data.jets.layout import CLASSES
from raysearch.errors import InputError, one_of
from raysearch.models.dense import DenseShape
from raysearch.tasks.jets import JetTask

OPTIMIZERS: dict[str, type[Adam | NAdam | Adadelta]] = {"adam": Adam, "nadam": NAdam, "adadelta": Adadelta}


@dataclass(frozen=True, kw_only=True)
class TaggerSettings:
    """Settings of every tagger; a subclass adds its network's and tells their faults in :meth:`problems`.

    Attributes:
        optimizer: adam, nadam or adadelta; of no use to evolution, nor is its learning rate.
        learning_rate: of the optimiser.
        batch_size: jets per step.
    """

    optimizer: str = "adam"
    learning_rate: float = 1.0e-3
    batch_size: int = 100

    def __post_init__(self) -> None:
        if problems := list(self.problems()):
            raise InputError(*problems)

    def problems(self) -> Iterator[str]:
        """Tell every fault, as ``name: what``."""
        if self.optimizer not in OPTIMIZERS:
            yield f"optimizer: needs {one_of(list(OPTIMIZERS))}, got {self.optimizer!r}"
        if not self.learning_rate > 0:
            yield f"learning_rate: needs more than 0, got {self.learning_rate}"
        if self.batch_size < 1:
            yield f"batch_size: needs at least 1, got {self.batch_size}"


@dataclass(frozen=True, kw_only=True)
class BaselineSettings(TaggerSettings):
    """Settings of the baselines of arXiv:1908.05318, all of which end in dense layers.

    Attributes:
        layers, neurons, activation, dropout: of the dense layers, as in ``DenseShape``.
        plateau_patience: after so many epochs without progress on validation the learning rate falls to a tenth;
            0: never. The paper has 5.
    """

    layers: int
    neurons: int
    activation: str
    dropout: float
    plateau_patience: int = 5

    @property
    def dense(self) -> DenseShape:
        """The dense layers' part of the settings."""
        return DenseShape(
            layers=self.layers,
            neurons=self.neurons,
            activation=self.activation,
            dropout=self.dropout,
            classes=len(CLASSES),
        )

    def check_network(self) -> None:
        """Raise InputError for sizes or names that make no network."""
        _ = self.dense

    def problems(self) -> Iterator[str]:
        """Tell every fault."""
        try:
            self.check_network()
        except InputError as error:
            yield from error.problems
        yield from super().problems()
        if self.plateau_patience < 0:
            yield f"plateau_patience: needs at least 0, which means never, got {self.plateau_patience}"


S = TypeVar("S", bound=TaggerSettings)
B = TypeVar("B", bound=BaselineSettings)


class Tagger(JetTask[S]):
    """A jet task whose optimiser is among its settings."""

    def optimizer(self, settings: S, parameters: Iterable[nn.Parameter]) -> Optimizer:
        """Build the optimiser."""
        return OPTIMIZERS[settings.optimizer](parameters, lr=settings.learning_rate)


class Baseline(Tagger[B]):
    """A tagger whose learning rate falls where validation stands still."""

    def scheduler(self, settings: B, optimizer: Optimizer) -> ReduceLROnPlateau | None:
        """Reduce the rate as Keras does with ``ReduceLROnPlateau(factor=0.1, patience=plateau_patience)``.

        Keras acts in the last of the epochs without progress, torch in the one after; and Keras asks for progress
        of 1e-4, torch as it stands for a ten-thousandth of the loss.
        """
        if settings.plateau_patience == 0:
            return None
        return ReduceLROnPlateau(
            optimizer,
            factor=0.1,
            patience=settings.plateau_patience - 1,
            threshold=1e-4,
            threshold_mode="abs",
        )
