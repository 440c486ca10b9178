"""The sum over a constituent's incoming edges in JEDI-net by a C++ kernel, kernels/interaction.cpp.

arXiv:1908.05318, section 4. Single precision on a CPU, with products in single precision or of numbers
rounded to bfloat16, on as many threads as torch has, with the same bits on any number; the backward pass
computes the edges' values again. The same function as
:class:`raysearch.models.interaction_edges.IncomingEffects`, here with every jet in a block of its own.

Shapes in names: X nodes of all jets, P features, H hidden, K second hidden, D effect.
"""

from __future__ import annotations

import ctypes
import functools
import logging
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
from raysearch.models.kernels.noted import COMPILED, COMPILED_BF16, note
from raysearch.models.kernels.pointer import checked, pointer

logger = logging.getLogger(__name__)

_SOURCE = Path(__file__).parent / "kernels" / "interaction.cpp"


class _Sizes(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_int32) for name in ("hidden", "second", "effect", "is_elu")),
        *((name, ctypes.c_float) for name in ("alpha", "scale")),
    )


class _Given(ctypes.Structure):
    _fields_ = (
        ("sizes", ctypes.POINTER(_Sizes)),
        ("n_jets", ctypes.c_int64),
        ("jets", ctypes.c_void_p),
        ("threads", ctypes.c_int32),
        *((name, ctypes.c_void_p) for name in ("receiver", "sender", "w2", "b2", "w3", "b3")),
    )


class _Gradients(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_void_p) for name in ("receiver", "sender", "weights"))


class FusedRelation:
    """A compiled kernel for f_R of one activation."""

    def __init__(self, library: ctypes.CDLL, activation: str) -> None:
        self._library, self._activation = library, activation

    def forward(self, jets: NDArray[np.int32], tensors: Sequence[Tensor], incoming_XD: Tensor) -> None:
        """Call the kernel: receiver, sender, w2, b2, w3, b3."""
        checked(self._library.interaction_forward(self._given(jets, tensors), pointer(incoming_XD)))

    def backward(
        self,
        jets: NDArray[np.int32],
        tensors: Sequence[Tensor],
        g_incoming_XD: Tensor,
        gradients: Sequence[Tensor],
    ) -> None:
        """Call the kernel: receiver, sender, w2, b2, w3, b3; gradients of the first two, and of all weights.

        The latter are in double precision, one behind another.
        """
        *g_nodes, g_weights = gradients
        to = _Gradients(*map(pointer, g_nodes), pointer(g_weights, torch.float64))
        checked(
            self._library.interaction_backward(
                self._given(jets, tensors), pointer(g_incoming_XD), ctypes.byref(to)
            )
        )

    def _given(self, jets: NDArray[np.int32], tensors: Sequence[Tensor]) -> Any:  # noqa: ANN401
        _, _, w2_KH, _, w3_DK, _ = tensors
        alpha, scale = ELU.get(self._activation, (0.0, 1.0))
        sizes = _Sizes(w2_KH.shape[1], *w3_DK.shape[::-1], self._activation in ELU, alpha, scale)
        given = _Given(
            ctypes.pointer(sizes),
            len(jets),
            ctypes.c_void_p(jets.ctypes.data),
            torch.get_num_threads(),
            *map(pointer, tensors),
        )
        return ctypes.byref(given)


def fused_relation(activation: str, *, bf16: bool) -> FusedRelation | None:
    """Compile the kernel, or load it.

    Args:
        activation: of f_R.
        bf16: multiply numbers rounded to bfloat16; where the processor has no such products, the kernel in
            single precision is taken, with a warning.

    Returns:
        None, with a warning, where no kernel can be had.
    """
    library = build.load(_SOURCE, (("BF16", int(bf16)),))
    if bf16 and library is not None and not hasattr(library, "interaction_forward"):
        warn_of_single_precision()
        return fused_relation(activation, bf16=False)
    note(library, COMPILED_BF16 if bf16 else COMPILED)
    return None if library is None else FusedRelation(library, activation)


@functools.cache
def warn_of_single_precision() -> None:
    """Say once that bfloat16 products were asked for in vain."""
    logger.warning(
        "fused_bf16: no bfloat16 products on this processor, the kernel in single precision is used"
    )


def fused_incoming_effects(
    relation: FusedRelation, x_XP: Tensor, layers: Sequence[nn.Linear], blocks: Sequence[JetBlock]
) -> Tensor:
    """Sum the effects of each node's incoming edges, Ebar (X, D), of f_R's three layers."""
    first, *others = layers
    features = x_XP.shape[1]
    # W [I_i ; I_j] = W_r I_i + W_s I_j (section 4's B is never made)
    receiver_XH = F.linear(x_XP, first.weight[:, :features], first.bias)
    sender_XH = F.linear(x_XP, first.weight[:, features:])
    weights = [values for layer in others for values in (layer.weight, layer.bias)]
    jets = np.array([(block.nodes, block.copies) for block in blocks for _ in range(block.jets)], np.int32)
    return _FusedIncomingEffects.apply(receiver_XH, sender_XH, *weights, relation, jets)


class _FusedIncomingEffects(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *given: Any) -> Tensor:  # noqa: ANN401
        *tensors, relation, jets = given
        tensors = [values.contiguous() for values in tensors]
        ctx.save_for_backward(*tensors)
        ctx.relation, ctx.jets = relation, jets
        receiver_XH, b3_D = tensors[0], tensors[-1]
        incoming_XD = receiver_XH.new_empty(len(receiver_XH), len(b3_D))
        relation.forward(jets, tensors, incoming_XD)
        return incoming_XD

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        nodes, weights = ctx.saved_tensors[:2], ctx.saved_tensors[2:]
        g_nodes = [torch.empty_like(values) for values in nodes]
        sizes = [values.numel() for values in weights]
        g_weights = torch.empty(sum(sizes), dtype=torch.float64)
        ctx.relation.backward(ctx.jets, ctx.saved_tensors, gradients[0].contiguous(), (*g_nodes, g_weights))
        of_each = zip(g_weights.float().split(sizes), weights, strict=True)
        return (*g_nodes, *(g.view_as(values) for g, values in of_each), None, None)
