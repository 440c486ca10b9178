"""How tensors are handed to a compiled kernel: by address, rows padded to whole registers."""

from __future__ import annotations

import ctypes

import torch
from torch import Tensor

_ROW = 16  # rows are padded to a multiple of so many floats: an AVX-512 register, two of AVX2


def padded(size: int) -> int:
    """So many floats a row of ``size`` takes."""
    return -(-size // _ROW) * _ROW


def pointer(values: Tensor, dtype: torch.dtype = torch.float32) -> ctypes.c_void_p:
    """The address of a tensor, which the caller has to hold for as long as the kernel works.

    Raises:
        TypeError: it is of another type, or not contiguous: an address carries neither type nor strides, and
            a wrong tensor would be read as numbers without a word.
    """
    if values.dtype != dtype or not values.is_contiguous():
        raise TypeError(f"the kernel takes contiguous {dtype}, got {values.dtype}, {values.stride()}")
    return ctypes.c_void_p(values.data_ptr())
