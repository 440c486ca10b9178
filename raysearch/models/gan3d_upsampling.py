"""A convolution of upsampled cells, without the upsampled cells.

Nearest upsampling by s writes each cell s times; a convolution with kernel w after p zeros then computes,
along one axis,

    y_o = sum_t w_t x_{floor((o + t - p) / s)}.                                                          (1)

With o = s q + r - p, of which r = 0 ... s - 1 is the phase, floor((o + t - p) / s) = q' + floor((r + t) /
s), so that all taps t that fall into the same cell j can be added up before anything is multiplied:

    y_{s q + r} = sum_j w'_{r j} x_{q + j},    w'_{r j} = sum_{t: floor((r + t) / s) = j} w_t.           (2)

That is one convolution of the small cells with as many filters as there are phases, whose outputs are then
interleaved. A kernel of 6 x 5 x 8 after upsampling by 2 has 60 taps instead of 240, one of 3 x 3 x 8 after
(2, 2, 3) has 16 instead of 72, one of 6 x 6 x 8 after 6 has 12 instead of 288. It is the same function but
for rounding; w' is made from w at each call, so that gradients are those of w.

Shapes in names: B showers, C channels, O filters, X, Y, Z cells along x, y and layer; U, V, W phases and
I, J, K taps along them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F  # noqa: N812 - the usual name
from torch import Tensor

from raysearch.models.gan3d_shape import Pads, Triple


def plain_convolution(
    x_BCXYZ: Tensor, weight_OCXYZ: Tensor, bias_O: Tensor | None, upsampling: Triple, pads: Pads
) -> Tensor:
    """Convolve as it is written down: repeat cells, add zeros, convolve; the check of all that is quicker."""
    for axis, times in enumerate(upsampling, start=2):
        if times > 1:
            x_BCXYZ = x_BCXYZ.repeat_interleave(times, dim=axis)
    return F.conv3d(padded(x_BCXYZ, pads), weight_OCXYZ, bias_O)  # Eq. (1)


def upsampled_convolution(
    x_BCXYZ: Tensor, weight_OCXYZ: Tensor, bias_O: Tensor | None, upsampling: Triple, pads: Pads
) -> Tensor:
    """Convolve upsampled cells phase by phase.

    Args:
        x_BCXYZ: small cells; best with channels last in memory, as is what comes out.
        weight_OCXYZ: kernel of the upsampled cells.
        bias_O: of the filters.
        upsampling: s along each axis.
        pads: zeros before and after the upsampled cells.

    Returns:
        As :func:`plain_convolution`, but for rounding.
    """
    axes = [
        _axis(n, k, s, before, after)
        for n, k, s, (before, after) in zip(
            x_BCXYZ.shape[2:], weight_OCXYZ.shape[2:], upsampling, pads, strict=True
        )
    ]
    sums = [axis.sums.to(weight_OCXYZ) for axis in axes]
    with torch.autocast(x_BCXYZ.device.type, enabled=False):  # sums of weights keep the weights' precision
        w_UVWOCIJK = torch.einsum("ocxyz,uix,vjy,wkz->uvwocijk", weight_OCXYZ, *sums)  # Eq. (2), w'
    bias = None if bias_O is None else bias_O.repeat(upsampling[0] * upsampling[1] * upsampling[2])
    phases = F.conv3d(
        padded(x_BCXYZ, [axis.pads for axis in axes]),
        w_UVWOCIJK.flatten(0, 3).contiguous(memory_format=torch.channels_last_3d),
        bias,
    )
    return _interleaved(phases, weight_OCXYZ.shape[0], upsampling, axes)


def padded(x_BCXYZ: Tensor, pads: Sequence[tuple[int, int]]) -> Tensor:
    """Add zeros before and after each axis."""
    x, y, z = pads
    return F.pad(x_BCXYZ, (*z, *y, *x)) if any((*x, *y, *z)) else x_BCXYZ


@dataclass(frozen=True, slots=True)
class _Axis:
    """One axis of a convolution by phases.

    Attributes:
        sums: (phase, small tap, tap), 1 where a tap is added to a small one.
        pads: zeros before and after the small cells.
        first: the first interleaved cell that is wanted.
        cells: how many are.
    """

    sums: Tensor
    pads: tuple[int, int]
    first: int
    cells: int


@lru_cache(maxsize=256)
@torch.inference_mode(mode=False)  # kept: what is made in inference mode could never be trained with
def _axis(cells: int, kernel: int, times: int, before: int, after: int) -> _Axis:
    phase, tap = torch.arange(times)[:, None], torch.arange(kernel)
    small_tap = (phase + tap) // times  # j of Eq. (2)
    taps = (times + kernel - 2) // times + 1
    sums = (small_tap[:, None, :] == torch.arange(taps)[:, None]).float()
    made = cells * times + before + after - kernel + 1
    zeros_before = -(-before // times)
    last = (made - 1 - before) // times + taps - 1  # the last small cell that is read
    return _Axis(sums, (zeros_before, max(0, last - cells + 1)), -before % times, made)


def _interleaved(phases: Tensor, filters: int, upsampling: Triple, axes: list[_Axis]) -> Tensor:
    """Put the outputs of all phases side by side; (B, U V W O, X, Y, Z) to (B, O, cells of all axes)."""
    b, (x, y, z) = len(phases), phases.shape[2:]
    (u, v, w) = upsampling
    apart = phases.permute(0, 2, 3, 4, 1).reshape(b, x, y, z, u, v, w, filters)
    y_BXYZO = apart.permute(0, 1, 4, 2, 5, 3, 6, 7).reshape(b, x * u, y * v, z * w, filters)
    for dim, axis in enumerate(axes, start=1):
        y_BXYZO = y_BXYZO.narrow(dim, axis.first, axis.cells)
    return y_BXYZO.permute(0, 4, 1, 2, 3)
