"""Vectors as plain values: a state that holds weights writes them as text."""

from __future__ import annotations

import base64

import numpy as np
from numpy.typing import NDArray


def to_text(vector: NDArray[np.float32]) -> str:
    """Write a vector, float32 (n,), little-endian in base 64: 16 characters for three numbers."""
    return base64.b64encode(vector.astype("<f4").tobytes()).decode()


def from_text(text: str) -> NDArray[np.float32]:
    """Read what :func:`to_text` wrote; read-only."""
    return np.frombuffer(base64.b64decode(text), dtype="<f4").astype(np.float32, copy=False)
