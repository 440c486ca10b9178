"""The sum over a constituent's incoming edges in JEDI-net by a C++ kernel, kernels/interaction.cpp.

arXiv:1908.05318, section 4. Single precision on a CPU, one thread; the backward pass computes the
edges' values again. The same function as :class:`raysearch.models.interaction_edges.IncomingEffects`,
here with every jet in a block of its own.

Shapes in names: X nodes of all jets, P features, H hidden, K second hidden, D effect.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the usual name
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from raysearch.models.interaction_edges import ELU
from raysearch.models.interaction_nodes import JetBlock
from raysearch.models.kernels import build
from raysearch.models.kernels.noted import note
from raysearch.models.kernels.pointer import padded, pointer

_SOURCE = Path(__file__).parent / "kernels" / "interaction.cpp"


class _Sizes(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_int32) for name in ("hidden", "second", "effect", "is_elu")),
        *((name, ctypes.c_float) for name in ("alpha", "scale")),
    )


class _Gradients(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_void_p) for name in ("receiver", "sender", "w2", "b2", "w3", "b3"))


class FusedRelation:
    """A compiled kernel for f_R of one size and activation."""

    def __init__(self, library: ctypes.CDLL, sizes: _Sizes) -> None:
        self.library, self.sizes = library, sizes

    def forward(self, jets: NDArray[np.int32], *tensors: Tensor) -> None:
        """Call the kernel: receiver, sender, w2t, b2, w3t, b3, incoming."""
        self.library.interaction_forward(*self._common(jets), *map(pointer, tensors))

    def backward(
        self, jets: NDArray[np.int32], tensors: Sequence[Tensor], gradients: Sequence[Tensor]
    ) -> None:
        """Call the kernel: receiver, sender, w2, w2t, b2, w3, w3t, b3, g_incoming; gradients: _Gradients."""
        to = _Gradients(*map(pointer, gradients))
        self.library.interaction_backward(*self._common(jets), *map(pointer, tensors), ctypes.byref(to))

    def _common(self, jets: NDArray[np.int32]) -> tuple[Any, ...]:
        return ctypes.byref(self.sizes), ctypes.c_int(len(jets)), ctypes.c_void_p(jets.ctypes.data)


def fused_relation(hidden: int, second: int, effect: int, activation: str) -> FusedRelation | None:
    """Compile the kernel, or load it; None, with a warning, where that cannot be done."""
    # Padded sizes alone are compiled in, so that a search over sizes needs a library for each multiple of 16.
    constants = {"HP": padded(hidden), "KP": padded(second), "DP": padded(effect)}
    library = note(build.load(_SOURCE, tuple(constants.items())))
    if library is None:
        return None
    alpha, scale = ELU.get(activation, (0.0, 1.0))
    return FusedRelation(library, _Sizes(hidden, second, effect, activation in ELU, alpha, scale))


def fused_incoming_effects(
    relation: FusedRelation, x_XP: Tensor, layers: Sequence[nn.Linear], blocks: Sequence[JetBlock]
) -> Tensor:
    """Sum the effects of each node's incoming edges, Ebar (X, D), of f_R's three layers."""
    fr1, fr2, fr3 = layers
    features = x_XP.shape[1]
    # W [I_i ; I_j] = W_r I_i + W_s I_j (section 4's B is never made), with rows of zeros up to
    # the padded size.
    more = (0, 0, 0, padded(len(fr1.weight)) - len(fr1.weight))
    receiver_XH = F.linear(x_XP, F.pad(fr1.weight[:, :features], more), F.pad(fr1.bias, more[2:]))
    sender_XH = F.linear(x_XP, F.pad(fr1.weight[:, features:], more))
    jets = np.array([(block.nodes, block.copies) for block in blocks for _ in range(block.jets)], np.int32)
    return _FusedIncomingEffects.apply(
        receiver_XH, sender_XH, fr2.weight, fr2.bias, fr3.weight, fr3.bias, relation, jets
    )


def _weights(weight_YZ: Tensor, bias_Y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Pad a layer's weights (Y, Z + 0), their transpose (Z, Y + 0) and bias (Y + 0) for the kernel."""
    more_y, more_z = (padded(size) - size for size in weight_YZ.shape)
    return (
        F.pad(weight_YZ, (0, more_z)),
        F.pad(weight_YZ.T, (0, more_y)).contiguous(),
        F.pad(bias_Y, (0, more_y)),
    )


class _FusedIncomingEffects(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *given: Any) -> Tensor:  # noqa: ANN401
        *tensors, relation, jets = given
        ctx.save_for_backward(*tensors)
        ctx.relation, ctx.jets = relation, jets
        receiver_XH, sender_XH, w2_KH, b2_K, w3_DK, b3_D = tensors
        _, *second = _weights(w2_KH, b2_K)
        _, *third = _weights(w3_DK, b3_D)
        incoming_XD = receiver_XH.new_zeros(len(receiver_XH), len(third[1]))
        relation.forward(jets, receiver_XH, sender_XH, *second, *third, incoming_XD)
        return incoming_XD[:, : len(b3_D)]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        receiver_XH, sender_XH, w2_KH, b2_K, w3_DK, b3_D = ctx.saved_tensors
        second, third = _weights(w2_KH, b2_K), _weights(w3_DK, b3_D)
        g_XD = F.pad(gradients[0], (0, len(third[2]) - len(b3_D)))
        # Zeros for the nodes, which the kernel adds to; it writes the weights' gradients as a whole.
        g_nodes = torch.zeros_like(receiver_XH), torch.zeros_like(sender_XH)
        g_weights = [torch.empty_like(values) for values in (second[0], second[2], third[0], third[2])]
        ctx.relation.backward(
            ctx.jets, (receiver_XH, sender_XH, *second, *third, g_XD), (*g_nodes, *g_weights)
        )
        g_w2, g_b2, g_w3, g_b3 = g_weights
        hidden, second_hidden, effect = w2_KH.shape[1], len(b2_K), len(b3_D)
        return (
            *g_nodes,
            g_w2[:, :hidden],
            g_b2[:second_hidden],
            g_w3[:, :second_hidden],
            g_b3[:effect],
            None,
            None,
        )
