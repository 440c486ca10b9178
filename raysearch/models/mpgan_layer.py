"""One step of message passing as in MPGAN, arXiv:2106.11535, section 4.

    (1)  m_ij = f_e([h_i ; h_j])  for receiver i and sender j, i itself among them,
    (2)  h_i' = f_n([sum_j m_ij ; h_i]).

The numbers are this file's. Parameters are named, shaped and ordered as in the public code
(rkansal47/MPGAN, mpgan/model.py): ``fe.net.0`` ..., ``fn.net.0`` .... What a whole cloud is labelled with may
be a further input of both networks, after the others, as there.

The first layer of f_e is split, W [h_i ; h_j] = W_r h_i + W_s h_j, so that pairs of features never exist, and
points that are padding have neither messages nor values (raysearch/models/mpgan_nodes.py).
:meth:`MessagePassing.plain` is the step as it is written down, to check this one by.

Shapes in names: B clouds, N points, X points that are there, E edges between those, F features, H hidden,
M what a message carries, C labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

import torch
import torch.nn.functional as F  # noqa: N812 - the usual name
from torch import Tensor, nn

from raysearch.models.mpgan_nodes import Nodes
from raysearch.models.quick_dropout import quick_dropout

VALUES = 2**18  # of edges that are worked on together, which then stay in the second cache


class Perceptron(nn.Module):
    """Linear layers, each followed by a leaky ReLU and by dropout.

    Args:
        widths: of the input and of each layer.
        slope: of the leaky ReLU below 0.
        dropout: after every layer, the last one too.
        linear_end: without an activation after the last layer.
        quick: draw dropout's random numbers in the way of ``quick_dropout.py``.
    """

    def __init__(
        self,
        widths: Sequence[int],
        *,
        slope: float,
        dropout: float,
        linear_end: bool = False,
        quick: bool = True,
    ) -> None:
        super().__init__()
        self.net = nn.ModuleList(nn.Linear(*pair) for pair in pairwise(widths))
        self.slope, self.dropout, self.linear_end = slope, dropout, linear_end
        self.drop = quick_dropout if quick else F.dropout

    def forward(self, x_XF: Tensor) -> Tensor:
        """Apply all layers."""
        return self.from_first(self.net[0](x_XF))

    def from_first(self, h_XH: Tensor) -> Tensor:
        """Go on from what the first linear layer gives, which is overwritten."""
        last = len(self.net) - 1
        for number, linear in enumerate(self.net):
            if number:
                h_XH = linear(h_XH)
            if number < last or not self.linear_end:
                h_XH = F.leaky_relu(h_XH, self.slope, inplace=True)
            h_XH = self.drop(h_XH, self.dropout, self.training)
        return h_XH


class MessagePassing(nn.Module):
    """Equations (1) and (2).

    Args:
        features: of a point.
        edge: widths of f_e's layers; the last is what a message carries.
        node: widths of f_n's layers; the last is what a point has afterwards.
        slope: of the leaky ReLU.
        dropout: after every layer of both.
        labels: numbers that a cloud is labelled with.
        quick: of both, see :class:`Perceptron`.
    """

    def __init__(
        self,
        features: int,
        edge: Sequence[int],
        node: Sequence[int],
        *,
        slope: float,
        dropout: float,
        labels: int = 0,
        quick: bool = True,
    ) -> None:
        super().__init__()
        self.features, self.edge = features, tuple(edge)
        perceptron = partial(Perceptron, slope=slope, dropout=dropout, quick=quick)
        self.fe = perceptron((2 * features + labels, *edge))
        self.fn = perceptron((edge[-1] + features + labels, *node), linear_end=True)

    def forward(self, x_XF: Tensor, nodes: Nodes, labels_BC: Tensor) -> Tensor:
        """Take the step for all points that are there.

        Args:
            x_XF: their features.
            nodes: which they are.
            labels_BC: of the clouds; C may be 0.
        """
        labels_XC = labels_BC.index_select(0, nodes.cloud_X)
        receiver_XH, sender_XH = self._first(x_XF, labels_XC)
        edges = VALUES // max(self.edge)
        parts = zip(nodes.by_part(receiver_XH, edges), nodes.by_part(sender_XH, edges), strict=True)
        none = x_XF.new_empty(0, self.edge[-1])
        incoming_XM = torch.cat([none, *(self._incoming(*part) for part in parts)])
        return self.fn(torch.cat([incoming_XM, x_XF, labels_XC], dim=1))  # (2)

    def _incoming(self, receiver: Tensor, sender: Tensor) -> Tensor:
        """Sum up the messages to each point of some clouds from what the first layer makes of it and them."""
        message_EM = self.fe.from_first((receiver[:, :, None] + sender[:, None]).flatten(0, 2))  # (1)
        clouds, points, _ = receiver.shape
        return message_EM.view(clouds * points, points, message_EM.shape[1]).sum(1)

    def _first(self, x_XF: Tensor, labels_XC: Tensor) -> tuple[Tensor, Tensor]:
        """Apply the first layer of f_e to receivers and to senders, both (X, H), whose sum is a pair's."""
        first, width = self.fe.net[0], self.features
        assert isinstance(first, nn.Linear)
        of_receiver, of_sender, of_labels = first.weight.split([width, width, labels_XC.shape[1]], dim=1)
        # A receiver's own features and its cloud's labels are the same for all its edges.
        receiver_XH = F.linear(
            torch.cat([x_XF, labels_XC], dim=1), torch.cat([of_receiver, of_labels], dim=1), first.bias
        )
        return receiver_XH, F.linear(x_XF, of_sender)

    def plain(self, x_BNF: Tensor, there_BN: Tensor, labels_BC: Tensor) -> Tensor:
        """Take the step as published: all pairs of all points, messages of padding times 0, (B, N, F').

        Memory grows with B N^2 F, and padding gets values too, which are to be left out afterwards.
        """
        n = x_BNF.shape[1]
        receiver_BNNF = x_BNF.unsqueeze(2).expand(-1, -1, n, -1)
        sender_BNNF = x_BNF.unsqueeze(1).expand(-1, n, -1, -1)
        labels_BNNC = labels_BC[:, None, None].expand(-1, n, n, -1)
        message_BNNM = self.fe(torch.cat([receiver_BNNF, sender_BNNF, labels_BNNC], dim=3))  # (1)
        incoming_BNM = (message_BNNM * there_BN[:, None, :, None]).sum(2)
        return self.fn(torch.cat([incoming_BNM, x_BNF, labels_BNNC[:, 0]], dim=2))  # (2)
