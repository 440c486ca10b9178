"""The GRU baseline of arXiv:1908.05318: jets tagged from their constituents, read by falling pT.

The paper's has 50 constituents of 16 features each, as they are (``standardize: false``). How torch's GRU differs
from the paper's: raysearch/models/recurrent_network.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn

from raysearch.data.layout import CLASSES, FEATURES
from raysearch.errors import InputError
from raysearch.models.dense import DenseShape, at_least
from raysearch.models.recurrent_network import RecurrentNetwork
from raysearch.tasks.taggers import Baseline, BaselineSettings


@dataclass(frozen=True, kw_only=True)
class JetGruSettings(BaselineSettings):
    """Settings of the GRU.

    Attributes:
        units: of the GRU.
        layers, neurons, activation: the dense layers after it, as in ``DenseShape``.
        dropout: after the GRU and each dense layer.
        constituents: of each jet, the hardest ones.
        standardize: shift and scale each feature by its mean and standard deviation over the training
            part's constituents; padding stays zero.
    """

    units: int
    layers: int
    neurons: int
    activation: str
    dropout: float
    constituents: int = 50
    standardize: bool = False

    def problems(self) -> Iterator[str]:
        """Tell every fault."""
        yield from at_least(1, units=self.units, constituents=self.constituents)
        try:
            dense_shape(self)
        except InputError as error:
            yield from error.problems
        yield from super().problems()


def dense_shape(settings: JetGruSettings) -> DenseShape:
    """Take the dense layers' part of the settings."""
    return DenseShape(
        layers=settings.layers,
        neurons=settings.neurons,
        activation=settings.activation,
        dropout=settings.dropout,
        classes=len(CLASSES),
    )


class JetGru(Baseline[JetGruSettings]):
    """Jet tagging by a recurrent network on constituents."""

    Settings = JetGruSettings

    def model(self, settings: JetGruSettings) -> nn.Module:
        """Build the network."""
        return RecurrentNetwork(len(FEATURES), settings.units, dense_shape(settings))
