"""Digits that are point clouds, as images: their Frechet distance, and what a report shows of them.

The distance is that of 64 numbers of each digit: the intensity in 8 x 8 cells over the picture, which are the
pixels of scikit-learn's, 3.5 of MNIST's across. With labels it is the joint distance of these and the ten
labels as 0 and 1 (arXiv:1907.08175), which sees digits that are not what they are called. No network's
weights are in it, so that everybody computes the same numbers; they are not those of MPGAN's graph-FID, which
is of a classifier.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from raysearch.metrics.shown import Pictures

CELLS = 8  # along each axis
N_DIGITS = 10
N_PICTURES = 10

Floats = NDArray[np.float64]


def digit_images(points: NDArray[Any], side: float, cells: int) -> Floats:
    """Add up the intensity of points in the cells of a picture, (digit, row, column).

    Args:
        points: (digit, point, 3), column and row in pixels, and intensity; 0 where there is none.
        side: pixels along each axis.
        cells: the same, of the picture; what lies beyond the rim counts in the cell there.
    """
    column, row = (
        np.clip(np.rint(points[..., axis]) * cells / side, 0, cells - 1).astype(np.int64) for axis in (0, 1)
    )
    images = np.zeros((len(points), cells, cells))
    np.add.at(images, (np.arange(len(points))[:, None], row, column), points[..., 2])
    return images


def digit_features(points: NDArray[Any], side: float, labels: NDArray[np.int64] | None = None) -> Floats:
    """Compute what the distance is of: (digit, 64), or (digit, 74) with labels; see ``frechet.py``."""
    features = digit_images(points, side, CELLS).reshape(len(points), -1)
    return features if labels is None else np.hstack([features, np.eye(N_DIGITS)[labels]])


def digit_pictures(
    real: NDArray[Any],
    made: NDArray[Any],
    side: float,
    labels: NDArray[Any],
    *,
    title: str = "digits",
    origins: tuple[str, str] = ("digits", "generator"),
) -> Pictures:
    """Show a few digits as pixels, real ones above generated ones of the same label.

    Args:
        real: (digit, point, 3).
        made: as many.
        side: pixels along each axis.
        labels: (digit,), of both, or other names of them.
        title: of the pictures.
        origins: what real and made ones are called.
    """
    chosen = np.linspace(0, len(real) - 1, min(N_PICTURES, len(real))).round().astype(int)
    # The report draws the first row lowest; digits begin with the uppermost.
    first, second = (
        digit_images(each[chosen], side, round(side))[:, ::-1].astype(np.float32) for each in (real, made)
    )
    captions = tuple(str(labels[row]) for row in chosen)
    return Pictures(title, "", first, second, captions, "x [pixel]", "y [pixel]", origins=origins)
