"""What is kept of a shower, so that its cells need not be kept: about 330 numbers of 15,625.

Written in torch, so that a task can keep features batch by batch on the device where showers are generated
(:func:`shower_features`); :func:`features_of` does the same to arrays, some showers at a time. Profiles,
moments, maxima, hits and the measured angle are those of the 3DGAN validation (svalleco/3Dgan,
analysis/utils/GANutils.py); layer energies, centres of energy, widths and sparsity are the high-level
features of CaloChallenge (arXiv:2410.21611; CaloChallenge/homepage, code/HighLevelFeatures.py).

Shapes in names: N showers, X, Y and Z cells along each axis, where Z counts the layers along the shower; C
cells along any axis, P cells of a layer or of a shower, K kinds of weights.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from raysearch.errors import InputError

THRESHOLD_GEV = 2e-4  # of a hit, RootPlotsGAN.py of 3DGAN
LOG_EDGES = np.linspace(-7, 1, 49)  # of the cell spectrum, log10 of GeV: six bins a decade
NO_ANGLE = 100.0  # rad, what 3DGAN notes for a shower without energy, so that nobody takes it for an angle
TINY = 1e-16  # GeV, keeps empty layers from 0 / 0, as in HighLevelFeatures.py
AT_ONCE = 200  # showers whose cells are in memory together, 12 to 52 MB

Arrays = Mapping[str, NDArray[Any]]


def shower_features(cells_NXYZ: Tensor, threshold_gev: float = THRESHOLD_GEV) -> dict[str, Tensor]:
    """Compute what is kept of each shower.

    Args:
        cells_NXYZ: (N, X, Y, Z), GeV in the cells.
        threshold_gev: a cell above it is a hit.

    Returns:
        A name to a tensor by shower, float32 where not said otherwise:

        - ``profile_x``, ``profile_y``, ``profile_z``: (N, X), (N, Y), (N, Z) GeV, sums over the other two
          axes; ``profile_z`` holds the layer energies;
        - ``mean``, ``variance``: (N, 3) in cells and cells squared, first moment (counted from 0) and second
          central moment of the three profiles; 0 for a shower without energy;
        - ``peak``: (N, 3) int64, where the cell of greatest energy is, the first of equals;
        - ``total``: (N,) GeV in all cells;
        - ``hits``: (N,) int64, cells above the threshold;
        - ``angle``: (N,) rad, see :func:`measured_angle`;
        - ``layer_center_x``, ``_y``, ``layer_width_x``, ``_y``: (N, Z) in cells, centre of energy from the
          middle of the layer and energy-weighted standard deviation; 0 for an empty layer;
        - ``layer_center_r``, ``layer_width_r``: the same for the distance from the middle of the layer;
        - ``sparsity``: (N, Z), share of cells that are no hits;
        - ``spectrum``: (N, bins) int32, cells with energy by log10 of it, between ``LOG_EDGES``; what lies
          outside counts in the first or last bin.

    Raises:
        InputError: another rank than 4, or an axis without cells.
    """
    if cells_NXYZ.ndim != 4 or 0 in cells_NXYZ.shape[1:]:
        raise InputError(f"showers: need cells (shower, x, y, layer), got {tuple(cells_NXYZ.shape)}")
    cells = cells_NXYZ.to(torch.promote_types(cells_NXYZ.dtype, torch.float32))
    rows_NXZ, rows_NYZ = cells.sum(2), cells.sum(1)
    profiles = {"profile_x": rows_NXZ.sum(2), "profile_y": rows_NYZ.sum(2), "profile_z": rows_NXZ.sum(1)}
    moments = [_moments(profile) for profile in profiles.values()]
    hit_NXYZ = cells > threshold_gev
    found = {
        **profiles,
        "mean": torch.stack([mean for mean, _ in moments], 1),
        "variance": torch.stack([variance for _, variance in moments], 1),
        "peak": _peaks(cells),
        "total": profiles["profile_z"].sum(1),
        "hits": hit_NXYZ.sum((1, 2, 3)),
        "angle": measured_angle(rows_NXZ, rows_NYZ),
        "sparsity": 1 - hit_NXYZ.sum((1, 2)) / (cells.shape[1] * cells.shape[2]),
        "spectrum": _spectrum(cells),
        **_layers(cells, rows_NXZ, rows_NYZ),
    }
    return {name: part.float() if part.is_floating_point() else part for name, part in found.items()}


def features_of(cells_NXYZ: NDArray[Any], threshold_gev: float = THRESHOLD_GEV) -> dict[str, NDArray[Any]]:
    """Compute :func:`shower_features` of an array, which may be mapped from a file and larger than memory.

    Args:
        cells_NXYZ: (N, X, Y, Z) GeV, floating point of any width.
        threshold_gev: a cell above it is a hit.

    Raises:
        InputError: no showers, or as :func:`shower_features`.
    """
    if not len(cells_NXYZ):
        raise InputError("showers: need at least one")
    pieces = [
        shower_features(torch.from_numpy(np.array(cells_NXYZ[start : start + AT_ONCE])), threshold_gev)
        for start in range(0, len(cells_NXYZ), AT_ONCE)
    ]
    return {name: torch.cat([piece[name] for piece in pieces]).numpy() for name in pieces[0]}


def measured_angle(rows_NXZ: Tensor, rows_NYZ: Tensor) -> Tensor:
    """Measure the angle of the shower's axis to the y axis, as 3DGAN does (GANutils.py, ``measPython``).

    Each layer's centre of energy, seen from that of the whole shower, gives an angle; layers count by their
    depth. A shower at a right angle to the front face has pi / 2, one that goes towards greater y has less.

    Args:
        rows_NXZ: (N, X, Z), cells summed over y.
        rows_NYZ: (N, Y, Z), cells summed over x.

    Returns:
        (N,) rad; ``NO_ANGLE`` for a shower without energy.
    """
    layer_NZ = rows_NXZ.sum(1)
    total_N1 = layer_NZ.sum(1, keepdim=True)
    z = _places(layer_NZ.shape[1], layer_NZ) + 0.5
    x_NZ, x_N1 = _layer_and_shower_center(rows_NXZ, layer_NZ, total_N1)
    y_NZ, y_N1 = _layer_and_shower_center(rows_NYZ, layer_NZ, total_N1)
    z_N1 = _ratio((layer_NZ * z).sum(1, keepdim=True), total_N1)
    along_NZ = torch.sqrt((x_NZ - x_N1) ** 2 + (z - z_N1) ** 2)
    slope_NZ = (y_NZ - y_N1) / along_NZ.clamp_min(1e-7) * torch.where(z < z_N1, -1.0, 1.0)
    weight_NZ = z * (
        (layer_NZ > 0) & (along_NZ > 0)
    )  # a layer without energy, or at the very centre, has no angle
    angle_NZ = math.pi / 2 - torch.atan(slope_NZ)
    weights_N = weight_NZ.sum(1)
    angle_N = (angle_NZ * weight_NZ).sum(1) / weights_N.clamp_min(1e-7)
    return torch.where((total_N1[:, 0] > 0) & (weights_N > 0), angle_N, NO_ANGLE)


def _places(n: int, like: Tensor) -> Tensor:
    return torch.arange(n, dtype=like.dtype, device=like.device)


def _ratio(upper: Tensor, lower: Tensor) -> Tensor:
    """Divide; 0 where the lower one is not above 0."""
    return torch.where(lower > 0, upper / torch.where(lower > 0, lower, 1), 0)


def _moments(profile_NC: Tensor) -> tuple[Tensor, Tensor]:
    """First and second central moment (N,), in two passes, as differences of squares lose digits."""
    places, total_N = _places(profile_NC.shape[1], profile_NC), profile_NC.sum(1)
    mean_N = _ratio((profile_NC * places).sum(1), total_N)
    return mean_N, _ratio((profile_NC * (places - mean_N[:, None]) ** 2).sum(1), total_N)


def _layer_and_shower_center(rows_NCZ: Tensor, layer_NZ: Tensor, total_N1: Tensor) -> tuple[Tensor, Tensor]:
    """Centres of energy of each layer (N, Z) and of the whole shower (N, 1)."""
    weighted_NZ = (rows_NCZ * _places(rows_NCZ.shape[1], rows_NCZ)[:, None]).sum(1)
    return _ratio(weighted_NZ, layer_NZ), _ratio(weighted_NZ.sum(1, keepdim=True), total_N1)


def _peaks(cells: Tensor) -> Tensor:
    return torch.stack(torch.unravel_index(cells.flatten(1).argmax(1), cells.shape[1:]), 1)


def _layers(cells: Tensor, rows_NXZ: Tensor, rows_NYZ: Tensor) -> dict[str, Tensor]:
    """Centres of energy and widths of layers (N, Z), as in HighLevelFeatures.py, in cells from the middle."""
    found: dict[str, Tensor] = {}
    energy_NZ = rows_NXZ.sum(1) + TINY
    for axis, rows_NCZ in (("x", rows_NXZ), ("y", rows_NYZ)):
        n = rows_NCZ.shape[1]
        place_C1 = (_places(n, cells) - (n - 1) / 2)[:, None]
        center_NZ = (rows_NCZ * place_C1).sum(1) / energy_NZ
        square_NZ = (rows_NCZ * (place_C1 - center_NZ[:, None]) ** 2).sum(1) / energy_NZ
        found |= {f"layer_center_{axis}": center_NZ, f"layer_width_{axis}": square_NZ.clamp_min(0).sqrt()}
    nx, ny = cells.shape[1:3]
    r_XY = torch.hypot(
        (_places(nx, cells) - (nx - 1) / 2)[:, None], (_places(ny, cells) - (ny - 1) / 2)[None]
    )
    weights_KP = torch.stack([r_XY, r_XY**2]).flatten(1)
    center_NZ, square_NZ = (weights_KP @ cells.flatten(1, 2) / energy_NZ[:, None]).unbind(1)
    width_NZ = (square_NZ - center_NZ**2).clamp_min(0).sqrt()
    return {**found, "layer_center_r": center_NZ, "layer_width_r": width_NZ}


def _spectrum(cells: Tensor) -> Tensor:
    """Count cells above 0 by the logarithm of their energy, (N, bins)."""
    n, bins = len(cells), len(LOG_EDGES) - 1
    flat_NP = cells.flatten(1)
    shower, cell = torch.nonzero(flat_NP > 0, as_tuple=True)
    width = (LOG_EDGES[-1] - LOG_EDGES[0]) / bins
    place = ((torch.log10(flat_NP[shower, cell]) - LOG_EDGES[0]) / width).floor().clamp(0, bins - 1).long()
    return torch.bincount(shower * bins + place, minlength=n * bins).reshape(n, bins).int()
