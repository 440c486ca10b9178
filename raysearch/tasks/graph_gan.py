"""Graph GANs and their rivals: jets or digits as point clouds, by a generator that a discriminator teaches.

MPGAN (R. Kansal et al., arXiv:2106.11535), EPiC-GAN (arXiv:2301.08128) and the former's fully connected
baseline; layers as in ``mpgan_networks.py``, ``epic_networks.py`` and ``cloud_dense.py``. Least-squares loss
(arXiv:1611.04076), one step of each network a batch, without gradient penalty, as MPGAN and EPiC-GAN were
trained; the published fully connected one was trained by a Wasserstein loss with a gradient penalty.

What departs from the published code: a generated particle whose pT comes out at 0 or below is none. Jets are
scaled by the greatest values of the training part, as that code scales each class by its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import Optimizer

from raysearch.data.clouds.jet_layouts import PARTICLES
from raysearch.data.clouds.summary import CloudSummary
from raysearch.data.conditions import Conditions
from raysearch.data.kinds import KINDS
from raysearch.data.paths import DataPath
from raysearch.data.source import DataSource
from raysearch.data.splitting import Split
from raysearch.data.summary import FileSummary
from raysearch.data.tensors import Batch, TensorData
from raysearch.data.to_score import ToScore
from raysearch.errors import InputError
from raysearch.metrics.generation.digit_images import digit_features, digit_pictures
from raysearch.metrics.generation.jet_sample import JetSample
from raysearch.metrics.generation.jet_spectra import jet_spectra
from raysearch.metrics.generation.quick_figures import digit_figures, jet_figures
from raysearch.metrics.shown import Shown
from raysearch.models.cloud_frame import GREATEST
from raysearch.models.cloud_gan import CloudGan, GeneratorAlone, with_mask
from raysearch.models.mpgan_networks import plain_form
from raysearch.tasks.cloud_rows import (
    DIGIT_POINTS,
    JETS,
    KIND_OF,
    LABEL,
    NUMBER,
    POINTS,
    STATISTICS,
    CloudView,
    class_facts,
    cloud_rows,
    multiplicities,
    statistics_of,
)
from raysearch.tasks.cloud_wishes import clouds_to_generate
from raysearch.tasks.descent import Descent
from raysearch.tasks.file_task import FileTask, Rows
from raysearch.tasks.graph_gan_settings import OPTIMIZERS, GraphGanSettings, build_gan
from raysearch.tasks.optimising import cosine
from raysearch.tasks.schedule import Schedule
from raysearch.tasks.task import Outputs

if TYPE_CHECKING:
    from raysearch.data.kinds import Events

TOLD = "told"  # labels that the generator was told


class GraphGan(FileTask[GraphGanSettings]):
    """Generation of point clouds; a batch is (points, their number, labels, statistics of training ones)."""

    Settings = GraphGanSettings
    kind = KIND_OF[JETS]
    no_objectives = frozenset({"floor", "floor_error"})  # of real clouds: no network changes them
    reads_several = True
    is_averaged = False  # a mean of clouds is like none of them

    def kind_of(self, settings: GraphGanSettings) -> str:
        """Name the kind of files that the clouds are in."""
        return KIND_OF[settings.clouds]

    def view(self, settings: GraphGanSettings) -> CloudView:
        """Say which clouds the networks see."""
        return settings.view

    @staticmethod
    def rows(path: DataPath, view: CloudView) -> Rows:
        """Map the clouds of the class."""
        return cloud_rows(path, view)

    def parted(self, source: DataSource, settings: GraphGanSettings, events: Events) -> Split:
        """Part the clouds of the class, by their own events."""
        return self.mapped(source, settings)[1]

    def tensors(self, rows: Rows, split: Split) -> tuple[Tensor, ...]:
        """Put statistics of the training part beside every cloud."""
        *of_clouds, _ = rows.tensors
        found = statistics_of(rows, split.train)
        return (*of_clouds, found.expand(len(of_clouds[0]), *found.shape))

    def check_files(self, path: DataPath, found: FileSummary, settings: GraphGanSettings) -> None:
        """Check that files tell the classes that networks are to be told."""
        if settings.conditional and isinstance(found, CloudSummary) and found.n_unknown:
            raise InputError(
                f"space.conditional: files do not tell the class of {found.n_unknown:,} of {found.n:,} jets"
            )

    def facts(
        self, source: DataSource, settings: GraphGanSettings, found: FileSummary, split: Split
    ) -> dict[str, Any]:
        """Tell how many clouds are of the class."""
        rows, _ = self.mapped(source, settings)
        return dict(class_facts(rows, settings.view.of_class, KINDS[self.kind_of(settings)].noun))

    def training_facts(self, source: DataSource, settings: GraphGanSettings) -> dict[str, Any]:
        """Measure the training part: how clouds are scaled, and how many have how many points."""
        rows, split = self.mapped(source, settings)
        return {
            "statistics": statistics_of(rows, split.train).tolist(),
            "multiplicities": multiplicities(rows, split.train),
        }

    def model(self, settings: GraphGanSettings) -> nn.Module:
        """Build both networks."""
        return build_gan(settings)

    def plain(self, model: nn.Module) -> nn.Module:
        """Put MPGAN's networks in their published form, in which all pairs of points are."""
        assert isinstance(model, CloudGan)
        return model.in_form(plain_form)

    def optimizers(self, settings: GraphGanSettings, model: nn.Module) -> Mapping[str, Optimizer]:
        """Build one for each network."""
        assert isinstance(model, CloudGan)
        build, options = OPTIMIZERS[settings.network]
        networks = {"discriminator": model.discriminator, "generator": model.generator}
        return {
            name: build(network.parameters(), lr=settings.rates[name], **options)
            for name, network in networks.items()
        }

    def schedulers(
        self, settings: GraphGanSettings, optimizers: Mapping[str, Optimizer]
    ) -> Sequence[Schedule]:
        """Let both rates fall together, if they are to."""
        epochs = settings.decay_epochs
        return [cosine(each, epochs) for each in optimizers.values()] if epochs else []

    def training_loss(self, settings: GraphGanSettings) -> str:
        """Tell two networks' losses from the distance of clouds."""
        return "of both networks, added up; others: how unlike clouds are"

    def step(self, descent: Descent, batch: Batch) -> None:
        """Teach the discriminator on real clouds and on fake ones, then the generator by its judgement."""
        gan = descent.model
        assert isinstance(gan, CloudGan)
        judged = gan.discriminator
        points, n, found = batch[POINTS], batch[NUMBER], batch[STATISTICS]
        labels = gan.labels(batch[LABEL], found)
        with torch.no_grad():
            fake = gan.drawn(n, points.shape[1], labels)
        real = gan.frame(found).inward(points), (points != 0).any(2)
        descent(_off(judged(*real, labels), 1) + _off(judged(*fake, labels), 0), "discriminator")
        fake = gan.drawn(n, points.shape[1], labels)
        descent(_off(judged(*fake, labels), 1), "generator")

    def predict(self, model: nn.Module, batch: Batch, chance: torch.Generator) -> Outputs:
        """Generate clouds (B, N, 3) of the batch's numbers of points and labels, in the files' units."""
        assert isinstance(model, CloudGan)
        made = model.made(batch[NUMBER], batch[POINTS].shape[1], batch[LABEL], batch[STATISTICS], chance)
        if model.of_jets:
            return {PARTICLES: made}
        told = batch[LABEL] if model.n_labels else torch.full_like(batch[LABEL], -1)
        return {DIGIT_POINTS: made, TOLD: told}

    def metrics(self, outputs: Outputs, data: TensorData) -> dict[str, float]:
        """W1-M + W1-P of jets, the Frechet distance of digits' images, and what real ones have."""
        if not all(bool(each.isfinite().all()) for each in outputs.values()):
            return {"loss": math.nan}
        if PARTICLES in outputs:
            real, made = (JetSample(each.numpy()) for each in (data.column(POINTS), outputs[PARTICLES]))
            return jet_figures(real, made)
        return digit_figures(*_digit_features(outputs, data))

    def shown(self, outputs: Outputs, data: TensorData) -> Sequence[Shown]:
        """Spectra of jets and of their particles; of digits a few pictures."""
        real = data.column(POINTS).numpy()
        if PARTICLES in outputs:
            return jet_spectra(JetSample(real), JetSample(outputs[PARTICLES].numpy()))
        labels = data.column(LABEL).numpy()
        return [digit_pictures(real, outputs[DIGIT_POINTS].numpy(), _side(data), labels)]

    def to_generate(
        self, wanted: Conditions, settings: GraphGanSettings, described: Mapping[str, Any]
    ) -> ToScore:
        """Make ready as many clouds as are wanted, or as files have, without conditions."""
        return clouds_to_generate(wanted, settings.view, described, is_told=settings.conditional)

    def written(self, outputs: Outputs, data: TensorData) -> Mapping[str, NDArray[Any]]:
        """Jets with a mask, as JetNet's files have them; digits' points."""
        if PARTICLES not in outputs:
            return {DIGIT_POINTS: outputs[DIGIT_POINTS].numpy()}
        return {PARTICLES: with_mask(outputs[PARTICLES]).numpy()}

    def generator_alone(
        self, model: nn.Module, batch: Batch, chance: torch.Generator
    ) -> tuple[nn.Module, Batch]:
        """Give the generator, and noise, numbers of points and, if it is told them, labels."""
        gan, found = self.plain(model), batch[STATISTICS]
        assert isinstance(gan, CloudGan)
        noise = gan.noise(batch[NUMBER], batch[POINTS].shape[1], found.dtype, chance)
        told = (batch[LABEL],) if gan.n_labels else ()
        return GeneratorAlone(gan, found[0]), (noise, batch[NUMBER], *told)


def _off(scores: Tensor, wanted: float) -> Tensor:
    return (scores - wanted).square().mean()


def _side(data: TensorData) -> float:
    return float(data.column(STATISTICS)[0, GREATEST, 0])


def _digit_features(outputs: Outputs, data: TensorData) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Features of real digits and of generated ones, with labels if the generator was told these."""
    told = outputs[TOLD].long()
    labels = told.numpy() if bool((told >= 0).all()) else None
    side = _side(data)
    return (
        digit_features(data.column(POINTS).numpy(), side, labels),
        digit_features(outputs[DIGIT_POINTS].numpy(), side, labels),
    )
