"""Images of jets: the scalar sum of pT in 100 x 100 cells around the jet axis, kept as the occupied cells.

The public files hold ``jetImage`` (jet, 100, 100), input of the CNN of arXiv:1908.05318. Where files have
none, ours is computed from the constituents: phirel along the first axis, etarel along the second, each from
-1.0 to 1.0 in cells of 0.02; what lies outside is left out. Range and axes were read off a plot of a public
file, on which jets of radius 0.4 are discs of some 20.5 cells. In the frame of version 0.1.0 it was etarel
along the first axis, phirel along the second, from -0.8 to 0.8.

A dense image is 40 kB, its some 40 occupied cells are 0.3 kB: so a jet is stored as cell numbers and values,
and images are made batch by batch.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from raysearch.data.jets.frames import Frame
from raysearch.data.jets.layout import FEATURES

SIDE = 100
PT, ETA, PHI = (FEATURES.index(name) for name in ("j1_pt", "j1_etarel", "j1_phirel"))
AXES = {Frame.public: (PHI, ETA), Frame.first: (ETA, PHI)}  # along which the cells are counted
HALF_WIDTH = {Frame.public: 1.0, Frame.first: 0.8}

Cells = tuple[NDArray[np.int32], NDArray[np.float32]]


def cells_of_constituents(features: NDArray[np.float64], frame: Frame = Frame.public) -> Cells:
    """Sum up the pT of each cell of each jet.

    Args:
        features: (jet, constituent, 16) in the order of ``layout.FEATURES``, zero where padded.
        frame: by whose axes and range.

    Returns:
        Cell numbers int32 and sums of pT in GeV float32, both (jet, constituent), by rising cell and padded
        with zeros; cell (i, j) has number 100 i + j.
    """
    n, width, _ = features.shape
    pt = features[..., PT]
    half = HALF_WIDTH[frame]
    place = np.floor((features[..., AXES[frame]] + half) * (SIDE / (2 * half))).astype(np.int64)
    inside = (pt > 0) & ((place >= 0) & (place < SIDE)).all(axis=-1)
    jet = np.broadcast_to(np.arange(n)[:, None], (n, width))[inside]
    # One key for jet and cell, so that a single sort finds the cells of all jets.
    keys, which = np.unique((jet * SIDE + place[inside, 0]) * SIDE + place[inside, 1], return_inverse=True)
    return _padded(keys, np.bincount(which, weights=pt[inside], minlength=len(keys)), n, width)


def cells_of_images(images: NDArray[np.floating], width: int) -> Cells:
    """Find the occupied cells of images (jet, 100, 100), at most ``width`` each; returns as above."""
    jet, row, column = np.nonzero(images)
    return _padded((jet * SIDE + row) * SIDE + column, images[jet, row, column], len(images), width)


def dense_images(features: NDArray[np.float64], frame: Frame = Frame.public) -> NDArray[np.float32]:
    """Make images float32 (jet, 100, 100), to be stored, of features as above."""
    cells, values = (torch.from_numpy(array) for array in cells_of_constituents(features, frame))
    return rasterise(cells, values)[:, 0].numpy()


def rasterise(cells_BK: Tensor, values_BK: Tensor) -> Tensor:
    """Make the images (B, 1, 100, 100) of a batch.

    Args:
        cells_BK: int32, each number once in a jet, but for padding.
        values_BK: float32, 0 where padded.
    """
    # Made by batch: dense images of all jets would take 40 kB each.
    flat = values_BK.new_zeros(len(cells_BK), SIDE * SIDE)
    return flat.scatter_add_(1, cells_BK.long(), values_BK).view(-1, 1, SIDE, SIDE)


def _padded(keys: NDArray[np.int64], values: NDArray[Any], n: int, width: int) -> Cells:
    """Deal keys jet * 10000 + cell, which rise, out to their jets."""
    jet, cell = np.divmod(keys, SIDE * SIDE)
    place = np.arange(len(keys)) - np.searchsorted(jet, np.arange(n))[jet]
    cells, sums = np.zeros((n, width), np.int32), np.zeros((n, width), np.float32)
    cells[jet, place], sums[jet, place] = cell, values
    return cells, sums
