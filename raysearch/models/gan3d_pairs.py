"""Convolutions of few filters in forms that fill a CPU's vector registers; the same but for rounding.

A kernel for CPUs computes 16 filters at a time; with 8, half of that is wasted. Along the last axis, two
neighbouring output cells 2q and 2q + 1 are taken for one cell with twice the filters, and two neighbouring
input cells for one with twice the channels: with x_{m s} = x_{2m + s}, y_{q r} = y_{2q + r},

    y_{q r} = sum_m sum_s w'_{r s m} x_{q + m, s},    w'_{r s m} = w_{2m + s - r}  or 0.                 (1)

Where channels lie last in memory, both regroupings are free. A kernel of 5 has 6 taps then, at twice the
speed.

The gradient of a convolution of one channel with respect to its input has one filter. It is computed as
the products of the output's gradient with each tap of the last two axes, as if those taps were filters,
shifted and added up (``fold``).

Both are autograd functions of their own, with first derivatives only.

Shapes in names: B showers, C channels, O filters, X, Y, Z cells along x, y and layer, R and S which of a
pair, M pairs of taps.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the usual name
from torch import Tensor
from torch.autograd.function import once_differentiable

from raysearch.models.gan3d_shape import Triple

Context = Any  # torch types none of what it hands to an autograd function
LANES = 16  # single-precision numbers in the widest vector register


class PairedConvolution(torch.autograd.Function):
    """A convolution by pairs of cells: x (B, C, X, Y, Z), w (O, C, ...), b (O,), zeros on both sides."""

    @staticmethod
    def forward(  # noqa: D102 - as torch has it
        ctx: Context, x_BCXYZ: Tensor, weight: Tensor, bias_O: Tensor, zeros: Triple
    ) -> Tensor:
        cells = x_BCXYZ.shape[4] + 2 * zeros[2] - weight.shape[4] + 1
        x_pairs = _as_pairs(x_BCXYZ, zeros[2], (cells + 1) // 2 + weight.shape[4] // 2)
        w_pairs = _paired_kernel(weight)
        ctx.save_for_backward(x_pairs, weight, w_pairs)
        ctx.zeros, ctx.size = zeros, x_BCXYZ.shape
        return _as_cells(F.conv3d(x_pairs, w_pairs, bias_O.repeat(2), padding=(*zeros[:2], 0)))[..., :cells]

    @staticmethod
    @once_differentiable
    def backward(ctx: Context, grad: Tensor) -> tuple[Tensor | None, ...]:  # noqa: D102
        x_pairs, weight, w_pairs = ctx.saved_tensors
        wants_x, wants_w, wants_b, _ = ctx.needs_input_grad
        grad = grad.contiguous(memory_format=torch.channels_last_3d)
        grad_pairs = _as_pairs(grad, 0, x_pairs.shape[4] - w_pairs.shape[4] + 1)
        x_by_pairs = wants_x and weight.shape[1] < LANES  # its gradient has as many filters as x has channels
        x_grad, w_grad = _gradients(grad_pairs, x_pairs, w_pairs, (*ctx.zeros[:2], 0), (x_by_pairs, wants_w))
        if x_by_pairs:
            x_grad = _as_cells(x_grad)[..., ctx.zeros[2] : ctx.zeros[2] + ctx.size[4]]
        elif wants_x:
            x_grad, _ = _gradients(grad, _empty(ctx.size, grad), weight, ctx.zeros, (True, False))
        if wants_w:
            w_grad = _plain_kernel(w_grad, weight)
        return x_grad, w_grad, grad.sum((0, 2, 3, 4)) if wants_b else None, None


class OneChannelConvolution(torch.autograd.Function):
    """A convolution of one channel: x (B, 1, X, Y, Z), w (O, 1, ...), b (O,), zeros on both sides."""

    @staticmethod
    def forward(  # noqa: D102
        ctx: Context, x_B1XYZ: Tensor, weight: Tensor, bias_O: Tensor, zeros: Triple
    ) -> Tensor:
        ctx.save_for_backward(x_B1XYZ, weight)
        ctx.zeros = zeros
        return F.conv3d(x_B1XYZ, weight, bias_O, padding=zeros)

    @staticmethod
    @once_differentiable
    def backward(ctx: Context, grad: Tensor) -> tuple[Tensor | None, ...]:  # noqa: D102
        x_B1XYZ, weight = ctx.saved_tensors
        wants_x, wants_w, wants_b, _ = ctx.needs_input_grad
        grad = grad.contiguous(memory_format=torch.channels_last_3d)
        x_grad = _one_channel_gradient(grad, weight, ctx.zeros) if wants_x else None
        _, w_grad = _gradients(grad, x_B1XYZ, weight, ctx.zeros, (False, wants_w))
        return x_grad, w_grad, grad.sum((0, 2, 3, 4)) if wants_b else None, None


def _gradients(
    grad: Tensor, x: Tensor, weight: Tensor, zeros: Triple, wanted: tuple[bool, bool]
) -> tuple[Tensor, Tensor]:
    """Give a convolution's gradients with respect to its input and its kernel, where wanted."""
    once, none = [1, 1, 1], [0, 0, 0]
    x_grad, w_grad, _ = torch.ops.aten.convolution_backward(
        grad, x, weight, None, once, list(zeros), once, False, none, 1, [*wanted, False]
    )  # stride, zeros, dilation, transposed, output zeros, groups
    return x_grad, w_grad


def _one_channel_gradient(grad_BOXYZ: Tensor, weight_O1XYZ: Tensor, zeros: Triple) -> Tensor:
    kx, ky, kz = weight_O1XYZ.shape[2:]
    b, _, _, y, z = grad_BOXYZ.shape
    taps = weight_O1XYZ[:, 0].flip(1).permute(2, 3, 0, 1).reshape(ky * kz, -1, kx, 1, 1)
    taps = taps.contiguous(memory_format=torch.channels_last_3d)
    products = F.conv3d(grad_BOXYZ, taps, padding=(kx - 1 - zeros[0], 0, 0))  # (B, taps, X, Y, Z)
    columns = products.transpose(1, 2).reshape(-1, ky * kz, y * z)
    made = (y + ky - 1 - 2 * zeros[1], z + kz - 1 - 2 * zeros[2])
    return F.fold(columns, made, (ky, kz), padding=zeros[1:]).view(b, 1, -1, *made)


def _as_pairs(x_BCXYZ: Tensor, before: int, pairs: int) -> Tensor:
    """Add zeros before and after the last axis, to so many pairs of cells, and take these for cells."""
    x_padded = F.pad(x_BCXYZ, (before, 2 * pairs - before - x_BCXYZ.shape[4]))
    x_BXYZC = x_padded.contiguous(memory_format=torch.channels_last_3d).permute(0, 2, 3, 4, 1)
    return x_BXYZC.unflatten(3, (pairs, 2)).flatten(4).permute(0, 4, 1, 2, 3)


def _as_cells(x_pairs: Tensor) -> Tensor:
    """Take pairs apart again."""
    x_BXYZC = x_pairs.contiguous(memory_format=torch.channels_last_3d).permute(0, 2, 3, 4, 1)
    return x_BXYZC.unflatten(4, (2, -1)).flatten(3, 4).permute(0, 4, 1, 2, 3)


def _empty(size: torch.Size, like: Tensor) -> Tensor:
    return torch.empty(size, dtype=like.dtype, device=like.device, memory_format=torch.channels_last_3d)


@lru_cache(maxsize=64)
@torch.inference_mode(mode=False)  # kept: what is made in inference mode could never be trained with
def _places(kernel: int) -> Tensor:
    """Say which tap is at each place of a paired kernel: (R, S, M, tap), 1 where it is."""
    r, s, m, t = torch.meshgrid(
        torch.arange(2), torch.arange(2), torch.arange(kernel // 2 + 1), torch.arange(kernel), indexing="ij"
    )
    return (2 * m + s == r + t).float()  # Eq. (1)


def _paired_kernel(weight: Tensor) -> Tensor:
    w_ROSCXYM = torch.einsum("ocxyt,rsmt->roscxym", weight, _places(weight.shape[4]).to(weight))
    return w_ROSCXYM.flatten(2, 3).flatten(0, 1).contiguous(memory_format=torch.channels_last_3d)


def _plain_kernel(w_pairs: Tensor, weight: Tensor) -> Tensor:
    """Add up what a paired kernel says of each tap of the plain one."""
    w_ROSCXYM = w_pairs.unflatten(1, (2, -1)).unflatten(0, (2, -1))
    return torch.einsum("roscxym,rsmt->ocxyt", w_ROSCXYM, _places(weight.shape[4]).to(weight))
