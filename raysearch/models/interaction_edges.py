"""The sum over a constituent's incoming edges in JEDI-net, arXiv:1908.05318 section 4, in little memory.

    Ebar_i = sum_j (m_j - delta_ij) f_R(receiver_i + sender_j)        (E)

with f_R's first layer already split and m_j the number of constituents that node j stands for
(raysearch/models/interaction_nodes.py). Edges are columns, worked through in blocks that fit a core's
cache; the backward pass either finds their values kept or computes them again.

Shapes in names: X nodes of all jets, E edges of a block, H hidden, K second hidden, D effect; b jets,
r receivers and n senders of a block.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from raysearch.models.interaction_nodes import JetBlock

_CPU_BLOCK_EDGES = 10_000  # some MB at 50 hidden units; 8000 to 12000 are as fast
_GPU_BLOCK_EDGES = 500_000  # a few hundred MB at 50 hidden units
ELU = {"elu": (1.0, 1.0), "selu": (1.6732632423543772, 1.0507009873554805)}  # alpha, scale as in torch
_LEAST_EXPONENT = -40.0  # exp(x) - 1 is -1 in single and in double precision from there down


def block_edges(device: torch.device) -> int:
    """Tell how many edges to work on at a time."""
    return _CPU_BLOCK_EDGES if device.type == "cpu" else _GPU_BLOCK_EDGES


class _Part(NamedTuple):
    """Some receivers of a block's jets, with all their senders."""

    block: JetBlock
    receivers: slice

    def weight_rn(self, like: Tensor) -> Tensor:
        """How often each edge counts: m_j - delta_ij."""
        # Weights instead of a mask: self-edges, padding and real pairs are one product without a branch. A
        # last node that stands for m constituents has m - 1 edges to its own like.
        weight = like.new_ones(self.receivers.stop - self.receivers.start, self.block.nodes)
        weight[:, -1] = self.block.copies
        weight.diagonal(self.receivers.start).sub_(1)
        return weight


def _parts(blocks: list[JetBlock], most_edges: int) -> Iterator[_Part]:
    """Cut the receivers of jets that are too large for one block into parts of nearly one size."""
    for block in blocks:
        n_parts = -(-block.jets * block.nodes**2 // most_edges)
        n_receivers = -(-block.nodes // n_parts)
        for receiver in range(0, block.nodes, n_receivers):
            yield _Part(block, slice(receiver, min(receiver + n_receivers, block.nodes)))


class _Values(NamedTuple):
    """A part's hidden values, each with a row of ones below, and effects."""

    h1_HE: Tensor
    h2_KE: Tensor
    effect_DE: Tensor


class _Relation:
    """Layers two and three of f_R on one part after another.

    A row of ones below each layer's values carries the bias through the product, and its gradient back.
    """

    def __init__(self, w2_KH: Tensor, w3_DK: Tensor, activation: str) -> None:
        self.w2_KH, self.w3_DK, self.activation = w2_KH, w3_DK, activation
        self.memory: dict[str, Tensor] = {}

    def scratch(self, name: str, rows: int, edges: int) -> Tensor:
        """Get (rows, edges) of memory that the next part reuses."""
        if name not in self.memory or self.memory[name].numel() < rows * edges:
            self.memory[name] = self.w2_KH.new_empty(rows * edges)
        return self.memory[name][: rows * edges].view(rows, edges)

    def forward(self, receiver_Hbr: Tensor, sender_Hbn: Tensor, *, keep: bool) -> _Values:
        """Compute a part's values, in memory of their own where they are to be kept."""
        hidden, jets, receivers = receiver_Hbr.shape
        edges = jets * receivers * sender_Hbn.shape[2]
        sizes = {"h1": hidden + 1, "h2": len(self.w2_KH) + 1, "effect": len(self.w3_DK)}
        if keep:
            h1, h2, effect = (self.w2_KH.new_empty(rows, edges) for rows in sizes.values())
        else:
            h1, h2, effect = (self.scratch(name, rows, edges) for name, rows in sizes.items())
        # f_R of (E), section 4: E = f_R(B), with B's product with the first layer split into two terms.
        h1[-1], h2[-1] = 1, 1
        pairs = h1[:-1].view(hidden, jets, receivers, -1)
        torch.add(receiver_Hbr[..., None], sender_Hbn[:, :, None], out=pairs)
        self._activate(h1[:-1])
        torch.mm(self.w2_KH, h1, out=h2[:-1])
        self._activate(h2[:-1])
        torch.mm(self.w3_DK, h2, out=effect)
        self._activate(effect)
        return _Values(h1, h2, effect)

    def back(self, values: _Values, g3_DE: Tensor, g_w2_KH: Tensor, g_w3_DK: Tensor) -> Tensor:
        """Turn the effects' gradient into that of the first layer's sums (H, E); add up the weights'."""
        h1, h2, effect = values
        # The chain rule from the last layer to the first; [:, :-1] leaves out the bias, which
        # leads nowhere back.
        self._through_activation(g3_DE, effect)
        g_w3_DK.addmm_(g3_DE, h2.T)
        g2 = torch.mm(self.w3_DK[:, :-1].T, g3_DE, out=self.scratch("g2", len(self.w2_KH), g3_DE.shape[1]))
        self._through_activation(g2, h2[:-1])
        g_w2_KH.addmm_(g2, h1.T)
        g1 = torch.mm(self.w2_KH[:, :-1].T, g2, out=self.scratch("g1", len(h1) - 1, g2.shape[1]))
        self._through_activation(g1, h1[:-1])
        return g1

    def _activate(self, x_XE: Tensor) -> None:
        """Apply the activation in place.

        ELU is written with exp, since expm1 takes many times as long; the difference is one rounding of
        numbers near 1. The bounds keep exp off the large arguments for which it is slow.
        """
        if self.activation == "relu":
            x_XE.clamp_(min=0)
            return
        # scale (max(x, 0) + alpha (exp(min(x, 0)) - 1)), its constant subtracted once for both signs.
        alpha, scale = ELU[self.activation]
        negative = torch.clamp(x_XE, _LEAST_EXPONENT, 0, out=self.scratch("negative", *x_XE.shape)).exp_()
        x_XE.clamp_(min=0).add_(negative, alpha=alpha)
        torch.add(x_XE.new_tensor(-alpha * scale), x_XE, alpha=scale, out=x_XE)

    def _through_activation(self, gradient_XE: Tensor, value_XE: Tensor) -> None:
        """Turn the gradient of an activation's value into that of its argument, in place."""
        if self.activation == "relu":
            torch.ops.aten.threshold_backward.grad_input(gradient_XE, value_XE, 0, grad_input=gradient_XE)
            return
        # From the value and not the argument (is_result=True), so that arguments need not be kept.
        alpha, scale = ELU[self.activation]
        torch.ops.aten.elu_backward.grad_input(
            gradient_XE, alpha, scale, 1, True, value_XE, grad_input=gradient_XE
        )


class IncomingEffects(torch.autograd.Function):
    """Ebar (D, X) of receivers and senders (H, X), weights with their bias as last column, and blocks.

    ``keep`` has the values of all edges kept for the backward pass, which else computes them again.
    """

    @staticmethod
    def forward(ctx: Any, receiver_HX: Tensor, sender_HX: Tensor, *rest: Any) -> Tensor:  # noqa: ANN401
        """Take sum after sum, part after part."""
        w2_KH, w3_DK, activation, blocks, keep = rest
        ctx.save_for_backward(receiver_HX, sender_HX, w2_KH, w3_DK)
        ctx.activation, ctx.blocks = activation, blocks
        relation = _Relation(w2_KH, w3_DK, activation)
        incoming_DX = receiver_HX.new_empty(len(w3_DK), receiver_HX.shape[1])
        ctx.kept = []
        for part in _parts(blocks, block_edges(receiver_HX.device)):
            receiver, sender = _of(receiver_HX, part), _jets(sender_HX, part.block)
            values = relation.forward(receiver, sender, keep=keep)
            if keep:
                ctx.kept.append(values)
            graph = values.effect_DE.view(-1, *receiver.shape[1:], sender.shape[2])
            counted = relation.scratch("counted", *values.effect_DE.shape).view_as(graph)
            torch.mul(graph, part.weight_rn(graph), out=counted)  # apart: effects are needed again
            _of(incoming_DX, part).copy_(counted.sum(3))  # (E), the sum over senders: E R_R^T of section 4
        return incoming_DX

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        """Take the gradients of both sums and both weights, part after part."""
        receiver_HX, sender_HX, w2_KH, w3_DK = ctx.saved_tensors
        (gradient_DX,) = gradients
        relation = _Relation(w2_KH, w3_DK, ctx.activation)
        g_receiver, g_sender = torch.empty_like(receiver_HX), torch.zeros_like(sender_HX)
        g_w2, g_w3 = torch.zeros_like(w2_KH), torch.zeros_like(w3_DK)
        for number, part in enumerate(_parts(ctx.blocks, block_edges(receiver_HX.device))):
            receiver, sender = _of(receiver_HX, part), _jets(sender_HX, part.block)
            values = ctx.kept[number] if ctx.kept else relation.forward(receiver, sender, keep=False)
            g3_DE = relation.scratch("g3", *values.effect_DE.shape)
            graph = g3_DE.view(-1, *receiver.shape[1:], sender.shape[2])
            # A sum hands its gradient to every term, here as often as the edge counts.
            torch.mul(_of(gradient_DX, part)[..., None], part.weight_rn(graph), out=graph)
            g1_HE = relation.back(values, g3_DE, g_w2, g_w3)
            graph = g1_HE.view(-1, *receiver.shape[1:], sender.shape[2])
            _of(g_receiver, part).copy_(graph.sum(3))  # a receiver is in one part, all its edges with it,
            _jets(g_sender, part.block).add_(graph.sum(2))  # a sender in all parts of its block
        return g_receiver, g_sender, g_w2, g_w3, None, None, None


def _jets(values_YX: Tensor, block: JetBlock) -> Tensor:
    """View a block's nodes as (Y, jets, nodes)."""
    return values_YX[:, block.columns].view(len(values_YX), block.jets, block.nodes)


def _of(values_YX: Tensor, part: _Part) -> Tensor:
    """View a part's receivers as (Y, jets, receivers)."""
    return _jets(values_YX, part.block)[:, :, part.receivers]
