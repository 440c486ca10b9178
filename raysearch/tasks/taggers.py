"""Settings that all our jet taggers have: those of training; and what the paper's baselines add."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from torch import nn
from torch.optim import Optimizer

from raysearch.data.jets.layout import CLASSES
from raysearch.errors import InputError
from raysearch.models.dense import DenseShape
from raysearch.tasks.descent import LOSS
from raysearch.tasks.jets import JetTask
from raysearch.tasks.optimising import Scheduled, build_optimizer, build_schedules
from raysearch.tasks.schedule import Schedule


@dataclass(frozen=True, kw_only=True)
class TaggerSettings(Scheduled):
    """Settings of every tagger, see :class:`Scheduled`; a subclass adds its network's."""

    ALLOWED = ("adam", "nadam", "adadelta")  # those of arXiv:1908.05318


@dataclass(frozen=True, kw_only=True)
class BaselineSettings(TaggerSettings):
    """Settings of the baselines of arXiv:1908.05318, all of which end in dense layers.

    Attributes:
        layers, neurons, activation, dropout: of the dense layers, as in ``DenseShape``.
        schedule: as the paper has it, ``plateau`` with a ``plateau_patience`` of 5.
    """

    layers: int
    neurons: int
    activation: str
    dropout: float
    # As the paper's baselines, which divide the rate when validation stops falling.
    schedule: str = "plateau"

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


S = TypeVar("S", bound=TaggerSettings)
B = TypeVar("B", bound=BaselineSettings)


class Tagger(JetTask[S]):
    """A jet task whose optimiser and schedule are among its settings."""

    def optimizer(self, settings: S, parameters: Iterable[nn.Parameter]) -> Optimizer:
        """Build the optimiser."""
        return build_optimizer(settings, parameters)

    def schedulers(self, settings: S, optimizers: Mapping[str, Optimizer]) -> Sequence[Schedule]:
        """Build what changes its learning rate."""
        return build_schedules(settings, optimizers[LOSS])


class Baseline(Tagger[B]):
    """A tagger whose learning rate falls where validation stands still, unless its settings say otherwise."""
