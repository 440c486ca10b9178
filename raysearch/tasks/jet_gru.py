"""The GRU baseline of arXiv:1908.05318: jets tagged from their constituents, read by falling pT.

The paper's has 50 constituents of 16 features each, as they are (``standardize: false``). How torch's GRU differs
from the paper's: raysearch/models/recurrent_network.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn

from raysearch.data.jets.layout import FEATURES
from raysearch.models.dense import at_least
from raysearch.models.recurrent_network import RecurrentNetwork
from raysearch.tasks.taggers import Baseline, BaselineSettings


@dataclass(frozen=True, kw_only=True)
class JetGruSettings(BaselineSettings):
    """Settings of the GRU.

    Attributes:
        units: of the GRU.
        dropout: after the GRU too.
        constituents: of each jet, the hardest ones.
        standardize: shift and scale each feature by its mean and standard deviation over the training
            part's constituents; padding stays zero.
    """

    units: int
    constituents: int = 50
    standardize: bool = False

    def problems(self) -> Iterator[str]:
        """Tell every fault."""
        yield from at_least(1, units=self.units, constituents=self.constituents)
        yield from super().problems()


class JetGru(Baseline[JetGruSettings]):
    """Jet tagging by a recurrent network on constituents."""

    Settings = JetGruSettings

    def model(self, settings: JetGruSettings) -> nn.Module:
        """Build the network."""
        return RecurrentNetwork(len(FEATURES), settings.units, settings.dense)
