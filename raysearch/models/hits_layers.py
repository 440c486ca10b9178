"""What the four networks of arXiv:1902.07987 share: features, normalisation, last layers.

As in the authors' training code (jkiesele/DeepHGCal): features are scaled by fixed numbers, those of sensors
without energy are 0, and such sensors stay in the event, all alike; batch normalisation runs over events and
sensors with momentum 0.6 (0.4 in torch's words). Energies count in MeV before the logarithm, which is ours to
choose, for the code does not tell its unit. Weights start as Keras', in which the code is written: Glorot
uniform, biases at 0.

Shapes in names: B events, N sensors, F features.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from raysearch.models.calo_regressor import glorot_uniform

FEATURES = 7  # energy, x, y, z, width, depth, layer
ENERGY_GEV = 1e-3
ACROSS_MM, ALONG_MM = 150.0, 1600.0  # the code's, of a calorimeter 300 mm wide and 2 m deep
KERAS_MOMENTUM, KERAS_EPSILON = 0.6, 1e-3


def sensor_features(energy_BN: Tensor, sensors_BN6: Tensor) -> Tensor:
    """Put together what a network sees of each sensor.

    Args:
        energy_BN: GeV, 0 where there is nothing.
        sensors_BN6: x, y, z, width and depth in mm, and the layer, counted from 0.

    Returns:
        (B, N, 7), all 0 where there is no energy.
    """
    scale = sensors_BN6.new_tensor([ACROSS_MM, ACROSS_MM, ALONG_MM, ACROSS_MM, ACROSS_MM])
    features = [
        torch.log1p(energy_BN / ENERGY_GEV)[..., None],
        sensors_BN6[..., :5] / scale,
        torch.log1p(sensors_BN6[..., 5:]),
    ]
    return torch.cat(features, dim=2) * (energy_BN > 0)[..., None]


def mean_of(x_BNF: Tensor, weight_BN1: Tensor | None = None) -> Tensor:
    """Take the mean over an event's sensors, (B, 1, F); a weight says how many sensors each stands for."""
    if weight_BN1 is None:
        return x_BNF.mean(1, keepdim=True)
    return (x_BNF * weight_BN1).sum(1, keepdim=True) / weight_BN1.sum(1, keepdim=True)


def with_mean(x_BNF: Tensor, weight_BN1: Tensor | None = None) -> Tensor:
    """Append the mean over the event's sensors to each of them, (B, N, 2 F)."""
    return torch.cat([x_BNF, mean_of(x_BNF, weight_BN1).to(x_BNF.dtype).expand_as(x_BNF)], dim=2)


def dense(inputs: int, outputs: int) -> nn.Linear:
    """Make a dense layer that starts as Keras'."""
    return glorot_uniform(nn.Linear(inputs, outputs))


class Dense(nn.Module):
    """A dense layer and its activation."""

    def __init__(self, inputs: int, outputs: int, active: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.linear, self.active = dense(inputs, outputs), active

    def forward(self, x_BNF: Tensor) -> Tensor:
        """Transform each sensor's features."""
        return self.active(self.linear(x_BNF))


class SensorNorm(nn.BatchNorm1d):
    """Batch normalisation of each feature over all sensors of all events of a batch."""

    def __init__(self, features: int) -> None:
        super().__init__(features, eps=KERAS_EPSILON, momentum=1 - KERAS_MOMENTUM)

    def forward(self, x_BNF: Tensor, weight_BN1: Tensor | None = None) -> Tensor:
        """Normalise (B, N, F); a weight says how many sensors each stands for."""
        if weight_BN1 is None or not self.training:
            return super().forward(x_BNF.flatten(0, -2)).view_as(x_BNF)
        x_BNF, n = x_BNF.to(self.weight.dtype), weight_BN1.sum()
        mean_F = (x_BNF * weight_BN1).sum((0, 1)) / n
        centred_BNF = x_BNF - mean_F
        variance_F = (centred_BNF.square() * weight_BN1).sum((0, 1)) / n
        self._remember(mean_F.detach(), variance_F.detach() * (n / (n - 1)))
        return centred_BNF * torch.rsqrt(variance_F + self.eps) * self.weight + self.bias

    def _remember(self, mean_F: Tensor, variance_F: Tensor) -> None:
        """Move the running mean and variance, as torch does."""
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        self.running_mean.lerp_(mean_F, 1 - KERAS_MOMENTUM)
        self.running_var.lerp_(variance_F, 1 - KERAS_MOMENTUM)
        self.num_batches_tracked += 1


class Fractions(nn.Module):
    """The last layers of three of the networks: three values a sensor, then the particles' shares of it."""

    def __init__(self, inputs: int, particles: int) -> None:
        super().__init__()
        self.values = Dense(inputs, 3, torch.relu)
        self.shares = dense(3, particles)

    def forward(self, x_BNF: Tensor) -> Tensor:
        """Share each sensor's energy out, (B, N, particles)."""
        return self.shares(self.values(x_BNF)).softmax(2)
