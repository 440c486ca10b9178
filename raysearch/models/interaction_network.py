"""JEDI-net, the interaction network for jets: Moreno et al., arXiv:1908.05318, sections 4 and 5.

A jet is a fully connected directed graph of its constituents without self-edges. With I the
constituents' features, f_R, f_O and phi_C three perceptrons and sums over a constituent's incoming edges,

    (1)  E_ij = f_R([I_i ; I_j])  for receiver i and sender j != i,    (2)  Ebar_i = sum_j E_ij,
    (3)  O_i = f_O([I_i ; Ebar_i]),    (4)  logits = phi_C(O_1, ..., O_N)  or  phi_C(sum_i O_i).

The numbers are this file's; the paper has the steps in section 4 as B = [I R_R ; I R_S], E = f_R(B), Ebar = E
R_R^T, C = [I ; Ebar], O = f_O(C). It multiplies by one-hot matrices R_R and R_S that pick receivers and
senders. Here the first layer of f_R is split, W [I_i ; I_j] = W_r I_i + W_s I_j, so that neither those
matrices nor the pairs of features exist (raysearch/models/interaction_edges.py), and a jet's padding is one
node that counts as many times as there are zero rows (raysearch/models/interaction_nodes.py): the same
function, and the same parameters.

Shapes in names: B jets, N constituents, P features, X different nodes of all jets, H hidden, D effect,
O output; C what a classifier gets.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F  # noqa: N812 - the usual name
from torch import Tensor, nn

from raysearch.errors import InputError, one_of
from raysearch.models.interaction_edges import IncomingEffects, block_edges
from raysearch.models.interaction_fused import FusedRelation, fused_incoming_effects, fused_relation
from raysearch.models.interaction_nodes import JetBlock, find_nodes

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"relu": F.relu, "elu": F.elu, "selu": F.selu}
AGGREGATIONS = ("flatten", "sum")
MEMORY = ("fast", "recompute")
KERNELS = ("torch", "fused")
RELATION_KERNELS = (*KERNELS, "fused_bf16")


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


def how_problems(memory: str, kernel: str) -> list[str]:
    """Say what is wrong with the way an :class:`InteractionNetwork` is to compute."""
    return [
        f"{name}: needs {one_of(allowed)}, got {value!r}"
        for name, value, allowed in (("memory", memory, MEMORY), ("kernel", kernel, RELATION_KERNELS))
        if value not in allowed
    ]


class InteractionNetwork(nn.Module):
    """JEDI-net. Parameters are named and shaped as in the authors' weight files: ``fr1`` ... ``fc3``.

    Args:
        shape: what it looks like.
        memory: ``"fast"`` keeps the hidden values of all edges for the backward pass, ``"recompute"``
            computes them a second time there.
        kernel: ``"fused"`` takes a C++ kernel for f_R in single precision on a CPU, compiled when it is
            first needed (a few seconds, once per machine), and recomputes whatever ``memory`` says. Where
            there is no compiler, and in other precisions or on other devices, it is as ``"torch"``.
            ``"fused_bf16"`` is that kernel with products of numbers rounded to bfloat16, sums in single
            precision: quicker where the processor has such products (else as ``"fused"``, with a
            warning), and another function in the third digit.

    But for ``"fused_bf16"`` all these are one function but for rounding, and all have the same parameters.
    Under ``torch.autocast`` f_R, the bulk of the work, keeps the weights' precision; f_O and phi_C take the
    lower one.

    Raises:
        InputError: for another ``memory`` or ``kernel``; lists both.
    """

    def __init__(
        self, shape: InteractionNetworkShape, *, memory: str = "fast", kernel: str = "torch"
    ) -> None:
        super().__init__()
        if problems := how_problems(memory, kernel):
            raise InputError(*problems)
        self.shape, self.memory, self.kernel = shape, memory, kernel
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
            x_BNP: constituents (B, N, P), ordered by falling transverse momentum and zero padded. Where a
                gradient with respect to them is wanted, padding saves no time.

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
        # Rows of zeros that are one node would share one gradient, where each row's own is asked for.
        wants_gradient = x_BNP.requires_grad and torch.is_grad_enabled()
        fused = self._fused(x_BNP)
        most_edges = 0 if fused else block_edges(x_BNP.device)
        nodes = find_nodes(x_BNP, most_edges, merge=not wants_gradient)
        x_XP = x_BNP.reshape(-1, expected[1])[nodes.rows_X]
        # our own gradients know one precision: the weights'
        with torch.autocast(x_BNP.device.type, enabled=False):
            if fused:
                layers = (self.fr1, self.fr2, self.fr3)
                incoming_XD = fused_incoming_effects(fused, x_XP, layers, nodes.blocks)  # (1), (2)
            else:
                incoming_XD = self._incoming(x_XP, nodes.blocks)  # (1), (2)
        act = ACTIVATIONS[self.shape.activation_object]  # of all three layers, as in the authors' code
        c_XC = torch.cat([x_XP, incoming_XD], dim=1)  # C of section 4
        o_XO = act(self.fo3(act(self.fo2(act(self.fo1(c_XC))))))  # (3)
        # Back to all constituents; as a look-up, whose gradient adds up what the padding's one
        # node has caused.
        o_BNO = F.embedding(nodes.node_BN, o_XO)
        o_BC = o_BNO.flatten(1) if self.shape.aggregation == "flatten" else o_BNO.sum(1)
        act = ACTIVATIONS[self.shape.activation_classifier]  # of hidden layers only: logits keep their range
        return self.fc3(act(self.fc2(act(self.fc1(o_BC)))))  # (4)

    def _incoming(self, x_XP: Tensor, blocks: list[JetBlock]) -> Tensor:
        """Sum the effects of each node's incoming edges, Ebar (X, D)."""
        # W [I_i ; I_j] + b = (W_r I_i + b) + W_s I_j: per node and not per edge, of which
        # there are N - 1 a node.
        features = x_XP.shape[1]
        receiver_HX = torch.addmm(self.fr1.bias[:, None], self.fr1.weight[:, :features], x_XP.T)
        sender_HX = self.fr1.weight[:, features:] @ x_XP.T
        incoming_DX = IncomingEffects.apply(
            receiver_HX,
            sender_HX,
            torch.cat([self.fr2.weight, self.fr2.bias[:, None]], dim=1),
            torch.cat([self.fr3.weight, self.fr3.bias[:, None]], dim=1),
            self.shape.activation_relation,
            blocks,
            self.memory == "fast" and torch.is_grad_enabled(),
        )
        return incoming_DX.T

    def _fused(self, x_BNP: Tensor) -> FusedRelation | None:
        """Get the compiled kernel where it is wanted, fits and can be had."""
        if self.kernel == "torch" or x_BNP.device.type != "cpu" or x_BNP.dtype != torch.float32:
            return None
        return fused_relation(self.shape.activation_relation, bf16=self.kernel == "fused_bf16")
