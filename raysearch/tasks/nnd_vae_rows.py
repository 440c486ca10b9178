"""Point clouds as the NND VAE's batches have them, in the units of its loss: pixels, or GeV.

Of digits intensities too are in pixels, from 0 to the width of the picture, as in the public code, where all
three features of an output are 27 times a sigmoid. Jets are momenta, see ``nnd_jets.py``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from raysearch.data.paths import DataPath
from raysearch.models.nnd_jets import momenta, particles, pt_and_mass
from raysearch.tasks.cloud_rows import CloudView, cloud_rows
from raysearch.tasks.file_task import Rows

POINTS, NUMBER, LABEL, STATISTICS, SEEN = range(5)  # columns of a batch; of clouds to generate not the last
LOW, SPAN, MEANS = range(3)  # rows of statistics: least, greatest less least; pT, mass and unit
INTENSITY = 2  # feature of digits
LEAST_SPAN = 1e-6


class VaeView(NamedTuple):
    """What the network sees: which clouds, whether digits have intensities, and the pT of a jet in GeV."""

    clouds: CloudView
    grey: bool
    pt_gev: float | None


def vae_rows(path: DataPath, view: VaeView) -> Rows:
    """Map the clouds of the files at a path, in the loss's units.

    Returns:
        Tensors: points float32 (cloud, point, 3); their number int64; labels int64; and, alike for all
        (cloud, 2), the pixels of a digit along an axis, 0 of jets, and what the files' intensities or momenta
        were multiplied by.

    Raises:
        InputError: a file is refused, or no cloud is of the class; lists all.
    """
    found = cloud_rows(path, view.clouds)
    points, number, labels, side = found.tensors
    if view.pt_gev is not None:
        unit = view.pt_gev
        points = momenta(points, unit)
    else:
        unit = float(side[0]) - 1
        intensity = points[..., INTENSITY] if view.grey else points[..., INTENSITY].sign()
        points = torch.cat([points[..., :INTENSITY], unit * intensity[..., None]], dim=-1)
    of_all = torch.tensor([float(side[0]), unit]).expand(len(points), 2)
    return Rows((points, number, labels, of_all), found.events, found.file_index)


def vae_statistics(rows: Rows, train: NDArray[np.int64]) -> Tensor:
    """Say by what points are brought between 0 and 1, (3, 3).

    Digits by the picture's size; jets by the least and greatest momenta of the training part. The last row is
    mean pT and mass of its jets, GeV (0 of digits), and what :func:`vae_rows` multiplied by.
    """
    points, number, _, of_all = rows.tensors
    side, unit = of_all[0].tolist()
    if side:
        return torch.tensor([[0.0] * 3, [unit] * 3, [0.0, 0.0, unit]])
    chosen = torch.from_numpy(train)
    points = points[chosen]
    pt, mass = (each.mean() for each in pt_and_mass(points))
    of_particles = points[is_there(number[chosen], points.shape[1])]
    low, high = of_particles.amin(0), of_particles.amax(0)
    span = (high - low).clamp_min(LEAST_SPAN)
    return torch.stack([low, span, torch.stack([pt, mass, torch.tensor(unit)])])


def in_files_units(points: Tensor, statistics: Tensor, *, of_jets: bool) -> Tensor:
    """Turn points (cloud, point, 3) of the loss into those that files have.

    Args:
        points: in pixels, or GeV.
        statistics: (cloud, 3, 3).
        of_jets: whether they are momenta.
    """
    unit = statistics[:, MEANS, -1, None, None]
    if of_jets:
        return particles(points, unit)
    return torch.cat([points[..., :INTENSITY], points[..., INTENSITY:] / unit], dim=-1)


def white(points: Tensor, statistics: Tensor) -> Tensor:
    """Give all points of digits the same intensity."""
    there = (points != 0).any(2) * statistics[:, MEANS, -1:]
    return torch.cat([points[..., :INTENSITY], there[..., None]], dim=2)


def is_there(number: Tensor, points: int) -> Tensor:
    """Which points are no padding, which is at the end, (cloud, point)."""
    return torch.arange(points, device=number.device) < number[:, None]


def scaled(points: Tensor, there: Tensor, statistics: Tensor) -> Tensor:
    """Bring points between 0 and 1, and padding to 0."""
    low, span = statistics[:, None, LOW], statistics[:, None, SPAN]
    return (points - low) / span * there[..., None]


def unscaled(points: Tensor, there: Tensor, statistics: Tensor) -> Tensor:
    """Bring points back into their units, and what is not there to 0."""
    low, span = statistics[:, None, LOW], statistics[:, None, SPAN]
    return (low + points.to(low.dtype) * span) * there[..., None]
