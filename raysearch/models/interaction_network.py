"""JEDI-net, the interaction network for jets: Moreno et al., arXiv:1908.05318, sections 4 and 5.

A jet is a fully connected directed graph of its constituents without self-edges. With I the
constituents' features, f_R, f_O and phi_C three perceptrons and sums over a constituent's incoming edges,

    E_ij = f_R([I_i ; I_j])  for receiver i and sender j != i,    Ebar_i = sum_j E_ij,
    O_i = f_O([I_i ; Ebar_i]),    logits = phi_C(O_1, ..., O_N)  or  phi_C(sum_i O_i).

The paper multiplies by one-hot matrices R_R and R_S that pick receivers and senders. Here the first layer
of f_R is split, W [I_i ; I_j] = W_r I_i + W_s I_j, so that neither those matrices nor the pairs of features
exist, and the edges are worked through in blocks that fit a core's cache, forwards and, recomputed,
backwards: the same function, and the same parameters.

Shapes in names: B jets, N constituents, P features, E edges of a block, H hidden, K second hidden,
D effect; b jets and r receivers of a block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812 - the usual name
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from raysearch.errors import InputError, one_of

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"relu": F.relu, "elu": F.elu, "selu": F.selu}
AGGREGATIONS = ("flatten", "sum")

_ELU = {"elu": (1.0, 1.0), "selu": (1.6732632423543772, 1.0507009873554805)}  # alpha, scale as in torch
_CPU_BLOCK_EDGES = 5000  # about a core's second-level cache at 50 hidden units; 3000 to 10000 are as fast
_GPU_BLOCK_EDGES = 500_000  # a few hundred MB at 50 hidden units


@dataclass(frozen=True, slots=True, kw_only=True)
class InteractionNetworkShape:
    """What an :class:`InteractionNetwork` looks like; symbols of the paper in brackets.

    Attributes:
        features: features of a constituent (P).
        constituents: constituents of a jet, padding included (N_O).
        classes: jet classes.
        hidden: first hidden layer of the three perceptrons (N1); the second has ``hidden // 2``.
        effect_size: what an edge carries (D_E).
        output_size: what a constituent carries to the classifier (D_O).
        activation_relation: of all three layers of f_R.
        activation_object: of all three layers of f_O.
        activation_classifier: of the hidden layers of phi_C.
        aggregation: ``"flatten"`` keeps the constituents' order, ``"sum"`` adds over all of them, padding
            included, as the reference does.

    Raises:
        InputError: for sizes or names that make no network; lists all of them.
    """

    features: int = 16
    constituents: int = 30
    classes: int = 5
    hidden: int = 30
    effect_size: int = 10
    output_size: int = 10
    activation_relation: str = "elu"
    activation_object: str = "elu"
    activation_classifier: str = "elu"
    aggregation: str = "flatten"

    def __post_init__(self) -> None:
        least = {"constituents": 2, "classes": 2, "hidden": 2}
        allowed = {"aggregation": AGGREGATIONS}
        problems = []
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(field.default, int):
                lowest = least.get(field.name, 1)
                if not isinstance(value, int) or isinstance(value, bool) or value < lowest:
                    problems.append(f"{field.name}: needs a whole number of at least {lowest}, got {value!r}")
            elif value not in (names := allowed.get(field.name, tuple(ACTIVATIONS))):
                problems.append(f"{field.name}: needs {one_of(names)}, got {value!r}")
        if problems:
            raise InputError(*problems)


class InteractionNetwork(nn.Module):
    """JEDI-net. Parameters are named and shaped as in the authors' weight files: ``fr1`` ... ``fc3``."""

    def __init__(self, shape: InteractionNetworkShape) -> None:
        super().__init__()
        self.shape = shape
        hidden, second = shape.hidden, shape.hidden // 2
        carried = shape.output_size * (shape.constituents if shape.aggregation == "flatten" else 1)
        self.fr1 = nn.Linear(2 * shape.features, hidden)
        self.fr2 = nn.Linear(hidden, second)
        self.fr3 = nn.Linear(second, shape.effect_size)
        self.fo1 = nn.Linear(shape.features + shape.effect_size, hidden)
        self.fo2 = nn.Linear(hidden, second)
        self.fo3 = nn.Linear(second, shape.output_size)
        self.fc1 = nn.Linear(carried, hidden)
        self.fc2 = nn.Linear(hidden, second)
        self.fc3 = nn.Linear(second, shape.classes)

    def forward(self, x_BNP: Tensor) -> Tensor:
        """Classify jets.

        Args:
            x_BNP: constituents (B, N, P), ordered by falling transverse momentum and zero padded.

        Returns:
            Logits (B, classes); no softmax.

        Raises:
            InputError: x has another shape than (B, constituents, features).
        """
        expected = (self.shape.constituents, self.shape.features)
        if x_BNP.ndim != 3 or tuple(x_BNP.shape[1:]) != expected:
            raise InputError(
                f"constituents: expected shape (jets, {expected[0]}, {expected[1]}), got {tuple(x_BNP.shape)}"
            )
        act = ACTIVATIONS[self.shape.activation_object]
        c_BNC = torch.cat([x_BNP, self._incoming(x_BNP)], dim=2)
        o_BNO = act(self.fo3(act(self.fo2(act(self.fo1(c_BNC))))))
        o_BC = o_BNO.flatten(1) if self.shape.aggregation == "flatten" else o_BNO.sum(1)
        act = ACTIVATIONS[self.shape.activation_classifier]
        return self.fc3(act(self.fc2(act(self.fc1(o_BC)))))

    def _incoming(self, x_BNP: Tensor) -> Tensor:
        """Sum the effects of each constituent's incoming edges, Ebar (B, N, D)."""
        jets, constituents, features = x_BNP.shape
        x_PX = x_BNP.reshape(-1, features).T
        receiver_HX = torch.addmm(self.fr1.bias[:, None], self.fr1.weight[:, :features], x_PX)
        sender_HX = self.fr1.weight[:, features:] @ x_PX
        incoming_DBN = _IncomingEffects.apply(
            receiver_HX.view(-1, jets, constituents),
            sender_HX.view(-1, jets, constituents),
            torch.cat([self.fr2.weight, self.fr2.bias[:, None]], dim=1),
            torch.cat([self.fr3.weight, self.fr3.bias[:, None]], dim=1),
            self.shape.activation_relation,
        )
        return incoming_DBN.permute(1, 2, 0)


class _Block(NamedTuple):
    """Some receivers of some jets, with all their senders."""

    jets: slice
    receivers: slice


def _blocks(receiver_HBN: Tensor) -> Iterator[_Block]:
    """Cut all edges into blocks: several whole jets, or some receivers of one."""
    _, jets, constituents = receiver_HBN.shape
    edges = _CPU_BLOCK_EDGES if receiver_HBN.device.type == "cpu" else _GPU_BLOCK_EDGES
    n_jets = max(1, edges // constituents**2)
    n_receivers = max(1, min(constituents, edges // constituents))
    n_receivers = -(-constituents // -(-constituents // n_receivers))  # parts of nearly one size
    for jet in range(0, jets, n_jets):
        for receiver in range(0, constituents, n_receivers):
            yield _Block(slice(jet, jet + n_jets), slice(receiver, receiver + n_receivers))


class _Edges:
    """Layers two and three of f_R on one block after another, edges as columns, memory reused.

    A row of ones below each layer's values carries the bias through the product, and its gradient back.
    """

    def __init__(self, w2_KH: Tensor, w3_DK: Tensor, activation: str) -> None:
        self.w2_KH, self.w3_DK, self.activation = w2_KH, w3_DK, activation
        self.memory: dict[str, Tensor] = {}

    def take(self, name: str, rows: int, edges: int) -> Tensor:
        """Get (rows, edges) of reused memory, filled with ones where it is new."""
        if name not in self.memory or self.memory[name].shape[1] < edges:
            self.memory[name] = self.w2_KH.new_ones(rows, edges)
        return self.memory[name][:, :edges]

    def forward(self, receiver_Hbr: Tensor, sender_Hbn: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Compute a block's hidden values, each with its row of ones, and effects (D, E)."""
        hidden, jets, receivers = receiver_Hbr.shape
        edges = jets * receivers * sender_Hbn.shape[2]
        h1 = self.take("h1", hidden + 1, edges)
        h2 = self.take("h2", len(self.w2_KH) + 1, edges)
        effect = self.take("effect", len(self.w3_DK), edges)
        pairs = h1[:-1].view(hidden, jets, receivers, -1)
        torch.add(receiver_Hbr[..., None], sender_Hbn[:, :, None], out=pairs)
        self._activate(h1[:-1])
        torch.mm(self.w2_KH, h1, out=h2[:-1])
        self._activate(h2[:-1])
        torch.mm(self.w3_DK, h2, out=effect)
        self._activate(effect)
        return h1, h2, effect

    def _activate(self, x_XE: Tensor) -> None:
        """Apply the activation in place.

        ELU is written with exp, since expm1 takes seven times as long; the difference is one rounding
        of numbers near 1.
        """
        if self.activation == "relu":
            x_XE.clamp_(min=0)
            return
        alpha, scale = _ELU[self.activation]
        negative = self.take("scratch", len(self.w2_KH[0]), x_XE.shape[1])[: len(x_XE)]
        torch.exp(x_XE, out=negative)
        x_XE.clamp_(min=0).add_(negative.clamp_(max=1), alpha=alpha)
        torch.add(x_XE.new_tensor(-alpha * scale), x_XE, alpha=scale, out=x_XE)

    def back(self, gradient_XE: Tensor, value_XE: Tensor) -> Tensor:
        """Turn the gradient of an activation's value into that of its argument, in place."""
        if self.activation == "relu":
            return torch.ops.aten.threshold_backward.grad_input(
                gradient_XE, value_XE, 0, grad_input=gradient_XE
            )
        alpha, scale = _ELU[self.activation]
        return torch.ops.aten.elu_backward.grad_input(
            gradient_XE, alpha, scale, 1, True, value_XE, grad_input=gradient_XE
        )


class _IncomingEffects(torch.autograd.Function):
    """Ebar_i = sum over j != i of f_R(receiver_i + sender_j), with recomputation in backward."""

    @staticmethod
    def forward(ctx: Any, receiver_HBN: Tensor, sender_HBN: Tensor, *rest: Any) -> Tensor:  # noqa: ANN401
        w2_KH, w3_DK, activation = rest
        ctx.save_for_backward(receiver_HBN, sender_HBN, w2_KH, w3_DK)
        ctx.activation = activation
        edges = _Edges(w2_KH, w3_DK, activation)
        incoming_DBN = receiver_HBN.new_empty(len(w3_DK), *receiver_HBN.shape[1:])
        for jets, receivers in _blocks(receiver_HBN):
            receiver, sender = receiver_HBN[:, jets, receivers], sender_HBN[:, jets]
            *_, effect = edges.forward(receiver, sender)
            effect = effect.view(-1, *receiver.shape[1:], sender.shape[2])
            effect.diagonal(receivers.start, 2, 3).zero_()  # no self-edges
            incoming_DBN[:, jets, receivers] = effect.sum(3)
        return incoming_DBN

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        receiver_HBN, sender_HBN, w2_KH, w3_DK = ctx.saved_tensors
        (gradient_DBN,) = gradients
        edges = _Edges(w2_KH, w3_DK, ctx.activation)
        g_receiver, g_sender = torch.zeros_like(receiver_HBN), torch.zeros_like(sender_HBN)
        g_w2, g_w3 = torch.zeros_like(w2_KH), torch.zeros_like(w3_DK)
        for jets, receivers in _blocks(receiver_HBN):
            receiver, sender = receiver_HBN[:, jets, receivers], sender_HBN[:, jets]
            h1, h2, effect = edges.forward(receiver, sender)
            g3 = edges.take("g3", *effect.shape)
            graph = g3.view(-1, *receiver.shape[1:], sender.shape[2])
            graph.copy_(gradient_DBN[:, jets, receivers, None])
            graph.diagonal(receivers.start, 2, 3).zero_()
            edges.back(g3, effect)
            g_w3.addmm_(g3, h2.T)
            g2 = torch.mm(w3_DK[:, :-1].T, g3, out=edges.take("g2", len(w2_KH), g3.shape[1]))
            edges.back(g2, h2[:-1])
            g_w2.addmm_(g2, h1.T)
            g1 = torch.mm(w2_KH[:, :-1].T, g2, out=edges.take("g1", len(h1) - 1, g2.shape[1]))
            graph = edges.back(g1, h1[:-1]).view(-1, *receiver.shape[1:], sender.shape[2])
            g_receiver[:, jets, receivers] = graph.sum(3)
            g_sender[:, jets] += graph.sum(2)
        return g_receiver, g_sender, g_w2, g_w3, None
