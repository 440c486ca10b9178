"""The generator of 3DGAN: a dense layer, then convolutions of upsampled cells; no cell is negative.

At a fixed angle the latent vector is noise times the energy, at variable angles it is (energy, angle,
noise); energies count 100 GeV, angles radian, noise is normal. What the dense layer gives is laid out as in
Keras, channels last, so that published weights keep their places. The published code leaves the dense
layer's weights to Keras' default (Glorot uniform; NNLO takes Glorot normal), the others are He uniform and
the last Glorot normal.

In training mode batch normalisation takes a batch's own means; for the fake showers of a discriminator's
step the published code asks for a prediction, in which running means are taken: put the generator in
evaluation mode there.

Shapes in names: B showers, L noise, C channels, X, Y, Z cells along x, y and layer.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from raysearch.errors import InputError
from raysearch.models.gan3d_block import Block, KerasConvolution, glorot_uniform_dense
from raysearch.models.gan3d_shape import Gan3dShape

TRUNCATED = 0.87962566  # standard deviation of a standard normal cut off at 2, with which Keras divides


class Generator(nn.Module):
    """Showers from noise, energy and, at variable angles, angle."""

    def __init__(self, shape: Gan3dShape, *, compute: str) -> None:
        super().__init__()
        self.shape, self.compute = shape, compute
        self.dense = glorot_uniform_dense(shape.latent, math.prod(shape.start))
        blocks, channels = [], shape.start[3]
        for step in shape.generator:
            block = Block(
                channels,
                step,
                nn.init.kaiming_uniform_,
                active=shape.generator_activation,
                epsilon=shape.epsilon,
                compute=compute,
            )
            blocks.append(block)
            channels = step.filters
        self.blocks = nn.ModuleList(blocks)
        self.last = KerasConvolution(
            channels, shape.last, _glorot_normal, compute=compute, bias=shape.last_bias
        )

    def forward(self, noise_BL: Tensor, energy_B: Tensor, angle_B: Tensor | None = None) -> Tensor:
        """Generate showers.

        Args:
            noise_BL: normal numbers (B, ``shape.noise``).
            energy_B: in 100 GeV.
            angle_B: in radian, for a network of variable angles; None for one of a fixed angle.

        Returns:
            Cells (B, X, Y, Z), none negative, in single precision or what the weights have.

        Raises:
            InputError: noise of another length, or an angle where none belongs, or none where one does.
        """
        x_BXYZC = self.dense(self._latent(noise_BL, energy_B, angle_B)).unflatten(1, self.shape.start)
        x_BCXYZ = x_BXYZC.permute(0, 4, 1, 2, 3)
        if self.compute == "plain":
            x_BCXYZ = x_BCXYZ.contiguous()
        for block in self.blocks:
            x_BCXYZ = block(x_BCXYZ)
        return torch.relu(self.last(x_BCXYZ)).squeeze(1).to(self.dense.weight.dtype)

    def _latent(self, noise_BL: Tensor, energy_B: Tensor, angle_B: Tensor | None) -> Tensor:
        if noise_BL.ndim != 2 or noise_BL.shape[1] != self.shape.noise:
            raise InputError(f"noise: needs shape (showers, {self.shape.noise}), got {tuple(noise_BL.shape)}")
        given = {"energy": energy_B} if angle_B is None else {"energy": energy_B, "angle": angle_B}
        problems = [
            f"{name}: needs shape ({len(noise_BL)},), got {tuple(values.shape)}"
            for name, values in given.items()
            if values.shape != noise_BL.shape[:1]
        ]
        if self.shape.angle != (angle_B is not None):
            problems.append(f"angle: {'missing' if self.shape.angle else 'not known to this network'}")
        if problems:
            raise InputError(*problems)
        if angle_B is None:
            return noise_BL * energy_B[:, None]
        return torch.cat([energy_B[:, None], angle_B[:, None], noise_BL], dim=1)


def _glorot_normal(weight: Tensor) -> Tensor:
    """Draw as Keras does: normal, cut off at two standard deviations, of variance 2 / (fan_in + fan_out)."""
    fan_in, fan_out = weight[0].numel(), weight[:, 0].numel()
    deviation = math.sqrt(2 / (fan_in + fan_out)) / TRUNCATED
    return nn.init.trunc_normal_(weight, std=deviation, a=-2 * deviation, b=2 * deviation)
