"""What generators of point clouds have in common: rows, what clouds are judged by, what is written."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from raysearch.data.clouds.summary import CloudSummary
from raysearch.data.conditions import Conditions
from raysearch.data.jets.layout import PARTICLES
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
from raysearch.models.cloud_maker import CloudMaker, GeneratorAlone, with_mask
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
from raysearch.tasks.cloud_settings import CloudSettings
from raysearch.tasks.cloud_wishes import clouds_to_generate
from raysearch.tasks.file_task import FileTask, Rows
from raysearch.tasks.task import Outputs

if TYPE_CHECKING:
    from raysearch.data.kinds import Events

S = TypeVar("S", bound=CloudSettings)

TOLD = "told"  # labels that the generator was told


class CloudTask(FileTask[S]):
    """Generation of point clouds; a batch is (points, their number, labels, statistics of training ones).

    A subclass has the networks, which are a :class:`~raysearch.models.cloud_maker.CloudMaker`, and how they
    learn.
    """

    kind = KIND_OF[JETS]
    no_objectives = frozenset({"floor", "floor_error"})  # of real clouds: no network changes them
    reads_several = True
    is_averaged = False  # a mean of clouds is like none of them

    def kind_of(self, settings: S) -> str:
        """Name the kind of files that the clouds are in."""
        return KIND_OF[settings.clouds]

    def view(self, settings: S) -> CloudView:
        """Say which clouds the networks see."""
        return settings.view

    @staticmethod
    def rows(path: DataPath, view: CloudView) -> Rows:
        """Map the clouds of the class."""
        return cloud_rows(path, view)

    def parted(self, source: DataSource, settings: S, events: Events) -> Split:
        """Part the clouds of the class, by their own events."""
        return self.mapped(source, settings)[1]

    @staticmethod
    def statistics(rows: Rows, train: NDArray[np.int64]) -> Tensor:
        """Measure the training part, for the networks' frame, (5, 3)."""
        return statistics_of(rows, train)

    def tensors(self, rows: Rows, split: Split) -> tuple[Tensor, ...]:
        """Put statistics of the training part beside every cloud."""
        *of_clouds, _ = rows.tensors
        found = self.statistics(rows, split.train)
        return (*of_clouds, found.expand(len(of_clouds[0]), *found.shape))

    def check_files(self, path: DataPath, found: FileSummary, settings: S) -> None:
        """Check that files tell the classes that networks are to be told."""
        if settings.conditional and isinstance(found, CloudSummary) and found.n_unknown:
            raise InputError(
                f"space.conditional: files do not tell the class of {found.n_unknown:,} of {found.n:,} jets"
            )

    def facts(self, source: DataSource, settings: S, found: FileSummary, split: Split) -> dict[str, Any]:
        """Tell how many clouds are of the class."""
        rows, _ = self.mapped(source, settings)
        return dict(class_facts(rows, settings.view.of_class, KINDS[self.kind_of(settings)].noun))

    def training_facts(self, source: DataSource, settings: S) -> dict[str, Any]:
        """Measure the training part: how clouds are scaled, and how many have how many points."""
        rows, split = self.mapped(source, settings)
        return {
            "statistics": self.statistics(rows, split.train).tolist(),
            "multiplicities": multiplicities(rows, split.train),
        }

    def predict(self, model: nn.Module, batch: Batch, chance: torch.Generator) -> Outputs:
        """Generate clouds (B, N, 3) of the batch's numbers of points and labels, in the files' units."""
        assert isinstance(model, CloudMaker)
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

    def to_generate(self, wanted: Conditions, settings: S, described: Mapping[str, Any]) -> ToScore:
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
        found, maker = batch[STATISTICS], self.plain(model)
        assert isinstance(maker, CloudMaker)
        noise = maker.noise(batch[NUMBER], batch[POINTS].shape[1], found.dtype, chance)
        told = (batch[LABEL],) if maker.n_labels else ()
        return GeneratorAlone(maker, found[0]), (noise, batch[NUMBER], *told)


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
