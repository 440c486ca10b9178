"""An electron's energy from its projected shower, by a small network trained by gradient or by evolution.

The task of the genetic-algorithm part of the 3DGAN paper (G. Khattak, S. Vallecorsa, F. Carminati et al.):
25 x 25 cells, summed over one transverse axis; the objective is the mean relative error, for gradients too.
What every result is to be compared with is the plainest estimate, a straight line through the sum of all
cells, fitted to the training part: it stands in the description of the data, and beside each prediction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import Optimizer

from raysearch.data.paths import DataPath
from raysearch.data.prepared import as_tensor
from raysearch.data.showers.projection import load_projections
from raysearch.data.showers.to_score import showers_to_score
from raysearch.data.source import DataSource
from raysearch.data.splitting import Split
from raysearch.data.summary import FileSummary
from raysearch.data.tensors import Batch, TensorData
from raysearch.data.to_score import ToScore
from raysearch.errors import InputError, one_of
from raysearch.metrics.regression import Calibration, bias, relative_error, resolution
from raysearch.metrics.shown import Shown, calorimeter_energy
from raysearch.models.calo_children import children_outputs, has_fast_children
from raysearch.models.calo_regressor import CaloNetwork, CaloShape, compute_problems
from raysearch.models.flat import Step
from raysearch.tasks.file_task import FileTask, Rows
from raysearch.tasks.optimising import Scheduled, build_optimizer, build_schedules
from raysearch.tasks.schedule import Schedule
from raysearch.tasks.shower_facts import simulation_facts
from raysearch.tasks.task import LOSS, OUTPUTS, Outputs

Axis = Literal["x", "y"]
IMAGE, CALIBRATED, ENERGY = 0, 1, -1  # columns of a batch
SUMMED_AT_ONCE = 10_000  # showers
CHILDREN_AT_ONCE = 1024


@dataclass(frozen=True, kw_only=True)
class CaloRegressorSettings(Scheduled):
    """Settings of the energy regression; the network's as in ``CaloShape``, training's as in ``Scheduled``.

    Attributes:
        axis: transverse axis that is summed, x or y.
        compute: ``fused`` makes children of evolution quicker on a CPU with a C++ compiler: the same function
            but for rounding, for networks with one convolution. Of no use to training by gradient.
    """

    ALLOWED = ("rmsprop", "adam")

    conv_layers: int = 1
    filters: int = 16
    kernel: int = 3
    activation: str = "relu"
    axis: Axis = "y"
    optimizer: str = "rmsprop"
    batch_size: int = 128
    compute: str = "torch"

    def problems(self) -> Iterator[str]:
        """Tell every fault."""
        yield from compute_problems(self.compute)
        try:
            _ = self.network
        except InputError as error:
            yield from error.problems
        if self.axis not in get_args(Axis):
            yield f"axis: needs {one_of(get_args(Axis))}, got {self.axis!r}"
        yield from super().problems()

    @property
    def network(self) -> CaloShape:
        """The network's part of the settings."""
        return CaloShape(
            conv_layers=self.conv_layers, filters=self.filters, kernel=self.kernel, activation=self.activation
        )


class CaloRegressor(FileTask[CaloRegressorSettings]):
    """Energy regression on projections of showers; a batch is (images, energies by calibration, energies)."""

    Settings = CaloRegressorSettings
    kind = "showers"
    no_objectives = frozenset({"bias"})  # the best is 0, from either side
    reads_several = True

    def view(self, settings: CaloRegressorSettings) -> Axis:
        """Say along which axis cells are summed."""
        return settings.axis

    @staticmethod
    def rows(path: DataPath, view: Axis) -> Rows:
        """Map the projections, and sum each one's cells: images, sums and energies."""
        showers = load_projections(path, view)
        starts = range(0, len(showers.images), SUMMED_AT_ONCE)
        # In double precision, for the calibration is fitted to them; piece by piece, for it is a copy.
        sums = [
            showers.images[start : start + SUMMED_AT_ONCE].sum((1, 2), dtype=np.float64) for start in starts
        ]
        tensors = (
            as_tensor(showers.images),
            torch.from_numpy(np.concatenate(sums)),
            as_tensor(showers.energy),
        )
        return Rows(tensors, showers.events, showers.file_index)

    def tensors(self, rows: Rows, split: Split) -> tuple[Tensor, ...]:
        """Images, and energies by the calibration and true, in GeV."""
        images, sums, energy = rows.tensors
        # Fitted on the training part alone, as the network is.
        calibrated = _calibration(rows, split)(sums.numpy()).astype(np.float32)
        return images, torch.from_numpy(calibrated), energy

    def facts(
        self, source: DataSource, settings: CaloRegressorSettings, found: FileSummary, split: Split
    ) -> dict[str, Any]:
        """Fit the calibration, tell how good it is, and what showers made by raysearch are not."""
        rows, _ = self.mapped(source, settings)
        calibration = _calibration(rows, split)
        _, calibrated, energy = (tensor.numpy() for tensor in self.tensors(rows, split))

        def error(part: NDArray[np.int64]) -> float:
            return float(relative_error(calibrated[part], energy[part]))

        return {
            "calibration": {
                "slope": calibration.slope,
                "offset_gev": calibration.offset_gev,
                "train_error": error(split.train),
                "validation_error": error(split.validation),
            },
            **simulation_facts(found),
        }

    def to_score(
        self, paths: Sequence[Path], settings: CaloRegressorSettings, described: Mapping[str, Any]
    ) -> ToScore:
        """Check files of a user's own showers, with or without energies; the calibration is the study's."""
        # The study's own: fitted to a user's showers it would need their energies.
        found = described["calibration"]
        return showers_to_score(paths, settings.axis, Calibration(found["slope"], found["offset_gev"]))

    def model(self, settings: CaloRegressorSettings) -> nn.Module:
        """Build the network."""
        return CaloNetwork(settings.network, settings.compute)

    def optimizer(self, settings: CaloRegressorSettings, parameters: Iterable[nn.Parameter]) -> Optimizer:
        """Build the optimiser."""
        return build_optimizer(settings, parameters)

    def schedulers(
        self, settings: CaloRegressorSettings, optimizers: Mapping[str, Optimizer]
    ) -> Sequence[Schedule]:
        """Build what changes its learning rate."""
        return build_schedules(settings, optimizers[LOSS])

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Mean relative error."""
        return ((model(batch[IMAGE]) - batch[ENERGY]).abs() / batch[ENERGY]).mean()

    def children_losses(self, model: nn.Module, steps: Sequence[Step], batch: Batch) -> Tensor:
        """Mean relative errors of children (child,), which share what is the same as in their parent."""
        if not (isinstance(model, CaloNetwork) and has_fast_children(model)):
            return super().children_losses(model, steps, batch)
        outputs = children_outputs(model, steps, batch[IMAGE])
        # In double, as the contract of children has it: selection compares losses that differ little. Some
        # children at a time: doubles of thousands would leave the processor's cache at each operation.
        energy = batch[ENERGY].numpy()
        losses = [relative_error(some.numpy(), energy) for some in outputs.split(CHILDREN_AT_ONCE)]
        return torch.from_numpy(np.concatenate(losses))

    def predict(self, model: nn.Module, batch: Batch, chance: torch.Generator) -> Tensor:
        """Energies (B,) in GeV."""
        return model(batch[IMAGE])

    def metrics(self, outputs: Outputs, data: TensorData) -> dict[str, float]:
        """Relative error, bias, and resolution."""
        estimated, true = outputs[OUTPUTS].numpy(), data.column(ENERGY).numpy()
        return {
            "loss": float(relative_error(estimated, true)),
            "bias": float(bias(estimated, true)),
            "resolution": float(resolution(estimated, true)),
        }

    def shown(self, outputs: Outputs, data: TensorData) -> Sequence[Shown]:
        """Energies: true, estimated, and by the calibration."""
        true, calibrated = data.column(ENERGY).numpy(), data.column(CALIBRATED).numpy()
        return [calorimeter_energy(true, outputs[OUTPUTS].numpy(), calibrated)]


def _calibration(rows: Rows, split: Split) -> Calibration:
    """Fit the line through the sums of the training part."""
    _, sums, energy = rows.tensors
    return Calibration.fit(sums.numpy()[split.train], energy.numpy()[split.train])
