"""The 14 figures of arXiv:1902.07987, section 5: seven of whole showers, and seven of where they overlap.

The response of a shower is R_k = sum_i E_i p_ik / sum_i E_i t_ik, eq. (3), with true shares t and found p.
Particles keep their order: an answer with two of them exchanged is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from raysearch.metrics.clustering.loss import event_losses

Array = NDArray[Any]
KERNEL = (0.2, 2.8)  # of response: mean and variance within are the kernel's
ACCURATE = (0.7, 1.3)  # of response: such showers are found
OVERLAP = (0.2, 0.8)  # of true shares: such sensors are overlap
OF_OVERLAP = "overlap_"


@dataclass(frozen=True)
class Shared:
    """Events whose energies were shared out.

    Attributes:
        energy: GeV, (event, sensor).
        true: particles' shares, (event, sensor, particle).
        found: those that were found, of the same shape.
    """

    energy: Tensor
    true: Tensor
    found: Tensor


def responses(shared: Shared) -> Array:
    """Response of each shower, (event, particle), eq. (3); NaN where a particle has no energy."""
    true, found = shower_energies(shared)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(true > 0, found / true, np.nan)


def shower_energies(shared: Shared) -> tuple[Array, Array]:
    """Energy of each shower by its true and by its found shares, GeV, (event, particle)."""
    energy = shared.energy.double()
    return tuple(  # type: ignore[return-value] # of two
        torch.einsum("bn,bnk->bk", energy, share.double()).numpy() for share in (shared.true, shared.found)
    )


def overlap(shared: Shared) -> Shared:
    """The same events with energy only where two showers overlap: where a true share is 0.2 to 0.8."""
    low, high = OVERLAP
    is_overlap = ((shared.true > low) & (shared.true < high)).any(2)
    return Shared(shared.energy * is_overlap, shared.true, shared.found)


def figures(shared: Shared) -> dict[str, float]:
    """All 14; NaN where there is nothing to measure.

    Returns:
        ``loss`` and its variance over events; mean and variance of the response over showers, all of them and
        those in the kernel; ``accuracy``, the share of showers with a response of 0.7 to 1.3; each again with
        ``overlap_`` before its name, of the overlap alone.
    """
    in_overlap = {OF_OVERLAP + name: value for name, value in _seven(overlap(shared)).items()}
    return {**_seven(shared), **in_overlap}


def _seven(shared: Shared) -> dict[str, float]:
    has_energy = shared.energy.sum(1).numpy() > 0
    losses = event_losses(shared.energy.double(), shared.true.double(), shared.found.double()).numpy()
    response = responses(shared)
    response = response[~np.isnan(response) | np.isnan(_found(shared))]
    kernel = response[(response > KERNEL[0]) & (response < KERNEL[1])]
    accurate = (response > ACCURATE[0]) & (response < ACCURATE[1])
    return {
        "loss": _mean(losses[has_energy]),
        "loss_variance": _variance(losses[has_energy]),
        "response_mean": _mean(response),
        "response_variance": _variance(response),
        "kernel_mean": _mean(kernel),
        "kernel_variance": _variance(kernel),
        "accuracy": _mean(accurate),
    }


def _found(shared: Shared) -> Array:
    """Found energies, NaN where a network gave no numbers: such showers count, and make means NaN."""
    return shower_energies(shared)[1]


def _mean(values: Array) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _variance(values: Array) -> float:
    return float(values.var()) if len(values) else float("nan")
