"""One step of 3DGAN's networks, with Keras' meaning of each part and a choice of how to compute it.

Zeros are added as told, for "same" k - 1 of them with the odd one on the far side; the order is
convolution, activation, batch normalisation. LeakyReLU has a slope of 0.3; batch normalisation momentum
0.99 (0.01 in torch's words). What differs from Keras: running variances are unbiased, as torch has them.

Weights start as Keras': kernels He or Glorot uniform as the published code says of each, biases at 0.

Shapes in names: B showers, C channels, O filters, X, Y, Z cells along x, y and layer.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812 - the usual name
from torch import Tensor, nn

from raysearch.errors import one_of
from raysearch.models.gan3d_pairs import LANES, OneChannelConvolution, PairedConvolution
from raysearch.models.gan3d_shape import Convolution, Triple
from raysearch.models.gan3d_upsampling import padded, plain_convolution, upsampled_convolution

COMPUTE = ("phases", "plain")
SLOPE = 0.3
MOMENTUM = 0.01


def compute_problems(compute: str) -> list[str]:
    """Tell what is wrong with how to compute."""
    return [] if compute in COMPUTE else [f"compute: needs {one_of(COMPUTE)}, got {compute!r}"]


def activation(name: str) -> nn.Module:
    """Make an activation."""
    return nn.LeakyReLU(SLOPE) if name == "leaky_relu" else nn.ReLU()


class KerasConvolution(nn.Module):
    """Upsampling, zero padding and convolution; ``weight`` and ``bias`` as in ``nn.Conv3d``.

    Args:
        channels: that come in.
        step: filters, kernel, upsampling and padding.
        start: draws the kernel.
        compute: ``plain`` as it is written down, ``phases`` by the quicker forms of ``gan3d_upsampling.py``
            and, on CPUs, ``gan3d_pairs.py``: one function but for rounding.
        bias: whether it has one.
    """

    def __init__(
        self,
        channels: int,
        step: Convolution,
        start: Callable[[Tensor], Tensor],
        *,
        compute: str,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.step, self.compute = step, compute
        self.weight = nn.Parameter(start(torch.empty(step.filters, channels, *step.kernel)))
        self.bias = nn.Parameter(torch.zeros(step.filters)) if bias else None

    def forward(self, x_BCXYZ: Tensor) -> Tensor:
        """Convolve (B, C, X, Y, Z); returns (B, O, ...)."""
        step, pads = self.step, self.step.pads
        if self.compute == "plain":
            return plain_convolution(x_BCXYZ, self.weight, self.bias, step.upsampling, pads)
        if max(step.upsampling) > 1:
            return upsampled_convolution(x_BCXYZ, self.weight, self.bias, step.upsampling, pads)
        x, y, z = (min(axis) for axis in pads)
        uneven = [(before - n, after - n) for (before, after), n in zip(pads, (x, y, z), strict=True)]
        x_BCXYZ = padded(x_BCXYZ, uneven)
        if x_BCXYZ.device.type == "cpu" and self.bias is not None:
            given = (x_BCXYZ, self.weight, self.bias)
            if self.weight.shape[1] == 1:
                return _with_own_gradients(OneChannelConvolution, *given, (x, y, z))
            if 1 < step.filters <= LANES // 2:
                return _with_own_gradients(PairedConvolution, *given, (x, y, z))
        return F.conv3d(x_BCXYZ, self.weight, self.bias, padding=(x, y, z))


def _with_own_gradients(
    function: type[torch.autograd.Function], x_BCXYZ: Tensor, weight: Tensor, bias: Tensor, zeros: Triple
) -> Tensor:
    """Apply a function whose gradients know no autocast: values are cast before."""
    kind = x_BCXYZ.device.type
    if torch.is_autocast_enabled(kind):
        low = torch.get_autocast_dtype(kind)
        x_BCXYZ, weight, bias = x_BCXYZ.to(low), weight.to(low), bias.to(low)
    with torch.autocast(kind, enabled=False):
        return function.apply(x_BCXYZ, weight, bias, zeros)


class Block(nn.Module):
    """Convolution, activation and, where the step has it, batch normalisation."""

    def __init__(
        self,
        channels: int,
        step: Convolution,
        start: Callable[[Tensor], Tensor],
        *,
        active: str,
        epsilon: float,
        compute: str,
    ) -> None:
        super().__init__()
        self.convolution = KerasConvolution(channels, step, start, compute=compute)
        self.active = activation(active)
        self.norm = nn.BatchNorm3d(step.filters, eps=epsilon, momentum=MOMENTUM) if step.batch_norm else None

    def forward(self, x_BCXYZ: Tensor) -> Tensor:
        """Pass cells (B, C, X, Y, Z) on as (B, O, ...)."""
        y_BOXYZ = self.active(self.convolution(x_BCXYZ))
        return y_BOXYZ if self.norm is None else self.norm(y_BOXYZ)


def glorot_uniform_dense(inputs: int, outputs: int) -> nn.Linear:
    """Make a dense layer that starts as Keras': Glorot uniform, biases at 0."""
    layer = nn.Linear(inputs, outputs)
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
