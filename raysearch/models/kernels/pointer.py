"""How a tensor is handed to a compiled kernel, by an address without type or strides, and what it tells."""

from __future__ import annotations

import ctypes

import torch
from torch import Tensor

_ROW = 16  # rows are padded to a multiple of so many numbers: an AVX-512 register of floats, two of AVX2
_NAMES = {torch.float32: "single precision", torch.float64: "double precision"}


def pointer(values: Tensor, dtype: torch.dtype = torch.float32) -> ctypes.c_void_p:
    """Take a tensor's address.

    Raises:
        TypeError: it is not contiguous, or of another type than the kernel takes.
    """
    # An address carries neither type nor strides: a wrong tensor would be read as numbers without a word.
    if values.dtype != dtype or not values.is_contiguous():
        wanted = _NAMES.get(dtype, str(dtype))
        raise TypeError(f"the kernel takes contiguous {wanted}, got {values.dtype}, {values.stride()}")
    return ctypes.c_void_p(values.data_ptr())


def checked(status: int) -> None:
    """Take what a kernel tells.

    Raises:
        MemoryError: there was not enough for what its threads work with.
    """
    if status:
        raise MemoryError("not enough memory for a compiled kernel")


def padded(size: int) -> int:
    """So many numbers a row of ``size`` takes."""
    return -(-size // _ROW) * _ROW
