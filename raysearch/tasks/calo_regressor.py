"""An electron's energy from the projection of its shower, by a small network trained by gradient or by evolution.

The task of the genetic-algorithm part of the 3DGAN paper (G. Khattak, S. Vallecorsa, F. Carminati et al.): 25 x 25
cells, summed over one transverse axis; the objective is the mean relative error, for gradients too. What every result
is to be compared with is the plainest estimate, a straight line through the sum of all cells, fitted to the training
part: it stands in the description of the data, and beside each prediction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import Adam, Optimizer, RMSprop

from raysearch.data.files import stamps
from raysearch.data.hdf5_gate import open_hdf5
from raysearch.data.prepared import as_tensor
from raysearch.data.showers.files import check_showers, shower_files
from raysearch.data.showers.make import MADE
from raysearch.data.showers.projection import Projections, load_projections
from raysearch.data.showers.summary import ShowerSummary
from raysearch.data.showers.to_score import showers_to_score
from raysearch.data.source import DataSource
from raysearch.data.splitting import Split, part_examples
from raysearch.data.tensors import Batch, Parts, TensorData
from raysearch.data.to_score import ToScore
from raysearch.errors import InputError, one_of
from raysearch.metrics.regression import Calibration, bias, relative_error, resolution
from raysearch.metrics.shown import Shown, calorimeter_energy
from raysearch.models.calo_children import children_outputs, has_fast_children
from raysearch.models.calo_regressor import CaloNetwork, CaloShape, compute_problems
from raysearch.models.flat import Step
from raysearch.tasks.task import Outputs, Task

OPTIMIZERS: dict[str, type[Adam | RMSprop]] = {"rmsprop": RMSprop, "adam": Adam}
Axis = Literal["x", "y"]
SUMMED_AT_ONCE = 10_000  # showers
PARAMETERISED = (
    "The showers come from a parameterisation (G. Grindhammer, S. Peters, hep-ex/0001020), not from a simulation of "
    "particles: their profile and the detector's resolution are its inputs, not predictions."
)


@dataclass(frozen=True, kw_only=True)
class CaloRegressorSettings:
    """Settings of the energy regression; those of the network as in ``CaloShape``.

    Attributes:
        axis: transverse axis that is summed, x or y.
        optimizer: rmsprop or adam; of no use to evolution.
        learning_rate: of the optimiser.
        batch_size: showers per step, or per generation.
        compute: ``fused`` makes children of evolution quicker on a CPU with a C++ compiler: the same function
            but for rounding, for networks with one convolution. Of no use to training by gradient.
    """

    conv_layers: int = 1
    filters: int = 16
    kernel: int = 3
    activation: str = "relu"
    axis: Axis = "y"
    optimizer: str = "rmsprop"
    learning_rate: float = 1e-3
    batch_size: int = 128
    compute: str = "torch"

    def __post_init__(self) -> None:
        problems = compute_problems(self.compute)
        try:
            _ = self.network
        except InputError as error:
            problems += error.problems
        if self.axis not in get_args(Axis):
            problems.append(f"axis: needs {one_of(get_args(Axis))}, got {self.axis!r}")
        if self.optimizer not in OPTIMIZERS:
            problems.append(f"optimizer: needs {one_of(list(OPTIMIZERS))}, got {self.optimizer!r}")
        if not self.learning_rate > 0:
            problems.append(f"learning_rate: needs more than 0, got {self.learning_rate}")
        if self.batch_size < 1:
            problems.append(f"batch_size: needs at least 1, got {self.batch_size}")
        if problems:
            raise InputError(*problems)

    @property
    def network(self) -> CaloShape:
        """The network's part of the settings."""
        return CaloShape(
            conv_layers=self.conv_layers, filters=self.filters, kernel=self.kernel, activation=self.activation
        )


class CaloRegressor(Task[CaloRegressorSettings]):
    """Energy regression on projections of showers; a batch is (images, energies by calibration, energies)."""

    Settings = CaloRegressorSettings

    def inspect(self, source: DataSource, settings: CaloRegressorSettings) -> dict[str, Any]:
        """Check every file, count the parts, and fit the calibration."""
        path = _path(source)
        summary = _checked(path, stamps(shower_files(path)))
        data = _data(source, settings.axis)
        folds = {"folds": source.folds, "fold_by": source.fold_by} if source.folds >= 2 else {}
        return {
            "files": summary.sha256,
            "n_showers": summary.n,
            "units": "showers",
            "n_train": len(data.split.train),
            "n_validation": len(data.split.validation),
            "n_test": len(data.split.test),
            "split_by": data.split.by,
            "calibration": {
                "slope": data.calibration.slope,
                "offset_gev": data.calibration.offset_gev,
                "train_error": data.calibration_error(data.split.train),
                "validation_error": data.calibration_error(data.split.validation),
            },
            **folds,
            **({"simulation": PARAMETERISED} if any(map(_is_made_here, summary.files)) else {}),
        }

    def load(self, source: DataSource, settings: CaloRegressorSettings) -> Parts:
        """Map the projections; all runs of a node share one copy."""
        data = _data(source, settings.axis)
        split = data.split
        rows = [torch.from_numpy(part) for part in (split.train, split.validation, split.test)]
        return Parts(*(TensorData(data.tensors, part) for part in rows))

    def other_data_like(
        self, paths: Sequence[Path], settings: CaloRegressorSettings, described: Mapping[str, Any]
    ) -> ToScore:
        """Check files of a user's own showers, with or without energies; the calibration is the study's."""
        found = described["calibration"]
        return showers_to_score(paths, settings.axis, Calibration(found["slope"], found["offset_gev"]))

    def model(self, settings: CaloRegressorSettings) -> nn.Module:
        """Build the network."""
        return CaloNetwork(settings.network, settings.compute)

    def optimizer(self, settings: CaloRegressorSettings, parameters: Iterable[nn.Parameter]) -> Optimizer:
        """Build the optimiser."""
        return OPTIMIZERS[settings.optimizer](parameters, lr=settings.learning_rate)

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Mean relative error."""
        return ((model(batch[0]) - batch[-1]).abs() / batch[-1]).mean()

    def children_losses(self, model: nn.Module, steps: Sequence[Step], batch: Batch) -> Tensor:
        """Mean relative errors of children (child,), which share what they have in common with their parent."""
        if not (isinstance(model, CaloNetwork) and has_fast_children(model)):
            return super().children_losses(model, steps, batch)
        outputs = children_outputs(model, steps, batch[0])
        return torch.from_numpy(relative_error(outputs.numpy(), batch[-1].numpy()))

    def predict(self, model: nn.Module, batch: Batch) -> Tensor:
        """Energies (B,) in GeV."""
        return model(batch[0])

    def metrics(self, outputs: Tensor, data: TensorData) -> dict[str, float]:
        """Relative error, bias, and resolution."""
        estimated, true = outputs.numpy(), data.column(-1).numpy()
        return {
            "loss": float(relative_error(estimated, true)),
            "bias": float(bias(estimated, true)),
            "resolution": float(resolution(estimated, true)),
        }

    def shown(self, outputs: Outputs, data: TensorData) -> Sequence[Shown]:
        """Energies: true, estimated, and by the calibration."""
        true, calibrated = data.column(-1).numpy(), data.column(1).numpy()
        return [calorimeter_energy(true, outputs["outputs"].numpy(), calibrated)]


@dataclass(frozen=True)
class _Data:
    """Projections, how they are parted, and the calibration by their training part."""

    tensors: tuple[Tensor, Tensor, Tensor]  # images, energies by calibration, energies
    split: Split
    calibration: Calibration

    def calibration_error(self, rows: NDArray[np.int64]) -> float:
        """Relative error of the calibration on some showers."""
        _, calibrated, energy = self.tensors
        return float(relative_error(calibrated[rows].numpy(), energy[rows].numpy()))


def _is_made_here(file: Path) -> bool:
    with closing(open_hdf5(file)) as opened:
        return MADE in opened.attrs


def _path(source: DataSource) -> Path | None:
    return None if source.path is None else Path(source.path)


@lru_cache(maxsize=1)
def _checked(path: Path | None, stamps: tuple[tuple[int, ...], ...]) -> ShowerSummary:  # noqa: ARG001 - as a key
    """Read every value of the files once for all studies of a series, unless a file changes meanwhile."""
    return check_showers(path)


@lru_cache(maxsize=2)
def _projections(path: Path | None, axis: Axis) -> tuple[Projections, NDArray[np.float64]]:
    """Map the projections once in a process, and sum each one's cells."""
    showers = load_projections(path, axis)
    starts = range(0, len(showers.images), SUMMED_AT_ONCE)
    sums = [showers.images[start : start + SUMMED_AT_ONCE].sum((1, 2), dtype=np.float64) for start in starts]
    return showers, np.concatenate(sums)


@lru_cache(maxsize=8)
def _data(source: DataSource, axis: Axis) -> _Data:
    showers, sums = _projections(_path(source), axis)
    split = part_examples(showers.events, showers.file_index, source)
    calibration = Calibration.fit(sums[split.train], showers.energy[split.train])
    calibrated = torch.from_numpy(calibration(sums).astype(np.float32))
    return _Data((as_tensor(showers.images), calibrated, as_tensor(showers.energy)), split, calibration)
