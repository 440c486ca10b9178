"""Settings of tasks on hits whose network is made of GravNet's blocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from raysearch.models.hits_gravnet import GravNetShape, kernel_problems
from raysearch.tasks.hits_settings import HitsTraining


@dataclass(frozen=True, kw_only=True)
class GravNetSettings(HitsTraining):
    """Settings of GravNet's blocks, as in ``GravNetShape``.

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
    def gravnet_shape(self) -> GravNetShape:
        """The blocks' sizes."""
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
        """Build the blocks' shape."""
        _ = self.gravnet_shape

    def problems(self) -> Iterator[str]:
        """Tell every fault."""
        yield from kernel_problems(self.kernel)
        yield from super().problems()
