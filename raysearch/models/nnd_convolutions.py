"""Encoder and decoder of the NND VAE by convolutions along the points, as published.

ReLU follows every layer but the last of either. Where strides leave points over, the decoder's transposed
convolutions put them back.

Shapes in names: B clouds, N points, F features, Z Gaussians.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from raysearch.models.nnd_shape import ConvolutionShape


class ConvolutionEncoder(nn.Module):
    """Clouds to the means and logarithms of variances of Gaussians."""

    def __init__(self, shape: ConvolutionShape) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for (before, after), kernel in zip(pairwise((1, *shape.filters)), shape.kernels, strict=True):
            layers += [nn.Conv2d(before, after, kernel, stride=(1, shape.stride)), nn.ReLU()]
        self.convolutions = nn.Sequential(*layers)
        widths = [shape.flat, *([shape.hidden] if shape.hidden else []), 2 * shape.latent]
        self.dense = dense(widths)

    def forward(self, points_BNF: Tensor, there_BN: Tensor) -> Tensor:  # noqa: ARG002 - padding is 0
        """Give means and logarithms of variances (B, 2 Z)."""
        picture = points_BNF.transpose(1, 2).unsqueeze(1)
        return self.dense(self.convolutions(picture).flatten(1))


class ConvolutionDecoder(nn.Module):
    """Values of Gaussians to clouds, the encoder's layers backwards."""

    def __init__(self, shape: ConvolutionShape) -> None:
        super().__init__()
        widths = [shape.latent, *([shape.hidden] if shape.hidden else []), shape.flat]
        self.dense = nn.Sequential(dense(widths), nn.ReLU())
        self._picture = (shape.filters[-1], *shape.sizes[-1])
        layers: list[nn.Module] = []
        filters, sizes = (1, *shape.filters)[::-1], shape.sizes[::-1]
        steps = zip(pairwise(filters), pairwise(sizes), shape.kernels[::-1], strict=True)
        for (before, after), ((_, few), (_, many)), kernel in steps:
            left_over = many - (few - 1) * shape.stride - kernel[1]
            layers += [
                nn.ConvTranspose2d(
                    before, after, kernel, stride=(1, shape.stride), output_padding=(0, left_over)
                ),
                nn.ReLU(),
            ]
        last = nn.Sigmoid() if shape.bounded else nn.Identity()
        self.convolutions = nn.Sequential(*layers[:-1], last)

    def forward(self, z_BZ: Tensor, there_BN: Tensor) -> Tensor:  # noqa: ARG002 - each point is made alike
        """Give points (B, N, F) between 0 and 1, or about there."""
        picture = self.dense(z_BZ).unflatten(1, self._picture)
        return self.convolutions(picture).squeeze(1).transpose(1, 2)


def dense(widths: list[int]) -> nn.Sequential:
    """Stack dense layers with ReLU between them."""
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers[:-1])
