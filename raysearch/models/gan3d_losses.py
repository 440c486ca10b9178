"""What 3DGAN's networks are trained to lower, and the published weights of each part.

With D a discriminator's logit that a shower is real and y = 1 for "real", 0 for "fake", energies E in 100
GeV, cells' sums S and angles theta, hats for what the discriminator says,

    L = w_r L_r + w_E L_E + w_S L_S + w_theta L_theta,                                                   (1)
    L_r = mean(-y log sigmoid(D) - (1 - y) log(1 - sigmoid(D))),                                         (2)
    L_E = 100 mean(|E - E^| / max(|E|, 1e-7)),    L_S likewise,                                          (3)
    L_theta = mean(|theta - theta^|).                                                                    (4)

The discriminator lowers L on real showers (y = 1) and, in a step of its own, on fake ones (y = 0), with 5
% of the y flipped; the generator lowers L of its showers with y = 1, none flipped, twice a batch. As in
svalleco/3Dgan ``EcalEnergyTrain.py`` and ``AngleTrain3dGAN.py``, vlimant/NNLO ``GanModel.py``.

Shapes in names: B showers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the usual name
from numpy.typing import NDArray
from torch import Tensor

from raysearch.errors import InputError, one_of
from raysearch.models.gan3d_discriminator import Judgement

FLIPPED = 0.05  # share of the discriminator's labels that are flipped
LEAST = 1e-7  # Keras' epsilon: the least that a relative error divides by

SUM_FITS: dict[str, tuple[float, ...]] = {
    "electron": (0.0018, -0.023, 0.11, -0.28, 2.21),
    "neutral_pion": (0.0085, -0.094, 2.051),
    "twice": (2.0,),
}
"""Cells' sum over energy, a polynomial of the energy in 100 GeV, highest power first (``GetEcalFit``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LossWeights:
    """Weights of the parts of a loss, Eq. (1).

    Attributes:
        real: of real or fake.
        energy: of the energy, in per cent.
        cell_sum: of the cells' sum, in per cent.
        angle: of the angle, in radian; 0 where there is none.
    """

    real: float
    energy: float
    cell_sum: float
    angle: float = 0.0


WEIGHTS: dict[str, LossWeights] = {
    "fixed": LossWeights(real=6, energy=0.2, cell_sum=0.1),
    "horovod": LossWeights(real=8, energy=0.2, cell_sum=0.1),
    "nnlo": LossWeights(real=2, energy=0.1, cell_sum=0.1),
    "angle": LossWeights(real=3, energy=0.1, cell_sum=0.1, angle=25),
    "lightning": LossWeights(real=3, energy=0.1, cell_sum=0.1, angle=25),
}
"""Published weights: EcalEnergyTrain.py, HoroTest.py, NNLO, AngleTrain3dGAN.py, and the port to PyTorch
Lightning, which has those of the angle in another order, (3, 0.1, 25, 0.1)."""


class Truth(NamedTuple):
    """What a discriminator should say of showers; each (B,).

    Attributes:
        real: 1 or 0, flips included.
        energy: in 100 GeV.
        cell_sum: in the cells' unit.
        angle: in radian; None at a fixed angle.
    """

    real: Tensor
    energy: Tensor
    cell_sum: Tensor
    angle: Tensor | None = None


def flipped(real_B: Tensor, flips_B: Tensor) -> Tensor:
    """Turn labels 1 and 0 into each other where flips (bool) say so."""
    return torch.where(flips_B, 1 - real_B, real_B)


def relative_error(said_B: Tensor, true_B: Tensor) -> Tensor:
    """Mean absolute error in per cent of the true values, as Keras has it."""
    return 100 * ((true_B - said_B).abs() / true_B.abs().clamp_min(LEAST)).mean()  # Eq. (3)


def loss_parts(said: Judgement, truth: Truth) -> dict[str, Tensor]:
    """Compute the parts of a loss, unweighted: real, energy, cell_sum and, where there are angles, angle.

    Raises:
        InputError: angles are judged but not known, or the other way round.
    """
    parts = {
        "real": F.binary_cross_entropy_with_logits(said.real_logit, truth.real),  # Eq. (2)
        "energy": relative_error(said.energy, truth.energy),
        "cell_sum": relative_error(said.cell_sum, truth.cell_sum),
    }
    if (said.angle is None) != (truth.angle is None):
        raise InputError("angle: needs to be both judged and known, or neither")
    if said.angle is not None and truth.angle is not None:
        parts["angle"] = (truth.angle - said.angle).abs().mean()  # Eq. (4)
    return parts


def weighted(parts: Mapping[str, Tensor], weights: LossWeights) -> Tensor:
    """Add up the parts of a loss by their weights."""
    return torch.stack([getattr(weights, name) * part for name, part in parts.items()]).sum()  # Eq. (1)


def target_sum(energy_B: Tensor, fit: str = "electron") -> Tensor:
    """Say what the cells of a shower should add up to (B,), in GeV, S = E polynomial(E).

    Args:
        energy_B: in 100 GeV.
        fit: electron, neutral_pion or twice.

    Raises:
        InputError: another fit.
    """
    if fit not in SUM_FITS:
        raise InputError(f"fit: needs {one_of(list(SUM_FITS))}, got {fit!r}")
    ratio_B = torch.zeros_like(energy_B)
    for coefficient in SUM_FITS[fit]:
        ratio_B = ratio_B * energy_B + coefficient
    return energy_B * ratio_B


def fitted_sum(
    energy: NDArray[np.floating], sums_gev: NDArray[np.floating], degree: int = 3
) -> NDArray[np.float64]:
    """Fit what showers' cells add up to by a polynomial of the energy, to be asked of fake ones.

    Each shower counts by its relative deviation, as in Eq. (3).

    Args:
        energy: (shower,), in 100 GeV.
        sums_gev: (shower,), GeV.
        degree: of the polynomial.

    Returns:
        Coefficients for ``numpy.polyval``, the highest power first, the constant 0: no energy, no cells.
    """
    size = np.maximum(sums_gev.astype(np.float64), LEAST)
    powers = np.stack([energy.astype(np.float64) ** power for power in range(degree, 0, -1)], axis=1)
    fit, *_ = np.linalg.lstsq(powers / size[:, None], sums_gev / size, rcond=None)
    return np.append(fit, 0.0)
