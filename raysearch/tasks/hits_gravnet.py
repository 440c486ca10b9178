"""Sharing out calorimeter hits by GravNet: what is gathered from neighbours in a learned space.

arXiv:1902.07987, section 4; the network is in raysearch/models/hits_gravnet.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn

from raysearch.models.hits_gravnet import GravNet, GravNetShape, kernel_problems
from raysearch.tasks.hits import HitsTask
from raysearch.tasks.hits_settings import HitsSettings


@dataclass(frozen=True, kw_only=True)
class HitsGravnetSettings(HitsSettings):
    """Settings of GravNet; those of the network as in ``GravNetShape``.

    Attributes:
        space_dimensions: of the learned space (S).
        kernel: how neighbours are found: ``fused`` in C++ where there is a compiler, ``torch``; the same
            function but for rounding, ``fused`` several times as fast on a CPU.
    """

    blocks: int = 4
    hidden: int = 64
    neighbours: int = 40
    space_dimensions: int = 4
    propagated: int = 22
    outputs: int = 48
    combined: int = 128
    variant: str = "paper"
    # How to compute is a setting like others, so that the ledger has it: bits depend on it.
    kernel: str = "torch"

    @property
    def shape(self) -> GravNetShape:
        """The network's sizes."""
        return GravNetShape(
            blocks=self.blocks,
            hidden=self.hidden,
            neighbours=self.neighbours,
            space=self.space_dimensions,
            propagated=self.propagated,
            outputs=self.outputs,
            combined=self.combined,
            variant=self.variant,
            particles=self.particles,
        )

    def check_network(self) -> None:
        """Build the network's shape."""
        _ = self.shape

    def problems(self) -> Iterator[str]:
        """Tell every fault."""
        yield from kernel_problems(self.kernel)
        yield from super().problems()


class HitsGravnet(HitsTask[HitsGravnetSettings]):
    """Sharing out of hits by GravNet."""

    Settings = HitsGravnetSettings

    def model(self, settings: HitsGravnetSettings) -> nn.Module:
        """Build the network."""
        return GravNet(settings.shape, kernel=settings.kernel)
