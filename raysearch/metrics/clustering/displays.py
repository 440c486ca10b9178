"""Three events to look at: one that was shared out well, a typical one, and one that was not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from raysearch.metrics.clustering.figures import Shared
from raysearch.metrics.clustering.loss import event_losses
from raysearch.metrics.shown import Displays

QUANTILES = {"among the best tenth": 0.1, "typical": 0.5, "among the worst tenth": 0.9}  # of the loss


def event_displays(shared: Shared, sensors: torch.Tensor) -> list[Displays]:
    """Take the events at the tenth, fiftieth and ninetieth percentile of the loss, eq. (2).

    Args:
        shared: events whose energies were shared out.
        sensors: x, y, z in mm first, (sensor, 6).

    Returns:
        One value with three events, of their sensors with energy; none where no event has a finite loss.
    """
    losses = event_losses(shared.energy.double(), shared.true.double(), shared.found.double()).numpy()
    return displays_of(typical_events(losses, shared.energy), shared, sensors)


def typical_events(losses: NDArray[Any], energy: torch.Tensor) -> dict[str, int]:
    """Find the events at those percentiles of a loss (event,), by their captions; none if no loss is finite.

    Args:
        losses: of each event.
        energy: GeV, (event, sensor); events without any are left out.
    """
    known = np.flatnonzero(np.isfinite(losses) & (energy.sum(1).numpy() > 0))
    if not len(known):
        return {}
    ranked = known[np.argsort(losses[known], kind="stable")]
    chosen = {name: int(ranked[int(part * (len(ranked) - 1))]) for name, part in QUANTILES.items()}
    return {f"{name} (loss {losses[event]:.2f})": event for name, event in chosen.items()}


def displays_of(chosen: Mapping[str, int], shared: Shared, sensors: torch.Tensor) -> list[Displays]:
    """Show events, of which each has energy somewhere, by their captions; nothing if there are none."""
    if not chosen:
        return []
    hit = [torch.nonzero(shared.energy[event] > 0)[:, 0] for event in chosen.values()]
    energy, true, found = (
        torch.cat([of[event, sensor] for event, sensor in zip(chosen.values(), hit, strict=True)]).numpy()
        for of in (shared.energy, shared.true, shared.found)
    )
    return [
        Displays(
            "events",
            torch.cat([sensors[sensor, :3] for sensor in hit]).numpy(),
            "mm",
            energy,
            "GeV",
            np.repeat(np.arange(len(chosen)), [len(sensor) for sensor in hit]),
            true,
            found,
            tuple(chosen),
        )
    ]
