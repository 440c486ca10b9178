"""A GAN of one's own on a file of one's own, energies of pions in two layers; see docs/own-task.md."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from scipy.stats import wasserstein_distance
from torch import nn
from torch.nn.functional import softplus
from torch.optim import Adam

from raysearch.data.source import DataSource
from raysearch.data.tensors import Batch, Parts, TensorData
from raysearch.metrics.shown import Spectra
from raysearch.tasks.task import Descent, Outputs, Task

CENTRE, WIDTH = 20.0, 10.0  # GeV, about those of both layers: networks like numbers of order 1


@dataclass(frozen=True)
class OwnGanSettings:
    latent: int
    width: int
    learning_rate: float
    batch_size: int = 100


class OwnGan(Task[OwnGanSettings]):
    Settings = OwnGanSettings

    def inspect(self, source: DataSource, settings: OwnGanSettings) -> dict[str, object]:
        path, parts = Path(source.path), vars(self.load(source, settings))
        files = {path.name: sha256(path.read_bytes()).hexdigest()}
        sizes = {f"n_{name}": len(part) for name, part in parts.items()}
        return {"files": files, "split_by": "rows", "units": "pions", **sizes}

    def load(self, source: DataSource, settings: OwnGanSettings) -> Parts:
        energies = torch.from_numpy(np.load(source.path)["energies"].astype(np.float32))  # (pion, layer), GeV
        place = np.random.default_rng(0).permutation(len(energies))  # the same for everybody
        begin, end = np.cumsum(source.split)[:2] * len(place)
        mine = place % source.folds == source.fold if source.folds > 1 else place >= begin
        is_test = place >= end
        train = np.flatnonzero(~mine & ~is_test)[: source.limit]
        return Parts(*(TensorData((energies[rows],)) for rows in (train, mine & ~is_test, is_test)))

    def model(self, settings: OwnGanSettings) -> nn.Module:
        def network(n_in: int, n_out: int, n: int = settings.width) -> nn.Module:
            return nn.Sequential(nn.Linear(n_in, n), nn.ELU(), nn.Linear(n, n), nn.ELU(), nn.Linear(n, n_out))

        return nn.ModuleDict({"generator": network(settings.latent, 2), "critic": network(2, 1)})

    def optimizers(self, settings: OwnGanSettings, model: nn.Module) -> dict[str, Adam]:
        adam = {"lr": settings.learning_rate, "betas": (0.5, 0.9)}
        return {name: Adam(network.parameters(), **adam) for name, network in model.items()}

    def step(self, descent: Descent, batch: Batch) -> None:
        generator, critic = descent.model["generator"], descent.model["critic"]
        real = (batch[0] - CENTRE) / WIDTH
        fake = generator(torch.randn(len(real), descent.settings.latent, device=real.device))
        descent(softplus(-critic(real)).mean() + softplus(critic(fake.detach())).mean(), "critic")
        descent(softplus(-critic(fake)).mean(), "generator")

    def predict(self, model: nn.Module, batch: Batch, chance: torch.Generator) -> Outputs:
        size = len(batch[0]), model["generator"][0].in_features
        made = model["generator"](torch.randn(size, generator=chance, device=chance.device))
        return {"layers": CENTRE + WIDTH * made}

    def kept(self, outputs: Outputs, batch: Batch) -> Outputs:  # of thousands of cells it would be sums alone
        layers = outputs["layers"]
        return {"E1": layers[:, 0], "E2": layers[:, 1], "E1 + E2": layers.sum(dim=1)}

    def metrics(self, outputs: Outputs, data: TensorData) -> dict[str, float]:
        far = [wasserstein_distance(each.real, each.made) for each in self.shown(outputs, data)]  # GeV
        return {"loss": float(np.mean(far)), "layer_1": far[0], "layer_2": far[1], "sum": far[2]}

    def shown(self, outputs: Outputs, data: TensorData) -> list[Spectra]:
        real = self.kept({"layers": data.column(0)}, ())
        return [Spectra(name, "GeV", real[name].numpy(), outputs[name].numpy()) for name in real]
