"""The binning network of arXiv:1902.07987, section 4: sensors on a regular grid, 101,176 parameters.

Each sensor is put into one of 20 x 20 bins across the calorimeter and one for each layer, 20 in the paper; of
several in one bin the features add up. Then follow convolutions across the layers and along them, and each
sensor takes its bin's values. The number of parameters is that of batch normalisation after the convolution
of one bin, and of all eight blocks' outputs side by side.

Shapes in names: B events, N sensors, C channels, X, Y, Z bins, F features.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - the usual name
from torch import Tensor, nn

from raysearch.errors import InputError
from raysearch.models.calo_regressor import glorot_uniform
from raysearch.models.dense import at_least
from raysearch.models.hits_layers import (
    FEATURES,
    KERAS_EPSILON,
    KERAS_MOMENTUM,
    Dense,
    dense,
    sensor_features,
    with_mean,
)  # fmt: skip

MANY_SHARE = 0.05  # of a detector's sensors that lie in bins with others; of the paper's none does


@dataclass(frozen=True, slots=True, kw_only=True)
class BinningShape:
    """What a :class:`Binning` looks like.

    Attributes:
        bins: along each side of a layer.
        layers: bins along the calorimeter; layers of sensors beyond are put into the last.
        first: channels of the convolution of one bin.
        blocks: of two convolutions each.
        channels: of these.
        across, along: bins that they span, odd.
        combined: width of the layer on all blocks.
        particles: whose shares are told.

    Raises:
        InputError: for sizes that make no network; lists all.
    """

    bins: int = 20
    layers: int = 20
    first: int = 20
    blocks: int = 8
    channels: int = 14
    across: int = 7
    along: int = 3
    combined: int = 128
    particles: int = 2

    def __post_init__(self) -> None:
        sizes = ("bins", "layers", "first", "blocks", "channels", "across", "along", "combined")
        problems = list(at_least(1, **{name: getattr(self, name) for name in sizes}))
        problems += at_least(2, particles=self.particles)
        if not problems:
            problems += [
                f"{name}: needs an odd number, got {getattr(self, name)}"
                for name in ("across", "along")
                if getattr(self, name) % 2 == 0
            ]
        if problems:
            raise InputError(*problems)


class Binning(nn.Module):
    """Shares of each sensor's energy that belong to each particle."""

    def __init__(self, shape: BinningShape) -> None:
        super().__init__()
        self.shape = shape
        self.norm = _norm(FEATURES)
        self.first = nn.Sequential(
            _convolution(2 * FEATURES, shape.first, 1, 1), nn.Tanh(), _norm(shape.first)
        )
        widths = [shape.first] + [shape.channels] * (shape.blocks - 1)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                _convolution(width, shape.channels, shape.across, 1),
                nn.Tanh(),
                _convolution(shape.channels, shape.channels, 1, shape.along),
                nn.Tanh(),
                _norm(shape.channels),
            )
            for width in widths
        )
        self.combined = Dense(shape.blocks * shape.channels, shape.combined, torch.relu)
        self.shares = dense(shape.combined, shape.particles)

    def forward(self, energy_BN: Tensor, sensors_BN6: Tensor) -> Tensor:
        """Share out energies (B, N) in GeV of sensors (B, N, 6); returns (B, N, particles)."""
        side, layers = self.shape.bins, self.shape.layers
        bin_BN = bins_of(sensors_BN6, side, layers)
        x_BNF = sensor_features(energy_BN, sensors_BN6)
        grid = x_BNF.new_zeros(x_BNF.shape[0], side * side * layers, FEATURES)
        grid = grid.scatter_add(1, bin_BN[..., None].expand_as(x_BNF), x_BNF)
        grid = self.norm(grid.transpose(1, 2).unflatten(2, (side, side, layers)))
        grid = with_mean(grid.flatten(2).transpose(1, 2)).transpose(1, 2)
        x_BCXYZ = self.first(grid.unflatten(2, (side, side, layers)))
        found = []
        for block in self.blocks:
            x_BCXYZ = block(x_BCXYZ)
            found.append(x_BCXYZ)
        values = torch.cat(found, dim=1).flatten(2).transpose(1, 2)
        at_BNF = values.gather(1, bin_BN[..., None].expand(-1, -1, values.shape[2]))
        return self.shares(self.combined(at_BNF)).softmax(2)


def bins_of(sensors_BN6: Tensor, side: int, layers: int) -> Tensor:
    """Number the bin of each sensor's centre, (B, N) int64; the grid spans all sensors of the event."""
    centre, half = sensors_BN6[..., :2], sensors_BN6[..., 3:4] / 2
    low = (centre - half).amin(1, keepdim=True)
    high = (centre + half).amax(1, keepdim=True)
    # A centre on an edge goes to the upper bin however its coordinates were rounded.
    across = ((centre - low) / (high - low) * side + 1e-4).long().clamp(0, side - 1)
    along = sensors_BN6[..., 5].long().clamp(0, layers - 1)
    return (across[..., 0] * side + across[..., 1]) * layers + along


def shared_bins(sensors_BN6: Tensor, side: int, layers: int) -> Iterator[str]:
    """Warn where many sensors of the first event's detector share bins, whose sensors get the same shares."""
    n = sensors_BN6.shape[1]
    of_bins = bins_of(sensors_BN6, side, layers)[0].bincount()
    shared, most = int(of_bins[of_bins > 1].sum()), int(of_bins.max())
    deepest = int(sensors_BN6[..., 5].max())
    beyond = f"; layers from {layers} on, up to {deepest}, are in the last" if deepest >= layers else ""
    if beyond or shared > MANY_SHARE * n:
        yield (
            f"binning: {shared:,} of {n:,} sensors are in bins with others, up to {most:,} in one, and get "
            f"the same shares{beyond}: space.bins is {side}, space.layers {layers}"
        )


class _AcrossLayers(nn.Conv3d):
    """A convolution of one bin along the calorimeter, taken of each layer as a picture of its own.

    The same function. In three dimensions torch leaves its fast kernels where there is but one event, on one
    thread, and takes five times as long; backward passes take 1.7 times as long at any size.
    """

    def forward(self, x_BCXYZ: Tensor) -> Tensor:
        """Apply it to (B, C, X, Y, Z)."""
        events, layers = x_BCXYZ.shape[0], x_BCXYZ.shape[4]
        pictures = x_BCXYZ.permute(0, 4, 1, 2, 3).flatten(0, 1)
        found = F.conv2d(pictures, self.weight[..., 0], self.bias, padding="same")
        return found.unflatten(0, (events, layers)).permute(0, 2, 3, 4, 1).contiguous()


def _convolution(channels: int, filters: int, across: int, along: int) -> nn.Conv3d:
    kind = _AcrossLayers if along == 1 else nn.Conv3d
    return glorot_uniform(kind(channels, filters, (across, across, along), padding="same"))


def _norm(channels: int) -> nn.BatchNorm3d:
    return nn.BatchNorm3d(channels, eps=KERAS_EPSILON, momentum=1 - KERAS_MOMENTUM)
