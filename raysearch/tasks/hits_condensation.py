"""Clustering of calorimeter hits of any number of particles, by object condensation on GravNet.

J. Kieseler, Eur. Phys. J. C 80 (2020) 886, arXiv:2002.03605; the network is in
raysearch/models/hits_condensation.py, its losses in raysearch/metrics/clustering/condensation.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from raysearch.data.tensors import Batch, TensorData
from raysearch.metrics.clustering.clustered_events import clustered
from raysearch.metrics.clustering.clusters import cluster_figures, find_clusters, match
from raysearch.metrics.clustering.condensation import CondensationLosses, Condensed, condensation_losses
from raysearch.metrics.clustering.displays import displays_of, typical_events
from raysearch.metrics.shown import Shown
from raysearch.models.hits_condensation import Condensation, CondensationShape
from raysearch.tasks.descent import Descent
from raysearch.tasks.gravnet_settings import GravNetSettings
from raysearch.tasks.hits import ENERGY, SENSORS, SHARES, OnHits
from raysearch.tasks.task import OUTPUTS, Outputs

Q_MIN, CLUSTERING_WEIGHT = 0.1, 1.0  # of the losses that are told, whatever trains


@dataclass(frozen=True, kw_only=True)
class HitsCondensationSettings(GravNetSettings):
    """Settings of object condensation.

    Attributes:
        coordinates: of the space in which the sensors of a particle gather.
        q_min: least charge in the training loss. What is told of the validation part is by 0.1.
        clustering_weight: of clustering against the energies in the training loss (s_C); told is by 1.
    """

    coordinates: int = 2
    q_min: float = Q_MIN
    clustering_weight: float = CLUSTERING_WEIGHT

    @property
    def shape(self) -> CondensationShape:
        """The network's sizes."""
        return CondensationShape(gravnet=self.gravnet_shape, coordinates=self.coordinates)

    def check_network(self) -> None:
        """Build the network's shape."""
        _ = self.shape

    def problems(self) -> Iterator[str]:
        """Tell every fault."""
        for name in ("q_min", "clustering_weight"):
            if not getattr(self, name) > 0:
                yield f"{name}: needs more than 0, got {getattr(self, name)}"
        yield from super().problems()


class HitsCondensation(OnHits[HitsCondensationSettings]):
    """Object condensation; outputs are confidence, energy and coordinates of each sensor."""

    Settings = HitsCondensationSettings
    higher_is_better = frozenset({"efficiency", "purity", "count_right"})
    no_objectives = frozenset({"response_mean"})  # the best is 1
    is_averaged = False
    finds_any_number = True

    def model(self, settings: HitsCondensationSettings) -> nn.Module:
        """Build the network."""
        return Condensation(settings.shape, kernel=settings.kernel)

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """All three losses, as they are told."""
        return _losses(model(batch[ENERGY], batch[SENSORS]), batch, Q_MIN).total(CLUSTERING_WEIGHT).mean()

    def training_loss(self, settings: HitsCondensationSettings) -> str:
        """Tell other weights from those of what is told."""
        q_min, weight = settings.q_min, settings.clustering_weight
        if (q_min, weight) == (Q_MIN, CLUSTERING_WEIGHT):
            return ""
        of_others = f"others: {Q_MIN:g}, {CLUSTERING_WEIGHT:g}"
        return f"least charge {q_min:.3g}, weight of clustering {weight:.3g}; {of_others}"

    def step(self, descent: Descent, batch: Batch) -> None:
        """Take one step down the losses with the weights of the settings."""
        settings = descent.settings
        told = descent.model(batch[ENERGY], batch[SENSORS])
        descent(_losses(told, batch, settings.q_min).total(settings.clustering_weight).mean())

    def metrics(self, outputs: Outputs, data: TensorData) -> dict[str, float]:
        """The losses, means over the events that have hits, and figures of the clusters."""
        losses, has_hits = _of_events(outputs, data), data.column(ENERGY).sum(1) > 0
        each = {
            "loss": losses.total(CLUSTERING_WEIGHT),
            "potential_loss": losses.potential,
            "confidence_loss": losses.confidence,
            "payload_loss": losses.payload,
        }
        columns = (data.column(ENERGY), data.column(SHARES), outputs[OUTPUTS])
        matches = [
            match(energy, true, find_clusters(energy, told))
            for energy, true, told in zip(*(each.numpy() for each in columns), strict=True)
        ]
        means = {name: float(values[has_hits].double().mean()) for name, values in each.items()}
        return {**means, **cluster_figures(matches)}

    def shown(self, outputs: Outputs, data: TensorData) -> Sequence[Shown]:
        """Three events, coloured by true particles and by clusters."""
        losses = _of_events(outputs, data).total(CLUSTERING_WEIGHT).numpy()
        chosen = typical_events(losses, data.column(ENERGY))
        if not chosen:
            return []
        rows = list(chosen.values())
        some = clustered(data.column(ENERGY)[rows], data.column(SHARES)[rows], outputs[OUTPUTS][rows])
        sensors = data.rows(torch.tensor([0]))[SENSORS][0]
        return displays_of(dict(zip(chosen, range(len(rows)), strict=True)), some, sensors)

    def written(self, outputs: Outputs, data: TensorData) -> Mapping[str, NDArray[Any]]:
        """What the network tells of each sensor, its cluster, and the energy of that cluster in GeV."""
        told, energy = outputs[OUTPUTS].numpy(), data.column(ENERGY).numpy()
        found = [find_clusters(*event) for event in zip(energy, told, strict=True)]
        gev = [np.append(each.energy_C, 0.0)[each.number_N] for each in found]  # -1, none, is the last: 0
        return {
            OUTPUTS: told,
            "cluster": np.stack([each.number_N for each in found]),
            "cluster_energy": np.stack(gev).astype(np.float32),
        }


def _losses(told: Tensor, batch: Batch, q_min: float) -> CondensationLosses:
    return condensation_losses(batch[ENERGY], batch[SHARES], Condensed.of(told), q_min)


def _of_events(outputs: Outputs, data: TensorData) -> CondensationLosses:
    told = Condensed.of(outputs[OUTPUTS])
    return condensation_losses(data.column(ENERGY), data.column(SHARES), told, Q_MIN)
