"""A variational autoencoder of point clouds: encoder, Gaussians, decoder, and what training lowers.

Points are between 0 and 1 here; the clouds' own units are the task's.

Shapes in names: B clouds, N points, F features, Z Gaussians.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from raysearch.models.nnd_convolutions import ConvolutionDecoder, ConvolutionEncoder
from raysearch.models.nnd_goal import VaeGoal
from raysearch.models.nnd_sets import SetDecoder, SetEncoder
from raysearch.models.nnd_shape import SetShape, VaeShape

TINY = 1e-6  # that the published code adds to the logarithm of the variance


class Passed(NamedTuple):
    """What a cloud becomes on its way.

    Attributes:
        points: of the output, (B, N, F).
        mean: of the Gaussians, (B, Z).
        log_variance: of the Gaussians, (B, Z).
    """

    points: Tensor
    mean: Tensor
    log_variance: Tensor


class NndVae(nn.Module):
    """The network.

    Args:
        shape: of encoder and decoder.
        goal: what its training lowers; no parameter of it is learnt.
    """

    def __init__(self, shape: VaeShape, goal: VaeGoal) -> None:
        super().__init__()
        self.points, self.latent, self.goal = shape.points, shape.latent, goal
        self.encoder: nn.Module
        self.decoder: nn.Module
        if isinstance(shape, SetShape):
            self.encoder, self.decoder = SetEncoder(shape), SetDecoder(shape)
        else:
            self.encoder, self.decoder = ConvolutionEncoder(shape), ConvolutionDecoder(shape)

    def encode(self, points_BNF: Tensor, there_BN: Tensor) -> tuple[Tensor, Tensor]:
        """Give mean and logarithm of the variance of every Gaussian, (B, Z) each."""
        mean_BZ, log_variance_BZ = self.encoder(points_BNF, there_BN).chunk(2, dim=1)
        return mean_BZ, log_variance_BZ + TINY

    def forward(self, points_BNF: Tensor, there_BN: Tensor) -> Passed:
        """Encode, draw from the Gaussians by torch's global generator, decode."""
        mean_BZ, log_variance_BZ = self.encode(points_BNF, there_BN)
        z_BZ = mean_BZ + torch.exp(log_variance_BZ / 2) * torch.randn_like(mean_BZ)
        return Passed(self.decoder(z_BZ, there_BN), mean_BZ, log_variance_BZ)

    def reconstructed(self, points_BNF: Tensor, there_BN: Tensor) -> Tensor:
        """Decode the means of the Gaussians, without a draw; (B, N, F)."""
        return self.decoder(self.encode(points_BNF, there_BN)[0], there_BN)

    def generated(self, there_BN: Tensor, chance: torch.Generator) -> Tensor:
        """Decode draws from unit Gaussians, of as many points as are to be there; (B, N, F)."""
        return self.decoder(self.drawn(len(there_BN), chance), there_BN)

    def drawn(self, n: int, chance: torch.Generator) -> Tensor:
        """Draw from unit Gaussians for so many clouds, (n, Z)."""
        # In the weights' own precision: what is drawn must not depend on the one that is computed in.
        like = next(self.decoder.parameters())
        return torch.randn((n, self.latent), generator=chance, dtype=like.dtype, device=like.device)
