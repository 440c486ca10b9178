"""Flow matching: jets or digits as point clouds, by a velocity field that leads from noise to clouds.

EPiC-FM, E. Buhmann et al., arXiv:2310.00049, or a field with attention; networks and loss as in
``models/epic_flow.py``, ``attention_flow.py`` and ``flow_matching.py``. In the public code of EPiC-FM
(uhh-pd-ml/beyond_kinematics) gradients are clipped at 0.5, and weights averaged over steps; here they are
not, and the network sees the logarithm of pT_rel.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import Optimizer

from raysearch.data.tensors import Batch
from raysearch.models.cloud_maker import CloudMaker
from raysearch.models.flow_matching import FlowGenerator, flow_matching_loss
from raysearch.tasks.cloud_rows import LABEL, POINTS, STATISTICS, log_statistics_of
from raysearch.tasks.cloud_task import CloudTask
from raysearch.tasks.descent import LOSS, Descent
from raysearch.tasks.file_task import Rows
from raysearch.tasks.flow_matching_settings import FlowMatchingSettings, build_flow
from raysearch.tasks.optimising import build_optimizer, build_schedules
from raysearch.tasks.schedule import Schedule


class FlowMatching(CloudTask[FlowMatchingSettings]):
    """Generation of point clouds by flow matching."""

    Settings = FlowMatchingSettings

    @staticmethod
    def statistics(rows: Rows, train: NDArray[np.int64]) -> Tensor:
        """Measure the training part, of jets with the logarithm of pT_rel in its place."""
        return log_statistics_of(rows, train)

    def model(self, settings: FlowMatchingSettings) -> nn.Module:
        """Build the velocity field and the generator that follows it."""
        return build_flow(settings)

    def optimizer(self, settings: FlowMatchingSettings, parameters: Iterable[nn.Parameter]) -> Optimizer:
        """Build the optimiser."""
        return build_optimizer(settings, parameters)

    def schedulers(
        self, settings: FlowMatchingSettings, optimizers: Mapping[str, Optimizer]
    ) -> Sequence[Schedule]:
        """Build what changes its learning rate."""
        return build_schedules(settings, optimizers[LOSS])

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """How far the field is from the velocities of straight paths, one a cloud."""
        return _loss(model, batch, 1)

    def training_loss(self, settings: FlowMatchingSettings) -> str:
        """Tell the velocities' loss from the distance of clouds."""
        return "squared distance of velocities; others: how unlike clouds are"

    def step(self, descent: Descent, batch: Batch) -> None:
        """Take as many steps down the loss of as many draws a cloud as settings want."""
        for _ in range(descent.settings.steps_a_batch):
            descent(_loss(descent.model, batch, descent.settings.draws))


def _loss(model: nn.Module, batch: Batch, draws: int) -> Tensor:
    assert isinstance(model, CloudMaker)
    generator, found = model.generator, batch[STATISTICS]
    assert isinstance(generator, FlowGenerator)
    points, labels = batch[POINTS], model.labels(batch[LABEL], found)
    seen, there = model.frame(found).inward(points), (points != 0).any(2)
    seen, there, labels = (each.repeat(draws, *[1] * (each.ndim - 1)) for each in (seen, there, labels))
    return flow_matching_loss(generator.field, seen, there, labels, generator.pair)
