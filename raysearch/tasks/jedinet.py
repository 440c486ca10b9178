"""JEDI-net: jets tagged as g, q, W, Z or t by an interaction network on their constituents.

E. A. Moreno et al., Eur. Phys. J. C 80 (2020) 58, arXiv:1908.05318. The paper trains with Adam or
AdaDelta on cross-entropy, in batches of 100, on features as they are (``standardize: false``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn

from raysearch.data.jets.layout import CLASSES
from raysearch.errors import InputError
from raysearch.models.interaction_network import InteractionNetwork, InteractionNetworkShape, how_problems
from raysearch.models.interaction_network_plain import plain_form
from raysearch.tasks.taggers import Tagger, TaggerSettings


@dataclass(frozen=True, kw_only=True)
class JediNetSettings(TaggerSettings):
    """Settings of JEDI-net; those of the network as in ``InteractionNetworkShape``.

    Attributes:
        standardize: shift and scale each feature by its mean and standard deviation over the training
            part's constituents; padding stays zero. The paper does not.
        memory, kernel: how the network computes, see :class:`InteractionNetwork`; the same function but for
            rounding. ``kernel: fused`` is several times as fast on a CPU with a C++ compiler, ``fused_bf16``
            quicker still, in lower precision.
    """

    hidden: int
    effect_size: int
    output_size: int
    activation_relation: str
    activation_object: str
    activation_classifier: str
    constituents: int = 30
    aggregation: str = "flatten"
    standardize: bool = False
    # How to compute is a setting like others, so that the ledger has it: bits depend on it.
    memory: str = "fast"
    kernel: str = "torch"

    def problems(self) -> Iterator[str]:
        """Tell every fault."""
        try:
            network_shape(self)
        except InputError as error:
            yield from error.problems
        yield from how_problems(self.memory, self.kernel)
        yield from super().problems()


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


class JediNet(Tagger[JediNetSettings]):
    """Jet tagging by an interaction network."""

    Settings = JediNetSettings

    def model(self, settings: JediNetSettings) -> nn.Module:
        """Build the interaction network."""
        return InteractionNetwork(network_shape(settings), memory=settings.memory, kernel=settings.kernel)

    def plain(self, model: nn.Module) -> nn.Module:
        """Give its plain form: no exporter can follow the gradients and blocks of the network that trains."""
        return plain_form(model)
