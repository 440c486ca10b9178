"""First layer of the CNN on images that are mostly zero, by a C++ kernel: kernels/sparse_image.cpp.

Convolution, batch normalisation and the maximum over squares, as in raysearch/models/image_network.py: the
same function but for rounding, in single precision on a CPU, on one thread. A normalisation with positive
weights rises, one with negative weights falls, so that the square's maximum of it is that of the
convolution's largest or least value, and only its sums over all cells have to be known besides.

Shapes in names: B jets, F filters, S squares along a side, K cells of a filter.
"""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any, cast

import torch
import torch.nn.functional as F  # noqa: N812 - the usual name
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from raysearch.models.kernels import build
from raysearch.models.kernels.noted import note
from raysearch.models.kernels.pointer import padded, pointer

_SOURCE = Path(__file__).parent / "kernels" / "sparse_image.cpp"
_NOWHERE = -1


class _Sizes(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_int32) for name in ("side", "kernel", "filters", "pool"))


def sparse_kernel(filters: int) -> ctypes.CDLL | None:
    """Compile the kernel, or load it; None, with a warning, where that cannot be done."""
    return note(build.load(_SOURCE, (("FP", padded(filters)),)))


def first_layer(
    library: ctypes.CDLL, images_B1XX: Tensor, convolution: nn.Conv2d, norm: nn.BatchNorm2d, pool: int
) -> Tensor:
    """Convolve, normalise and pool images; returns (B, F, S, S), and moves the running means in training."""
    sign_F = torch.where(norm.weight < 0, -1.0, 1.0)
    bias_F = convolution.get_parameter("bias")
    pooled, sum_F, squares_F = _SparseConvolution.apply(
        images_B1XX, convolution.weight, sign_F, pool, library
    )
    if norm.training:
        n = images_B1XX.numel()
        mean_F = sum_F / n
        variance_F = squares_F / n - mean_F**2
        _remember(norm, (mean_F + bias_F).detach(), variance_F.detach() * (n / (n - 1)))
        # The bias goes away with the mean: its gradient is zero, but it is there.
        shift_F = 0.0 * bias_F - mean_F
    else:
        variance_F, shift_F = norm.get_buffer("running_var"), bias_F - norm.get_buffer("running_mean")
    scale_F = norm.weight * torch.rsqrt(variance_F + norm.eps)
    return torch.addcmul(_wide(norm.bias), pooled + _wide(shift_F), _wide(scale_F))


def _wide(values_F: Tensor) -> Tensor:
    """One value for each filter, (F, 1, 1)."""
    return values_F.to(torch.float32)[:, None, None]


@torch.no_grad()
def _remember(norm: nn.BatchNorm2d, mean_F: Tensor, variance_F: Tensor) -> None:
    """Move the running mean and variance, as torch's normalisation does."""
    norm.get_buffer("num_batches_tracked").add_(1)
    for name, moment_F in (("running_mean", mean_F), ("running_var", variance_F)):
        norm.get_buffer(name).lerp_(moment_F.to(torch.float32), cast("float", norm.momentum))


class _SparseConvolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *given: Any) -> tuple[Tensor, Tensor, Tensor]:  # noqa: ANN401
        images, weight, sign_F, pool, library = given
        images = images.contiguous()
        n_jets, _, side, _ = images.shape
        filters, _, kernel, _ = weight.shape
        more = padded(filters) - filters
        sizes = _Sizes(side, kernel, filters, pool)
        w_KF = F.pad(weight.flatten(1).T, (0, more)).contiguous()
        signs = F.pad(sign_F, (0, more))
        pooled = images.new_zeros(n_jets, filters, side // pool, side // pool)
        place = torch.full(pooled.shape, _NOWHERE, dtype=torch.int32)
        sums = torch.empty(2, padded(filters), dtype=torch.float64)
        library.sparse_forward(
            ctypes.byref(sizes), ctypes.c_int(n_jets), *map(pointer, (images, w_KF, signs, pooled)),
            pointer(place, torch.int32), *(pointer(each, torch.float64) for each in sums),
        )  # fmt: skip
        ctx.save_for_backward(images, w_KF, place)
        ctx.sizes, ctx.library, ctx.shape = sizes, library, weight.shape
        return pooled, sums[0, :filters], sums[1, :filters]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        images, w_KF, place = ctx.saved_tensors
        filters, more = ctx.sizes.filters, w_KF.shape[1] - ctx.sizes.filters
        g_pooled = gradients[0].contiguous()
        g_sums = [F.pad(each.to(torch.float32), (0, more)) for each in gradients[1:]]
        g_w_KF = torch.empty(w_KF.shape, dtype=torch.float64)
        ctx.library.sparse_backward(
            ctypes.byref(ctx.sizes), ctypes.c_int(len(images)), *map(pointer, (images, w_KF)),
            pointer(place, torch.int32), *map(pointer, (g_pooled, *g_sums)), pointer(g_w_KF, torch.float64),
        )  # fmt: skip
        g_weight = g_w_KF[:, :filters].T.to(torch.float32).reshape(ctx.shape)
        return None, g_weight, None, None, None
