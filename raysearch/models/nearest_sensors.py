"""The nearest others of each sensor in a learned space, in torch and NumPy, rows after rows.

A row's k least distances are found without sorting the row. Its sensors are dealt into ``GROUPS`` groups, of
which k have a least distance up to some bound; so at least k sensors lie within that bound, and with more
groups than neighbours few more do. Only these are sorted.

Shapes in names: B events, N sensors, R some of them as rows, G groups, M candidates, K neighbours, S
dimensions.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

ROWS = 64  # whose distances are in memory together, in the second cache for some thousand sensors
GROUPS = 128


def squared_distances_flop(sensors: int, dimensions: int) -> int:
    """Multiplications and additions of the squared distances of all pairs: a difference, a square, a sum."""
    return 3 * dimensions * sensors**2


@torch.no_grad()
def nearest(space_BNS: Tensor, k: int) -> Tensor:
    """Find the k nearest others of each sensor; of several at one distance those with the lower number.

    Args:
        space_BNS: places; distances are taken in their precision.
        k: less than N.

    Returns:
        Numbers of the neighbours, rising, (B, N, K) int32.
    """
    sensors, found = space_BNS.shape[1], []
    if k >= GROUPS or sensors < 2 * GROUPS or space_BNS.device.type != "cpu":
        least, wide = _least_sorted, sensors
    else:
        least, wide = _least_bounded, sensors + -sensors % GROUPS
    for space_NS in space_BNS:
        at_SN = space_NS.T.contiguous()
        for first in range(0, sensors, ROWS):
            rows_RS = space_NS[first : first + ROWS]
            squared_RN = space_NS.new_full((len(rows_RS), wide), torch.inf)
            squared_RN[:, :sensors] = 0
            for to_N, from_R in zip(at_SN, rows_RS.T, strict=True):
                away_RN = to_N - from_R[:, None]
                squared_RN[:, :sensors].addcmul_(away_RN, away_RN)
            squared_RN.diagonal(first).fill_(torch.inf)
            found.append(least(squared_RN, k))
    return torch.cat(found).view(*space_BNS.shape[:2], k)


def _least_sorted(squared_RN: Tensor, k: int) -> Tensor:
    """Places of the k least of each row, by rising number, (R, K) int32; of equal ones the first count."""
    return squared_RN.sort(dim=1, stable=True).indices[:, :k].sort(1).values.int()


def _least_bounded(squared_RN: Tensor, k: int) -> Tensor:
    """The same of rows that are whole numbers of groups long."""
    squared = squared_RN.numpy()
    rows, wide = squared.shape
    least_RG = squared_RN.view(rows, -1, GROUPS).amin(1).numpy()
    bound = np.partition(least_RG, k - 1, axis=1)[:, k - 1]
    # Of a sensor that is no number none are near: its first others stand in, and what it gathers is NaN.
    bound = np.fmin(bound, np.finfo(bound.dtype).max)
    at_M, row_M, place_M, most = _candidates(squared, bound, k)
    distance_RM = np.full((rows, most), np.inf, squared.dtype)
    number_RM = np.broadcast_to(np.arange(most, dtype=np.int32), (rows, most)).copy()
    distance_RM[row_M, place_M] = squared.ravel()[at_M]
    number_RM[row_M, place_M] = at_M - row_M * wide
    # Candidates lie by rising number, so that a stable sort leaves equal ones in that order.
    order_RK = np.argsort(distance_RM, axis=1, kind="stable")[:, :k]
    return torch.from_numpy(np.sort(np.take_along_axis(number_RM, order_RK, axis=1), axis=1))


def _candidates(
    squared: NDArray[np.floating], bound: NDArray[np.floating], k: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], int]:
    """Places in the rows laid end to end of what may be among the k least, their rows, their places there."""
    rows, wide = squared.shape
    at = np.flatnonzero(squared <= bound[:, None])
    row = at // wide
    is_tie = squared.ravel()[at] == bound[row]
    if 2 * is_tie.sum() > k * rows:  # of those at the bound itself k are enough
        ties = np.cumsum(is_tie)
        starts = np.searchsorted(row, np.arange(rows))
        before = (ties - is_tie)[np.minimum(starts, len(at) - 1)]
        keep = ~is_tie | (ties - before[row] <= k)
        at, row = at[keep], row[keep]
    starts = np.searchsorted(row, np.arange(rows + 1))
    return at, row, np.arange(len(at)) - starts[row], max(k, int(np.diff(starts).max(initial=0)))
