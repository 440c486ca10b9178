"""What the tasks on calorimeter hits share, and the sharing out of each sensor's energy among particles.

S. R. Qasim, J. Kieseler, Y. Iiyama, M. Pierini, Eur. Phys. J. C 79 (2019) 608, arXiv:1902.07987. A batch is
(energies, sensors, true shares): (B, N) in GeV, (B, N, 6) as in ``raysearch.data.hits``, (B, N, particles).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import Optimizer

from raysearch.data.hits.arrays import load_hits
from raysearch.data.hits.same_detector import describe_sensors
from raysearch.data.hits.to_score import hits_to_score
from raysearch.data.paths import DataPath
from raysearch.data.prepared import as_tensor
from raysearch.data.source import DataSource
from raysearch.data.splitting import Split
from raysearch.data.summary import FileSummary
from raysearch.data.tensors import Batch, TensorData
from raysearch.data.to_score import ToScore
from raysearch.metrics.clustering.displays import event_displays
from raysearch.metrics.clustering.estimates import shower_estimates
from raysearch.metrics.clustering.figures import OF_OVERLAP, Shared, figures
from raysearch.metrics.clustering.loss import event_losses
from raysearch.metrics.shown import Shown
from raysearch.models.hits_nodes import plain_form
from raysearch.tasks.descent import LOSS, Descent
from raysearch.tasks.file_task import FileTask, Rows
from raysearch.tasks.hits_settings import HitsSettings, HitsTraining, falling_rate
from raysearch.tasks.optimising import build_optimizer
from raysearch.tasks.schedule import Schedule
from raysearch.tasks.task import OUTPUTS, Outputs

H = TypeVar("H", bound=HitsTraining)
S = TypeVar("S", bound=HitsSettings)
ENERGY, SENSORS, SHARES = range(3)  # columns of a batch
AT_ONCE = 16  # events that a network is applied to together: their pairs of neighbours fit a memory


class OnHits(FileTask[H]):
    """A task on calorimeter hits: its data, what trains it, how its network is applied."""

    kind = "hits"
    reads_several = True
    finds_any_number: ClassVar[bool] = False  # of particles; else so many as the network has outputs for

    def view(self, settings: H) -> int:
        """Say how many particles there are to be told apart."""
        return settings.particles

    @staticmethod
    def rows(path: DataPath, view: int) -> Rows:
        """Map energies, sensors, which are the same in all events, and true shares."""
        hits = load_hits(path, view)
        energy = as_tensor(hits.energy)
        sensors = as_tensor(hits.sensors).expand(len(energy), -1, -1)
        return Rows((energy, sensors, as_tensor(hits.fractions)), hits.events, hits.file_index)

    def facts(self, source: DataSource, settings: H, found: FileSummary, split: Split) -> dict[str, Any]:
        """Tell how many sensors the detector has, and by what another one is told from it."""
        rows, _ = self.mapped(source, settings)
        table = rows.tensors[SENSORS][0].numpy()
        return {"n_sensors": len(table), "detector": describe_sensors(table)}

    def to_score(self, paths: Sequence[Path], settings: H, described: Mapping[str, Any]) -> ToScore:
        """Check files of a user's own hits, of a detector with as many sensors as that of the training."""
        # Studies of earlier versions do not tell their detector.
        trained_on = described.get("detector")
        return hits_to_score(
            paths, settings.particles, described["n_sensors"], trained_on, any_number=self.finds_any_number
        )

    def optimizer(self, settings: H, parameters: Iterable[nn.Parameter]) -> Optimizer:
        """Build the optimiser."""
        return build_optimizer(settings, parameters)

    def schedulers(self, settings: H, optimizers: Mapping[str, Optimizer]) -> Sequence[Schedule]:
        """Build what changes its learning rate."""
        return falling_rate(settings, optimizers[LOSS])

    def plain(self, model: nn.Module) -> nn.Module:
        """Give its plain form: no exporter can follow kernels, nor nodes that depend on the event."""
        return plain_form(model)

    def predict(self, model: nn.Module, batch: Batch, chance: torch.Generator) -> Tensor:
        """What the network says of each sensor, (B, N, values)."""
        energies, sensors = batch[ENERGY].split(AT_ONCE), batch[SENSORS].split(AT_ONCE)
        return torch.cat([model(*each) for each in zip(energies, sensors, strict=True)])


class HitsTask(OnHits[S]):
    """Sharing out of calorimeter hits; a subclass adds ``Settings`` and the model."""

    higher_is_better = frozenset({"accuracy", OF_OVERLAP + "accuracy"})
    # Means of the response: the best is 1.
    no_objectives = frozenset(
        of + name for of in ("", OF_OVERLAP) for name in ("response_mean", "kernel_mean")
    )

    def loss(self, model: nn.Module, batch: Batch, weight: str = "paper") -> Tensor:
        """Eq. (2)."""
        found = model(batch[ENERGY], batch[SENSORS]).to(batch[SHARES].dtype)
        return event_losses(batch[ENERGY], batch[SHARES], found, weight).mean()

    def training_loss(self, settings: S) -> str:
        """Tell the weight of the authors' code from the paper's."""
        of_code = "mean over showers, weight t sqrt(E); others: sum, sqrt(E t)"
        return of_code if settings.loss_weight == "code" else ""

    def step(self, descent: Descent, batch: Batch) -> None:
        """Take one step down the loss with the weight of the settings."""
        descent(self.loss(descent.model, batch, descent.settings.loss_weight))

    def metrics(self, outputs: Outputs, data: TensorData) -> dict[str, float]:
        """The 14 figures of the paper; the loss with its own weight."""
        return figures(_shared(outputs, data))

    def shown(self, outputs: Outputs, data: TensorData) -> Sequence[Shown]:
        """Energies of the showers beside the truth and beside equal parts; and three events."""
        shared, sensors = _shared(outputs, data), data.rows(torch.tensor([0]))[SENSORS][0]
        return [*shower_estimates(shared), *event_displays(shared, sensors)]

    def written(self, outputs: Outputs, data: TensorData) -> Mapping[str, NDArray[Any]]:
        """Shares of each sensor's energy, in the order of the detector's sensors."""
        return {"fractions": outputs[OUTPUTS].numpy()}


def _shared(outputs: Outputs, data: TensorData) -> Shared:
    return Shared(data.column(ENERGY), data.column(SHARES), outputs[OUTPUTS])
