"""The sums over nearest neighbours of a GravNet layer by a C++ kernel, kernels/gravnet.cpp.

The same function as ``Blocked`` of raysearch/models/gravnet_sums.py, to rounding and to the last
neighbour: what counts among ties is the lower number of the sensor. On a CPU, one thread, in single or double
precision; the backward pass takes distances and weights anew, so that nothing but the neighbours' numbers is
kept.

Shapes in names: B events, N sensors, K neighbours, S dimensions of the learned space, F features.
"""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from raysearch.models.kernels import build
from raysearch.models.kernels.noted import note
from raysearch.models.kernels.pointer import padded, pointer

_SOURCE = Path(__file__).parent / "kernels" / "gravnet.cpp"
Found = tuple[Tensor, Tensor, Tensor]  # sums (B, N, 2 F), neighbours (B, N, K), winners of maxima (B, N, F)

_REAL = {torch.float32: (32, ctypes.c_float), torch.float64: (64, ctypes.c_double)}


class FusedSums:
    """A compiled kernel for one size of space, features and numbers."""

    def __init__(self, library: ctypes.CDLL, dtype: torch.dtype) -> None:
        self.library, self.dtype = library, dtype

        class Sizes(ctypes.Structure):
            _fields_ = (
                *((name, ctypes.c_int32) for name in ("events", "sensors", "neighbours")),
                ("steepness", _REAL[dtype][1]),
            )

        self._sizes = Sizes

    def forward(self, space_BNS: Tensor, features_BNF: Tensor, k: int, steepness: float) -> Found:
        """Compute means and maxima, neighbours by rising number, and the places among these of the maxima."""
        events, sensors, features = features_BNF.shape
        sums = features_BNF.new_empty(events, sensors, 2 * features)
        index = torch.empty(events, sensors, k, dtype=torch.int32)
        winner = torch.empty(events, sensors, features, dtype=torch.int16)
        self.library.gravnet_forward(
            self._of(space_BNS, k, steepness),
            *(pointer(each, self.dtype) for each in (space_BNS, features_BNF, sums)),
            pointer(index, torch.int32),
            pointer(winner, torch.int16),
        )
        return sums, index, winner

    def backward(self, saved: tuple[Tensor, ...], g_sums: Tensor, steepness: float) -> tuple[Tensor, Tensor]:
        """Compute the gradients of space and features."""
        space, features, index, winner = saved
        g_space, g_features = torch.zeros_like(space), torch.empty_like(features)
        self.library.gravnet_backward(
            self._of(space, index.shape[2], steepness),
            *(pointer(each, self.dtype) for each in (space, features)),
            pointer(index, torch.int32),
            pointer(winner, torch.int16),
            *(pointer(each, self.dtype) for each in (g_sums, g_space, g_features)),
        )
        return g_space, g_features

    def nearest(self, space_BNS: Tensor, k: int) -> Tensor:
        """Find the k nearest others of each sensor, by rising number, (B, N, K) int32."""
        index = torch.empty(*space_BNS.shape[:2], k, dtype=torch.int32)
        self.library.gravnet_nearest(
            self._of(space_BNS, k, 1.0), pointer(space_BNS, self.dtype), pointer(index, torch.int32)
        )
        return index

    def _of(self, space_BNS: Tensor, k: int, steepness: float) -> Any:  # noqa: ANN401 - ctypes' own
        return ctypes.byref(self._sizes(*space_BNS.shape[:2], k, steepness))


def fused_kernel(space: int, features: int, dtype: torch.dtype) -> FusedSums | None:
    """Compile the kernel, or load it; None in other precisions, and with a warning where it cannot be had."""
    if dtype not in _REAL:
        return None
    width = padded(features)
    constants = {"SPACE": space, "FEATURES": features, "WIDTH": width, "REAL_BITS": _REAL[dtype][0]}
    library = note(build.load(_SOURCE, tuple(constants.items())))
    return None if library is None else FusedSums(library, dtype)
