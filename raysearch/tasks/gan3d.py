"""3DGAN: calorimeter showers made by a generator that a discriminator teaches, in place of their simulation.

S. Vallecorsa, F. Carminati, G. Khattak et al., LNCS 11203, doi:10.1007/978-3-030-02465-9_35 (25 x 25 x 25
cells at a fixed angle), Eur. Phys. J. C 82:386 (51 x 51 x 25 at variable angle); layers as in
``gan3d_published.py``, losses and their published weights as in ``gan3d_losses.py``. Published beside it:
batches of 128 (64 at variable angle), RMSprop at 1e-3, 5 % of the discriminator's labels flipped, two steps
of the generator a batch, cells below 1e-6 GeV set to 0.

What departs from the published code: fake showers get the energies (and angles) of the batch's real ones, not
evenly drawn ones, so that any spectrum of energies is learnt as it is; and by default their cells are to add
up to what those of training showers do (``target_sum: fitted``), not to the published polynomial, which is
one detector's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import Optimizer, RMSprop

from raysearch.data.conditions import Conditions
from raysearch.data.paths import DataPath
from raysearch.data.prepared import as_tensor
from raysearch.data.showers.cells import load_cells
from raysearch.data.showers.to_generate import showers_to_generate
from raysearch.data.source import DataSource
from raysearch.data.splitting import Split
from raysearch.data.summary import FileSummary
from raysearch.data.tensors import Batch, TensorData
from raysearch.data.to_score import ToScore
from raysearch.metrics.showers.features import shower_features
from raysearch.metrics.showers.sample import ShowerSample
from raysearch.metrics.showers.scalar import sampling_fraction_error, scalar_metric
from raysearch.metrics.showers.spectra import correlation_pictures, shower_pictures, shower_spectra
from raysearch.metrics.shown import Shown
from raysearch.models.gan3d import Gan3d
from raysearch.models.gan3d_losses import (
    Truth,
    fitted_sum,
    flipped,
    loss_parts,
    target_sum,
    weighted,
)
from raysearch.tasks.descent import Descent
from raysearch.tasks.file_task import FileTask, Rows
from raysearch.tasks.gan3d_settings import FITTED, Gan3dSettings
from raysearch.tasks.shower_facts import simulation_facts
from raysearch.tasks.task import Outputs

CELLS, ENERGY, THETA, TOTAL = range(4)  # columns of a batch
UNIT_GEV = 100.0  # in which networks see energies
ECAL, IMAGE = "ECAL", "image"
REAL, MADE = "real_", "made_"


class Gan3dTask(FileTask[Gan3dSettings]):
    """Generation of showers; a batch is (cells, energies, angles, sums asked of fake cells)."""

    Settings = Gan3dSettings
    kind = "showers"
    reads_several = True

    def view(self, settings: Gan3dSettings) -> tuple[int, int, int]:
        """Say which cells the networks see."""
        return settings.shape.cells

    @staticmethod
    def rows(path: DataPath, view: tuple[int, int, int]) -> Rows:
        """Map cells, energies in GeV, angles in rad (pi / 2 where files tell none) and sums of cells."""
        showers = load_cells(path, view)
        cells = as_tensor(showers.cells)
        theta = np.full(len(cells), np.pi / 2, np.float32) if showers.theta is None else showers.theta
        sums = torch.cat([some.sum((1, 2, 3)) for some in cells.split(1000)])
        tensors = (cells, as_tensor(showers.energy), as_tensor(theta), sums)
        return Rows(tensors, showers.events, showers.file_index)

    def tensors(self, rows: Rows, split: Split) -> tuple[Tensor, ...]:
        """Put what is asked of a fake shower of that energy in place of a shower's own sum of cells."""
        cells, energy, theta, sums = rows.tensors
        fit = fitted_sum(energy.numpy()[split.train] / UNIT_GEV, sums.numpy()[split.train])
        asked = np.polyval(fit, energy.numpy().astype(np.float64) / UNIT_GEV)
        return cells, energy, theta, torch.from_numpy(asked.astype(np.float32))

    def facts(
        self, source: DataSource, settings: Gan3dSettings, found: FileSummary, split: Split
    ) -> dict[str, Any]:
        """Tell which energies and angles there are, what sums were fitted, and what made showers are not."""
        rows, _ = self.mapped(source, settings)
        _, energy, theta, sums = (tensor.numpy() for tensor in rows.tensors)
        train = split.train
        return {
            "energy_gev": [float(energy[train].min()), float(energy[train].max())],
            "theta_rad": [float(theta[train].min()), float(theta[train].max())],
            "sum_of_cells_gev": fitted_sum(energy[train] / UNIT_GEV, sums[train]).tolist(),
            **simulation_facts(found),
        }

    def model(self, settings: Gan3dSettings) -> nn.Module:
        """Build both networks."""
        return Gan3d(settings.shape, compute=settings.compute)

    def optimizers(self, settings: Gan3dSettings, model: nn.Module) -> Mapping[str, Optimizer]:
        """Build one for each network, with Keras' epsilon."""
        assert isinstance(model, Gan3d)
        return {
            name: RMSprop(part.parameters(), lr=settings.learning_rate, alpha=settings.rho, eps=1e-7)
            for name, part in (("discriminator", model.discriminator), ("generator", model.generator))
        }

    def step(self, descent: Descent, batch: Batch) -> None:
        """Teach the discriminator on real showers and on fake ones, then the generator by its judgement."""
        settings, gan = descent.settings, descent.model
        assert isinstance(gan, Gan3d)
        energy, angle = batch[ENERGY] / UNIT_GEV, batch[THETA] if gan.shape.angle else None
        asked = batch[TOTAL] if settings.target_sum == FITTED else target_sum(energy, settings.target_sum)
        cells = _above(batch[CELLS], settings.threshold_gev)

        def judged(showers: Tensor, real: Tensor, sums: Tensor) -> Tensor:
            truth = Truth(real, energy, sums, angle)
            return weighted(loss_parts(gan.discriminator(showers), truth), settings.loss_weights)

        def labels(value: float) -> Tensor:
            same = torch.full_like(energy, value)
            return flipped(same, torch.rand_like(energy) < settings.flipped)

        descent(judged(cells**gan.shape.power, labels(1.0), cells.sum((1, 2, 3))), "discriminator")
        gan.generator.eval()  # the published code predicts them, with running means
        with torch.no_grad():
            fake = gan.generator(_noise(gan, energy), energy, angle)
        gan.generator.train()
        descent(judged(fake, labels(0.0), asked), "discriminator")
        for _ in range(settings.generator_steps):
            fake = gan.generator(_noise(gan, energy), energy, angle)
            descent(judged(fake, torch.ones_like(energy), asked), "generator")

    def predict(self, model: nn.Module, batch: Batch, chance: torch.Generator) -> Outputs:
        """Showers (B, x, y, layer) in GeV, of the batch's energies and angles."""
        assert isinstance(model, Gan3d)
        energy, angle = batch[ENERGY] / UNIT_GEV, batch[THETA] if model.shape.angle else None
        made = model.generator(_noise(model, energy, chance), energy, angle)
        return {ECAL: made.to(energy.dtype) ** (1 / model.shape.power)}

    def kept(self, outputs: Outputs, batch: Batch) -> Outputs:
        """Features and an image of each generated shower, and of the simulated one whose energy it has."""
        found: dict[str, Tensor] = {}
        for origin, cells in ((REAL, batch[CELLS]), (MADE, outputs[ECAL])):
            found |= {origin + name: each for name, each in shower_features(cells).items()}
            found[origin + IMAGE] = cells.sum(2)
        return found

    def training_loss(self, settings: Gan3dSettings) -> str:
        """Tell two networks' losses from the distance of showers."""
        return "of both networks, added up; others: how unlike showers are"

    def metrics(self, outputs: Outputs, data: TensorData) -> dict[str, float]:
        """The published scalar, to be lowered, and its parts; and how far the sampling fraction is off."""
        real, made = _samples(outputs, data)
        found = scalar_metric(real, made)
        return {
            "loss": found.total,
            "moments": found.moments,
            "profiles": found.profiles,
            **({} if found.angle is None else {"angle": found.angle}),
            "sampling_fraction": sampling_fraction_error(real, made)[0],
        }

    def shown(self, outputs: Outputs, data: TensorData) -> Sequence[Shown]:
        """All that the physics validation compares, and a few showers side by side."""
        real, made = _samples(outputs, data)
        simulated, generated = (outputs[origin + IMAGE].numpy() for origin in (REAL, MADE))
        pictures = shower_pictures(simulated, generated, real.energy)
        return [pictures, *shower_spectra(real, made), correlation_pictures(real, made)]

    def to_generate(
        self, wanted: Conditions, settings: Gan3dSettings, described: Mapping[str, Any]
    ) -> ToScore:
        """Make ready showers of given energies and, at variable angle, angles, within those trained on."""
        return showers_to_generate(
            wanted,
            settings.shape.cells,
            energy_gev=described["energy_gev"],
            theta_rad=described["theta_rad"] if settings.shape.angle else None,
        )

    def written(self, outputs: Outputs, data: TensorData) -> Mapping[str, NDArray[Any]]:
        """Cells, as files of showers hold them."""
        return {ECAL: outputs[ECAL].numpy()}


def _noise(gan: Gan3d, energy: Tensor, chance: torch.Generator | None = None) -> Tensor:
    size = (len(energy), gan.shape.noise)
    return torch.randn(size, generator=chance, dtype=energy.dtype, device=energy.device)


def _above(cells: Tensor, threshold_gev: float) -> Tensor:
    return torch.where(cells < threshold_gev, 0.0, cells)


def _samples(outputs: Outputs, data: TensorData) -> tuple[ShowerSample, ShowerSample]:
    """What was kept of simulated and of generated showers."""
    energy, theta = data.column(ENERGY).numpy(), data.column(THETA).numpy()
    angles = theta if np.ptp(theta) > 0 else None
    real, made = (
        ShowerSample(
            energy,
            {
                name.removeprefix(origin): each.numpy()
                for name, each in outputs.items()
                if name.startswith(origin)
            },
            angles,
        )
        for origin in (REAL, MADE)
    )
    return real, made
