"""Object condensation on GravNet: J. Kieseler, Eur. Phys. J. C 80 (2020) 886, arXiv:2002.03605, section 2.

Of each sensor three things are told: a confidence beta, 0 to 1, that it is the one that stands for its
particle; its place in a space in which the sensors of one particle gather; and the energy of that particle,
which counts where the confidence is high. The number of particles is nowhere in the network. The blocks are
those of raysearch/models/hits_gravnet.py.

Shapes in names: B events, N sensors, M nodes, F features, C coordinates.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from raysearch.errors import InputError
from raysearch.models.dense import at_least
from raysearch.models.hits_gravnet import GravNetBlocks, GravNetShape
from raysearch.models.hits_layers import dense
from raysearch.models.hits_nodes import Nodes

CONFIDENCE, ENERGY, PLACE = 0, 1, 2  # columns of what is told; from the last on, all are coordinates
TYPICAL_GEV = 30.0  # what a fresh network says, so that it need not learn the size first
SMALL = 0.1  # of the usual size, the weights of the last layer begin with
LARGEST_LOG = 15.0  # of an energy over it: beyond, exp would be infinite in half precision or single


@dataclass(frozen=True, slots=True, kw_only=True)
class CondensationShape:
    """What a :class:`Condensation` looks like.

    Attributes:
        gravnet: its blocks; whose shares these could tell does not matter here.
        coordinates: of the space in which a particle's sensors gather.

    Raises:
        InputError: for a number that makes no space.
    """

    gravnet: GravNetShape
    coordinates: int = 2

    def __post_init__(self) -> None:
        if problems := list(at_least(1, coordinates=self.coordinates)):
            raise InputError(*problems)


class Condensation(GravNetBlocks):
    """Confidence, energy in GeV and place of each sensor, (B, N, 2 + C); arguments as for the blocks."""

    def __init__(self, shape: CondensationShape, kernel: str = "torch") -> None:
        super().__init__(shape.gravnet, kernel)
        self.whole = shape
        self.told = dense(shape.gravnet.combined, self.n_values)
        with torch.no_grad():
            # Sensors of one particle that begin far apart attract each other so much that the quickest way
            # down is to be sure of none, where confidence has no gradient left; and half sure all begin.
            self.told.weight *= SMALL

    @property
    def n_values(self) -> int:
        """Confidence, energy, coordinates."""
        return PLACE + self.whole.coordinates

    def of_nodes(self, nodes: Nodes) -> Tensor:
        """Tell all of each node; in single precision at least, whose digits the losses need."""
        told_BMF = self.told(self.describe(nodes))
        told_BMF = told_BMF.to(torch.promote_types(told_BMF.dtype, torch.float32))
        beta, log_energy, place = told_BMF.split([1, 1, self.whole.coordinates], dim=2)
        energy = TYPICAL_GEV * log_energy.clamp(-LARGEST_LOG, LARGEST_LOG).exp()
        return torch.cat([beta.sigmoid(), energy, place], dim=2)

    def plain_twin(self) -> Condensation:
        """Build the network with all sensors and all their distances in plain sight."""
        return Condensation(self.whole, kernel="plain")
