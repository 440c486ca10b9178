"""Convolutions of few filters, in forms that fill a CPU's vector registers: the same functions but for rounding.

A kernel for CPUs computes 16 filters at a time; with 8, half of that is wasted. Along the last axis, two neighbouring
output cells 2q and 2q + 1 are taken for one cell with twice the filters, and two neighbouring input cells for one with
twice the channels: with x_{m s} = x_{2m + s}, y_{q r} = y_{2q + r},

    y_{q r} = sum_m sum_s w'_{r s m} x_{q + m, s},    w'_{r s m} = w_{2m + s - r}  or 0.                           (1)

Where channels lie last in memory, both regroupings are free. A kernel of 5 has 6 taps then, at twice the speed.

The gradient of a convolution of one channel with respect to its input has one filter. It is computed as the products of
the output's gradient with each tap of the last two axes, as if those taps were filters, shifted and added up (``fold``).

Both are autograd functions of their own, with first derivatives only.

Shapes in names: B showers, C channels, O filters, X, Y, Z cells along x, y and layer, R and S which of a pair, M pairs of taps.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the usual name
from torch import Tensor
from torch.autograd.function import once_differentiable

from raysearch.models.gan3d_shape import Pads
from raysearch.models.gan3d_upsampling import padded

LANES = 16  # single-precision numbers in the widest vector register
_NO_PADS = ((0, 0), (0, 0), (0, 0))
_PLAIN = ([1, 1, 1], [0, 0, 0], [1, 1, 1], False, [0, 0, 0], 1)  # stride, padding, dilation, transposed, .., groups


def input_gradient(grad: Tensor, x: Tensor, weight: Tensor) -> Tensor:
    """Give a valid convolution's gradient with respect to its input."""
    return torch.ops.aten.convolution_backward(grad, x, weight, None, *_PLAIN, [True, False, False])[0]


def weight_gradient(grad: Tensor, x: Tensor, weight: Tensor) -> Tensor:
    """Give a valid convolution's gradient with respect to its kernel."""
    return torch.ops.aten.convolution_backward(grad, x, weight, None, *_PLAIN, [False, True, False])[1]


class PairedConvolution(torch.autograd.Function):
    """A convolution in which pairs of cells of the last axis are one: x (B, C, X, Y, Z), w (O, C, ...), b (O,), pads."""

    @staticmethod
    def forward(ctx: Any, x_BCXYZ: Tensor, weight: Tensor, bias_O: Tensor, pads: Pads) -> Tensor:  # noqa: ANN401, D102
        cells = x_BCXYZ.shape[4] + sum(pads[2]) - weight.shape[4] + 1
        pairs_in = (cells + 1) // 2 + weight.shape[4] // 2
        x_pairs = _as_pairs(x_BCXYZ, pads, pairs_in)
        w_pairs = _paired_kernel(weight)
        ctx.save_for_backward(x_pairs, weight, w_pairs)
        ctx.wanted = [slice(before, before + n) for (before, _), n in zip(pads, x_BCXYZ.shape[2:], strict=True)]
        return _as_cells(F.conv3d(x_pairs, w_pairs, bias_O.repeat(2)))[..., :cells]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401, D102
        x_pairs, weight, w_pairs = ctx.saved_tensors
        grad_pairs = _as_pairs(grad, _NO_PADS, x_pairs.shape[4] - w_pairs.shape[4] + 1)
        x_grad = w_grad = b_grad = None
        if ctx.needs_input_grad[0]:
            if weight.shape[1] < LANES:
                x_padded = _as_cells(input_gradient(grad_pairs, x_pairs, w_pairs))
            else:  # its filters are the channels, enough of them as they are
                grad_cells = _as_cells(grad_pairs)
                read = grad_cells.shape[4] + weight.shape[4] - 1
                x_padded = input_gradient(grad_cells, _as_cells(x_pairs)[..., :read], weight)
            x_grad = x_padded[:, :, *ctx.wanted]
        if ctx.needs_input_grad[1]:
            w_grad = _plain_kernel(weight_gradient(grad_pairs, x_pairs, w_pairs), weight)
        if ctx.needs_input_grad[2]:
            b_grad = grad.sum((0, 2, 3, 4))
        return x_grad, w_grad, b_grad, None


class OneChannelConvolution(torch.autograd.Function):
    """A convolution of one channel: x (B, 1, X, Y, Z), w (O, 1, ...), b (O,), pads."""

    @staticmethod
    def forward(ctx: Any, x_B1XYZ: Tensor, weight: Tensor, bias_O: Tensor, pads: Pads) -> Tensor:  # noqa: ANN401, D102
        x_padded = padded(x_B1XYZ, pads)
        ctx.save_for_backward(x_padded, weight)
        ctx.wanted = [slice(before, before + n) for (before, _), n in zip(pads, x_B1XYZ.shape[2:], strict=True)]
        return F.conv3d(x_padded, weight, bias_O)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401, D102
        x_padded, weight = ctx.saved_tensors
        grad = grad.contiguous(memory_format=torch.channels_last_3d)
        x_grad = w_grad = b_grad = None
        if ctx.needs_input_grad[0]:
            x_grad = _one_channel_gradient(grad, weight)[:, :, *ctx.wanted]
        if ctx.needs_input_grad[1]:
            w_grad = weight_gradient(grad, x_padded, weight)
        if ctx.needs_input_grad[2]:
            b_grad = grad.sum((0, 2, 3, 4))
        return x_grad, w_grad, b_grad, None


def _one_channel_gradient(grad_BOXYZ: Tensor, weight_O1XYZ: Tensor) -> Tensor:
    kx, ky, kz = weight_O1XYZ.shape[2:]
    b, _, x, y, z = grad_BOXYZ.shape
    taps = weight_O1XYZ[:, 0].flip(1).permute(2, 3, 0, 1).reshape(ky * kz, -1, kx, 1, 1)
    taps = taps.contiguous(memory_format=torch.channels_last_3d)
    products = F.conv3d(grad_BOXYZ, taps, padding=(kx - 1, 0, 0))  # (B, taps, X, Y, Z)
    columns = products.transpose(1, 2).reshape(b * products.shape[2], ky * kz, y * z)
    return F.fold(columns, (y + ky - 1, z + kz - 1), (ky, kz)).view(b, 1, x + kx - 1, y + ky - 1, z + kz - 1)


def _as_pairs(x_BCXYZ: Tensor, pads: Pads, pairs: int) -> Tensor:
    """Add zeros, at the end of the last axis as many as make so many pairs, and take these for cells."""
    before, _ = pads[2]
    x_padded = padded(x_BCXYZ, (pads[0], pads[1], (before, 2 * pairs - before - x_BCXYZ.shape[4])))
    x_BXYZC = x_padded.contiguous(memory_format=torch.channels_last_3d).permute(0, 2, 3, 4, 1)
    return x_BXYZC.unflatten(3, (pairs, 2)).flatten(4).permute(0, 4, 1, 2, 3)


def _as_cells(x_pairs: Tensor) -> Tensor:
    """Take pairs apart again."""
    x_BXYZC = x_pairs.contiguous(memory_format=torch.channels_last_3d).permute(0, 2, 3, 4, 1)
    return x_BXYZC.unflatten(4, (2, -1)).flatten(3, 4).permute(0, 4, 1, 2, 3)


@lru_cache(maxsize=64)
def _places(kernel: int) -> Tensor:
    """Say which tap is at each place of a paired kernel: (R, S, M, tap), 1 where it is."""  # Eq. (1)
    r, s, m, t = torch.meshgrid(
        torch.arange(2), torch.arange(2), torch.arange(kernel // 2 + 1), torch.arange(kernel), indexing="ij"
    )
    return (2 * m + s == r + t).float()


def _paired_kernel(weight: Tensor) -> Tensor:
    w_ROSCXYM = torch.einsum("ocxyt,rsmt->roscxym", weight, _places(weight.shape[4]).to(weight))
    return w_ROSCXYM.flatten(2, 3).flatten(0, 1).contiguous(memory_format=torch.channels_last_3d)


def _plain_kernel(w_pairs: Tensor, weight: Tensor) -> Tensor:
    """Add up what a paired kernel says of each tap of the plain one."""
    w_ROSCXYM = w_pairs.unflatten(1, (2, -1)).unflatten(0, (2, -1))
    return torch.einsum("roscxym,rsmt->ocxyt", w_ROSCXYM, _places(weight.shape[4]).to(weight))
