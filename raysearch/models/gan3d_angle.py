"""The angle of a shower, read off its cells: the weightless head of 3DGAN at variable angles.

As ``ecal_angle`` of the published AngleArch3dGAN.py (interTwin-eu/DetectorSim-3DGAN; earlier revisions
leave out half a cell in the layers' means). With the energy-weighted mean (x, y, z) of all cells and that
of each layer, (x_l, y_l) at z_l, all at the middle of cells,

    rho_l = sqrt((x_l - x)^2 + (z_l - z)^2),                                                             (1)
    theta_l = pi / 2 - arctan(+-(y_l - y) / rho_l), + behind the mean, - before it,                      (2)
    theta = sum_l z_l theta_l / sum_l z_l  over layers that have energy.                                 (3)

Shapes in names: B showers, X, Y, Z cells along x, y and layer.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

EMPTY = 100.0  # the published angle of a shower without energy: far from any, and without a gradient
LEAST = 1e-7  # Keras' epsilon, below which rho^2 does not go


def measured_angle(cells_BXYZ: Tensor) -> Tensor:
    """Measure showers' angles to the y axis in radian (B,); ``EMPTY`` where there is no energy."""
    x, y, z = (torch.arange(n).to(cells_BXYZ) + 0.5 for n in cells_BXYZ.shape[1:])
    xz_BXZ, yz_BYZ = cells_BXYZ.sum(2), cells_BXYZ.sum(1)
    layer_BZ = xz_BXZ.sum(1)
    total_B1 = layer_BZ.sum(1, keepdim=True)
    filled_BZ = layer_BZ > 0
    per_layer_BZ = torch.where(filled_BZ, layer_BZ, 1)
    per_shower_B1 = torch.where(total_B1 > 0, total_B1, 1)
    x_BZ, y_BZ = torch.einsum("bxz,x->bz", xz_BXZ, x), torch.einsum("byz,y->bz", yz_BYZ, y)
    x_B1, y_B1 = x_BZ.sum(1, keepdim=True) / per_shower_B1, y_BZ.sum(1, keepdim=True) / per_shower_B1
    z_B1 = (layer_BZ * z).sum(1, keepdim=True) / per_shower_B1
    rho_BZ = ((x_BZ / per_layer_BZ - x_B1) ** 2 + (z - z_B1) ** 2).clamp_min(LEAST).sqrt()  # Eq. (1)
    slope_BZ = torch.where(z < z_B1, -1.0, 1.0) * (y_BZ / per_layer_BZ - y_B1) / rho_BZ
    theta_BZ = math.pi / 2 - torch.atan(slope_BZ)  # Eq. (2)
    weight_BZ = filled_BZ * z
    theta_B = (weight_BZ * theta_BZ).sum(1) / weight_BZ.sum(1).clamp_min(LEAST)  # Eq. (3)
    return torch.where(total_B1.squeeze(1) > 0, theta_B, EMPTY)
