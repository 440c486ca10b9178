"""Digits as sparse point clouds: (x, y, intensity) of their brightest pixels.

Published are the 100 brightest of 28 x 28 pixels (arXiv:2012.00173); 89 % of MNIST's digits have so many that
are not black, and there an unstable sort fills the rest with any black ones. Here the order is defined: by
falling intensity, and of equal ones by row, then by column. Black pixels are never points: where a digit has
fewer, its cloud is padded with zeros, and an intensity above 0 tells which points are there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def brightest(images: NDArray[np.floating[Any]], points: int) -> NDArray[np.float32]:
    """Take the brightest pixels of every image.

    Args:
        images: (digit, row, column), intensities from 0.
        points: how many, of which some may be padding.

    Returns:
        (digit, points, 3): column and row in pixels from the upper left one, and intensity; the brightest
        first, of equal ones the upper, then the left one; zeros where there is no pixel left.
    """
    columns = images.shape[2]
    flat = images.reshape(len(images), -1).astype(np.float32)
    # Stable: equal intensities keep the order of pixels, row by row.
    chosen = np.argsort(-flat, axis=1, kind="stable")[:, :points]
    intensity = np.take_along_axis(flat, chosen, axis=1)
    row, column = np.divmod(chosen, columns)
    clouds = np.stack([column, row, intensity], axis=2).astype(np.float32)
    clouds[intensity <= 0] = 0
    return np.pad(clouds, ((0, 0), (0, points - clouds.shape[1]), (0, 0)))
