"""The nearest others of each sensor in a learned space, in torch and NumPy, rows after rows.

A row's k least distances are found without sorting the row. Its sensors are dealt into ``GROUPS`` groups, of
which k have a least distance up to some bound; so at least k sensors lie within that bound, and with more
groups than neighbours few more do. Only these are looked at again.

Shapes in names: B events, N sensors, R some of them as rows, G groups, M candidates, K neighbours, S
dimensions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

ROWS = 128  # whose distances are in memory together, in the second cache for some thousand sensors
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
    sensors = space_BNS.shape[1]
    if k >= GROUPS or sensors < 2 * GROUPS or space_BNS.device.type != "cpu":
        found = [_least_sorted(rows_RN[:, :sensors], k) for each in space_BNS for rows_RN in _squared(each)]
        return torch.cat(found).view(*space_BNS.shape[:2], k)
    events = [_least([_candidates(rows_RN, k) for rows_RN in _squared(each)], k) for each in space_BNS]
    return torch.from_numpy(np.stack(events))


def _squared(space_NS: Tensor) -> Iterator[Tensor]:
    """Squared distances from some sensors of an event to all of it, whole numbers of groups, (R, N or more).

    Those from a sensor to itself and what fills the last group up are infinite. The memory is written anew
    with each.
    """
    at_SN = space_NS.T.contiguous()
    sensors = len(space_NS)
    all_RN = space_NS.new_full((ROWS, sensors + -sensors % GROUPS), torch.inf)
    every_RN = space_NS.new_empty(ROWS, sensors)
    for first in range(0, sensors, ROWS):
        from_SR1 = at_SN[:, first : first + ROWS, None]
        rows = from_SR1.shape[1]
        squared_RN, away_RN = all_RN[:rows, :sensors], every_RN[:rows]
        for dimension, (to_N, from_R1) in enumerate(zip(at_SN, from_SR1, strict=True)):
            torch.sub(to_N, from_R1, out=away_RN)
            if dimension:
                squared_RN.addcmul_(away_RN, away_RN)
            else:
                torch.mul(away_RN, away_RN, out=squared_RN)
        squared_RN.diagonal(first).fill_(torch.inf)
        yield all_RN[:rows]


def _least_sorted(squared_RN: Tensor, k: int) -> Tensor:
    """Places of the k least of each row, by rising number, (R, K) int32; of equal ones the first count."""
    return squared_RN.sort(dim=1, stable=True).indices[:, :k].sort(1).values.int()


class _Candidates(NamedTuple):
    """What may be among the k least of some rows: numbers and values row after row, and how many each has."""

    number_M: NDArray[np.int64]
    value_M: NDArray[np.floating]
    count_R: NDArray[np.int64]


def _candidates(squared_RN: Tensor, k: int) -> _Candidates:
    squared = squared_RN.numpy()
    rows, wide = squared.shape
    least_RG = squared_RN.view(rows, -1, GROUPS).amin(1).numpy()
    bound_R1 = np.partition(least_RG, k - 1, axis=1)[:, k - 1 : k]
    # Of a sensor that is no number none are near: its first others stand in, and what it gathers is NaN.
    bound_R1 = np.fmin(bound_R1, np.finfo(squared.dtype).max)
    at_M = np.flatnonzero(squared <= bound_R1)
    if len(at_M) > 2 * k * rows:  # sensors that are alike: of those at the bound itself k are enough
        at_M = np.flatnonzero(_first_up_to(squared, bound_R1, k))
    ends_R = np.searchsorted(at_M, wide * np.arange(rows + 1))
    count_R = np.diff(ends_R)
    number_M = at_M - np.repeat(wide * np.arange(rows), count_R)
    return _Candidates(number_M, squared.ravel()[at_M], count_R)


def _first_up_to(
    values_RM: NDArray[np.floating], bound_R1: NDArray[np.floating], k: int | NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Which values of each row are below its bound, or one of the first k that are at it."""
    is_tie_RM = values_RM == bound_R1
    return (values_RM < bound_R1) | (is_tie_RM & (np.cumsum(is_tie_RM, axis=1, dtype=np.int32) <= k))


def _least(found: Sequence[_Candidates], k: int) -> NDArray[np.int32]:
    """Numbers of the k least of all rows' candidates, rising, (all rows, K)."""
    number_M, value_M, count_R = map(np.concatenate, zip(*found, strict=True))
    place = np.arange(max(k, count_R.max()))
    is_there_RM = place < count_R[:, None]
    value_RM = np.full(is_there_RM.shape, np.inf, value_M.dtype)
    value_RM[is_there_RM] = value_M
    number_RM = np.broadcast_to(place, is_there_RM.shape).astype(np.int32)
    number_RM[is_there_RM] = number_M
    last_R1 = np.partition(value_RM, k - 1, axis=1)[:, k - 1 : k]
    # Candidates lie by rising number, so that the first ones at the last distance have the lower numbers.
    missing_R1 = k - np.count_nonzero(value_RM < last_R1, axis=1)[:, None]
    return number_RM[_first_up_to(value_RM, last_R1, missing_R1)].reshape(-1, k)
