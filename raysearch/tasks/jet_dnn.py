"""The DNN baseline of arXiv:1908.05318: jets tagged from 16 high-level features by dense layers.

The features are sum z ln z, the groomed energy correlators C1, C2, D2, M2, N2, the groomed mass and the
number of constituents (``layout.DNN_COLUMNS``). The paper feeds them as they are (``standardize: false``).
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from raysearch.data.jets.arrays import JetInput
from raysearch.data.jets.layout import DNN_COLUMNS
from raysearch.models.dense import DenseNetwork
from raysearch.tasks.taggers import Baseline, BaselineSettings


@dataclass(frozen=True, kw_only=True)
class JetDnnSettings(BaselineSettings):
    """Settings of the DNN; those of the network as in ``DenseShape``.

    Attributes:
        standardize: shift and scale each feature by its mean and standard deviation over the training part.
    """

    standardize: bool = False


class JetDnn(Baseline[JetDnnSettings]):
    """Jet tagging by dense layers on high-level features."""

    Settings = JetDnnSettings

    def jet_input(self, settings: JetDnnSettings) -> JetInput:
        """Ask for the 16 features."""
        return JetInput("quantities")

    def model(self, settings: JetDnnSettings) -> nn.Module:
        """Build the network."""
        return DenseNetwork(len(DNN_COLUMNS), settings.dense)
