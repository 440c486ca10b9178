"""JEDI-net: jets tagged as g, q, W, Z or t by an interaction network on their constituents.

E. A. Moreno et al., Eur. Phys. J. C 80 (2020) 58, arXiv:1908.05318. The paper trains with Adam or
AdaDelta on cross-entropy, in batches of 100, on features as they are (``standardize: false``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from torch import nn
from torch.optim import Adadelta, Adam, Optimizer

from raysearch.data.layout import CLASSES
from raysearch.errors import InputError, one_of
from raysearch.models.interaction_network import InteractionNetwork, InteractionNetworkShape
from raysearch.tasks.jets import JetTask

OPTIMIZERS: dict[str, type[Adam | Adadelta]] = {"adam": Adam, "adadelta": Adadelta}


@dataclass(frozen=True)
class JediNetSettings:
    """Settings of JEDI-net; those of the network as in ``InteractionNetworkShape``.

    Attributes:
        optimizer: adam or adadelta.
        learning_rate: of the optimiser.
        batch_size: jets per step.
        standardize: shift and scale each feature by its mean and standard deviation over the training
            part's constituents; padding stays zero. The paper does not.
    """

    hidden: int
    effect_size: int
    output_size: int
    activation_relation: str
    activation_object: str
    activation_classifier: str
    optimizer: str
    learning_rate: float
    constituents: int = 30
    aggregation: str = "flatten"
    batch_size: int = 100
    standardize: bool = False

    def __post_init__(self) -> None:
        problems: list[str] = []
        try:
            network_shape(self)
        except InputError as error:
            problems += error.problems
        if self.optimizer not in OPTIMIZERS:
            problems.append(f"optimizer: needs {one_of(list(OPTIMIZERS))}, got {self.optimizer!r}")
        if not self.learning_rate > 0:
            problems.append(f"learning_rate: needs more than 0, got {self.learning_rate}")
        if self.batch_size < 1:
            problems.append(f"batch_size: needs at least 1, got {self.batch_size}")
        if problems:
            raise InputError(*problems)


def network_shape(settings: JediNetSettings) -> InteractionNetworkShape:
    """Take the network's part of the settings."""
    return InteractionNetworkShape(
        constituents=settings.constituents,
        classes=len(CLASSES),
        hidden=settings.hidden,
        effect_size=settings.effect_size,
        output_size=settings.output_size,
        activation_relation=settings.activation_relation,
        activation_object=settings.activation_object,
        activation_classifier=settings.activation_classifier,
        aggregation=settings.aggregation,
    )


class JediNet(JetTask[JediNetSettings]):
    """Jet tagging by an interaction network."""

    Settings = JediNetSettings

    def model(self, settings: JediNetSettings) -> nn.Module:
        """Build the interaction network."""
        return InteractionNetwork(network_shape(settings))

    def optimizer(self, settings: JediNetSettings, parameters: Iterable[nn.Parameter]) -> Optimizer:
        """Build Adam or AdaDelta."""
        return OPTIMIZERS[settings.optimizer](parameters, lr=settings.learning_rate)
