"""The address of a tensor for a compiled kernel, which knows neither its type nor its strides."""

from __future__ import annotations

import ctypes

import torch
from torch import Tensor

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
