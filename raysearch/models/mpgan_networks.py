"""MPGAN: generator and discriminator of point clouds, R. Kansal et al., arXiv:2106.11535.

Layers as in the argument files beside the published weights (rkansal47/MPGAN, trained_models/mp_*/args.txt),
which are followed where the paper's text says otherwise: the discriminator sums over points (text: averages),
and dropout follows each of its linear layers, the very last one too, so that half of a batch's scores are 1/2
in training.

Shapes in names: B clouds, N points, Z noise of a point, F features of a point, C labels of a cloud.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from raysearch.errors import InputError, one_of
from raysearch.models.mpgan_layer import MessagePassing, Perceptron
from raysearch.models.mpgan_nodes import find_nodes

PACKED, PLAIN = COMPUTE = ("packed", "plain")


@dataclass(frozen=True, kw_only=True)
class MpganShape:
    """What both networks look like; as published unless said otherwise.

    Attributes:
        edge: widths of the edge networks' layers.
        node: widths of the node networks' layers before their last.
        hidden: features of a point between steps of message passing.
        noise: features of a point that the generator begins with.
        steps: of message passing, in each network.
        features: of a point: eta_rel, phi_rel, pT_rel, or x, y, intensity.
        slope: of the leaky ReLU below 0.
        dropout: of the discriminator.
        labels: numbers that a cloud is labelled with; the published networks have none.
    """

    edge: tuple[int, ...] = (96, 160, 192)
    node: tuple[int, ...] = (256, 256)
    hidden: int = 32
    noise: int = 32
    steps: int = 2
    features: int = 3
    slope: float = 0.2
    dropout: float = 0.5
    labels: int = 0

    @classmethod
    def of_width(
        cls, width: int, hidden: int, *, steps: int = 2, dropout: float = 0.5, labels: int = 0
    ) -> MpganShape:
        """Keep the published ratios at another size.

        Args:
            width: of a message; the published one is 192.
            hidden: of a point and of its noise; the published one is 32.
            steps: of message passing.
            dropout: of the discriminator.
            labels: of a cloud.
        """
        return cls(
            edge=(width // 2, width * 5 // 6, width),
            node=(width * 4 // 3, width * 4 // 3),
            hidden=hidden,
            noise=hidden,
            steps=steps,
            dropout=dropout,
            labels=labels,
        )


class _Network(nn.Module):
    """Steps of message passing, one after another.

    Args:
        shape: of the edge and node networks.
        widths: of a point at the beginning and after the last step.
        dropout: after every layer.
        compute: ``packed``: padding left out, the first edge layer split, dropout of fewer random numbers;
            ``plain``: as published. One function but for rounding and what is drawn, with the same
            parameters.

    Raises:
        InputError: for another ``compute``.
    """

    def __init__(self, shape: MpganShape, widths: tuple[int, int], dropout: float, compute: str) -> None:
        super().__init__()
        if compute not in COMPUTE:
            raise InputError(f"compute: needs {one_of(COMPUTE)}, got {compute!r}")
        self.shape, self.compute = shape, compute
        first, last = widths
        layers = [
            MessagePassing(
                before,
                shape.edge,
                (*shape.node, after),
                slope=shape.slope,
                dropout=dropout,
                labels=shape.labels,
                quick=compute != PLAIN,
            )
            for before, after in _points(first, shape.hidden, last, shape.steps)
        ]
        self.mp_layers = nn.ModuleList(layers)

    def passed(self, x_BNF: Tensor, there_BN: Tensor, labels_BC: Tensor) -> Tensor:
        """Pass messages; zeros where there is no point."""
        if self.compute == PLAIN:
            for layer in self.mp_layers:
                assert isinstance(layer, MessagePassing)
                x_BNF = layer.plain(x_BNF, there_BN, labels_BC)
            return x_BNF * there_BN.unsqueeze(2)
        nodes = find_nodes(there_BN)
        x_XF = nodes.taken(x_BNF)
        for layer in self.mp_layers:
            x_XF = layer(x_XF, nodes, labels_BC)
        return nodes.put_back(x_XF)


def _points(first: int, hidden: int, last: int, steps: int) -> Iterator[tuple[int, int]]:
    """Features of a point before and after each step."""
    for step in range(steps):
        yield (hidden if step else first), (hidden if step < steps - 1 else last)


class MpganGenerator(_Network):
    """Noise of points in, points out, of which as many are there as are asked for."""

    noise_width = 0.2  # standard deviation of the noise

    def __init__(self, shape: MpganShape, *, compute: str = PACKED) -> None:
        super().__init__(shape, (shape.noise, shape.features), 0.0, compute)

    def noise_shape(self, points: int) -> tuple[int, ...]:
        """Of a cloud's noise."""
        return points, self.shape.noise

    def forward(self, noise_BNZ: Tensor, n_B: Tensor, labels_BC: Tensor) -> tuple[Tensor, Tensor]:
        """Generate clouds.

        Args:
            noise_BNZ: normally distributed, of width ``noise_width``.
            n_B: int64, points of each cloud.
            labels_BC: of each cloud.

        Returns:
            Points (B, N, features) between -1 and 1, zeros where there is none; and which are there, bool (B,
            N): those whose noise is least in its first feature.
        """
        there_BN = noise_BNZ[:, :, 0].argsort(1).argsort(1) < n_B.unsqueeze(1)
        return torch.tanh(self.passed(noise_BNZ, there_BN, labels_BC)), there_BN


class MpganDiscriminator(_Network):
    """Clouds in, scores from 0 (generated) to 1 (real) out."""

    def __init__(self, shape: MpganShape, *, compute: str = PACKED) -> None:
        super().__init__(shape, (shape.features, shape.hidden), shape.dropout, compute)
        self.fnd_layer = Perceptron(
            (shape.hidden, 1),
            slope=shape.slope,
            dropout=shape.dropout,
            linear_end=True,
            quick=compute != PLAIN,
        )

    def forward(self, x_BNF: Tensor, there_BN: Tensor, labels_BC: Tensor) -> Tensor:
        """Judge clouds, (B,)."""
        total_BF = self.passed(x_BNF, there_BN, labels_BC).sum(1)
        return torch.sigmoid(self.fnd_layer(total_BF)).squeeze(1)


def plain_form(network: nn.Module) -> nn.Module:
    """Put an MPGAN network in its published form, with its very weights; any other network is its own."""
    if not isinstance(network, MpganGenerator | MpganDiscriminator):
        return network
    with torch.device("meta"):  # no weights are drawn
        plain = type(network)(network.shape, compute=PLAIN)
    plain.load_state_dict(network.state_dict(), assign=True)
    return plain.train(network.training)
