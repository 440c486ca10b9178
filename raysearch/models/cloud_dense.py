"""The fully connected baseline of MPGAN's paper (arXiv:2106.11535), r-GAN: arXiv:1707.02392.

As in rkansal47/MPGAN, ext_models/ext_models.py, and the argument file beside its weights
(trained_models/fc_g/args.txt): the generator makes all points at once, out of one vector, and knows no
padding; the discriminator takes the greatest of each feature over all points. Parameters are named, shaped
and ordered as there.

Shapes in names: B clouds, N points, Z noise, F features of a point, H hidden.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

SLOPE = 0.2  # of the leaky ReLU below 0
FEATURES = 3
WIDTH, NOISE = 64, 128


class DenseGenerator(nn.Module):
    """One vector of noise in, all points out.

    Args:
        points: of a cloud.
        width: of the first layer; the second has twice as many units.
        noise: length of the vector.
    """

    noise_width = 0.2  # standard deviation of the noise

    def __init__(self, points: int, width: int = WIDTH, noise: int = NOISE) -> None:
        super().__init__()
        self.noise = noise
        self.model = nn.Sequential(
            *_linear_layers((noise, width, 2 * width)),
            nn.Linear(2 * width, points * FEATURES),
            nn.Tanh(),
        )

    def noise_shape(self, points: int) -> tuple[int, ...]:  # noqa: ARG002 - as other generators'
        """Of a cloud's noise."""
        return (self.noise,)

    def forward(
        self,
        noise_BZ: Tensor,
        n_B: Tensor,  # noqa: ARG002 - as of the other networks
        labels_BC: Tensor,  # noqa: ARG002
    ) -> tuple[Tensor, Tensor]:
        """Generate clouds: points (B, N, F) between -1 and 1, of which all are there, bool (B, N)."""
        x_BNF = self.model(noise_BZ).unflatten(1, (-1, FEATURES))
        return x_BNF, torch.ones(x_BNF.shape[:2], dtype=torch.bool, device=x_BNF.device)


class DenseDiscriminator(nn.Module):
    """Clouds in, scores from 0 (generated) to 1 (real) out.

    Args:
        width: of the first layer, in units of which others are multiples.
    """

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        of_point = (FEATURES, width, 2 * width, 4 * width, 4 * width, 8 * width)
        layers: list[nn.Module] = []
        for pair in pairwise(of_point):
            layers += [nn.Conv1d(*pair, 1), nn.LeakyReLU(SLOPE)]
        self.sfc = nn.Sequential(*layers)
        self.fc = nn.Sequential(
            *_linear_layers((8 * width, width, 2 * width)), nn.Linear(2 * width, 1), nn.Sigmoid()
        )

    def forward(self, x_BNF: Tensor, there_BN: Tensor, labels_BC: Tensor) -> Tensor:  # noqa: ARG002
        """Judge clouds, (B,), padding like any other point."""
        return self.fc(self.sfc(x_BNF.transpose(1, 2)).amax(2)).squeeze(1)


def _linear_layers(widths: Sequence[int]) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for pair in pairwise(widths):
        layers += [nn.Linear(*pair), nn.LeakyReLU(SLOPE)]
    return layers
