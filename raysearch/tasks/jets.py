"""What all jet taggers share: the jets, cross-entropy, and the metrics of a classifier of five classes."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from raysearch.data.jets import check_jets, load_events, load_jets
from raysearch.data.layout import CLASSES
from raysearch.data.source import DataSource
from raysearch.data.splitting import Split, split_jets
from raysearch.data.tensors import Batch, Parts, TensorData
from raysearch.errors import InputError
from raysearch.metrics.classification import accuracy, one_vs_rest_auc
from raysearch.tasks.task import Task


class JetSettings(Protocol):
    """What a jet task's settings need: how many of the hardest constituents, and whether to standardize.

    ``standardize`` shifts and scales each feature by its mean and standard deviation over the training
    part's constituents; padding stays zero.
    """

    @property
    def constituents(self) -> int:
        """Constituents of a jet, the hardest ones."""

    @property
    def standardize(self) -> bool:
        """Whether to standardize the features."""


S = TypeVar("S", bound=JetSettings)


class JetTask(Task[S]):
    """Jets as (jet, constituent, 16) and their class; a subclass adds ``Settings``, model and optimiser."""

    def inspect(self, source: DataSource, settings: S) -> dict[str, Any]:
        """Check every file and count the parts."""
        path = None if source.path is None else Path(source.path)
        summary = check_jets(path)
        if settings.constituents > summary.n_constituents:
            raise InputError(
                f"space.constituents: {settings.constituents}, but the files hold at most {summary.n_constituents} a jet"
            )
        split = _split(source)
        return {
            "files": summary.sha256,
            "n_jets": summary.n_jets,
            "n_per_class": summary.n_per_class,
            "n_train": len(split.train),
            "n_validation": len(split.validation),
            "n_test": len(split.test),
            "split_by": split.by,
            "classes": list(CLASSES),
            "features_derived": summary.derived_features,
            **({"sqrt_s_tev": 13} if source.path is None else {}),  # of other files nobody tells us
        }

    def load(self, source: DataSource, settings: S) -> Parts:
        """Read the jets; a process that trains many runs reads them once."""
        return _parts(source, settings.constituents, settings.standardize)

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Cross-entropy."""
        constituents, labels = batch
        return functional.cross_entropy(model(constituents), labels)

    def predict(self, model: nn.Module, batch: Batch) -> Tensor:
        """Logits (B, 5)."""
        return model(batch[0])

    def metrics(self, outputs: Tensor, data: TensorData) -> dict[str, float]:
        """Cross-entropy, accuracy, and the area under each class's ROC curve against the rest."""
        labels = data.tensors[1]
        scores = _scores(outputs)
        areas = one_vs_rest_auc(scores, labels.numpy())
        return {
            "loss": functional.cross_entropy(outputs.double(), labels).item(),
            "accuracy": accuracy(scores, labels.numpy()),
            "auc": float(np.mean(areas)),
            **{f"auc_{name}": float(area) for name, area in zip(CLASSES, areas, strict=True)},
        }

    def predictions(self, outputs: Tensor, data: TensorData) -> dict[str, Any]:
        """Labels, scores and class names, for the ROC curves."""
        return {
            "labels": data.tensors[1].numpy(),
            "scores": _scores(outputs).astype(np.float32),
            "classes": np.array(CLASSES),
        }


def _scores(outputs: Tensor) -> NDArray[np.float64]:
    return functional.softmax(outputs.double(), dim=1).numpy()


def _split(source: DataSource) -> Split:
    events, file_index = load_events(None if source.path is None else Path(source.path))
    return split_jets(events, file_index, len(file_index), source.split)


@lru_cache(maxsize=1)
def _parts(source: DataSource, constituents: int, standardize: bool) -> Parts:
    jets = load_jets(None if source.path is None else Path(source.path), constituents)
    split = _split(source)
    features = torch.from_numpy(jets.features)
    if standardize:
        features = _standardized(features, torch.from_numpy(split.train))
    labels = torch.from_numpy(jets.labels)
    rows = [torch.from_numpy(part) for part in (split.train, split.validation, split.test)]
    return Parts(*(TensorData((features[part], labels[part])) for part in rows))


def _standardized(features_BNP: Tensor, train: Tensor) -> Tensor:
    is_real_BN = features_BNP.any(dim=2)
    real_CP = features_BNP[train][is_real_BN[train]].double()
    mean_P, sd_P = real_CP.mean(0), real_CP.std(0)
    scaled_BNP = (features_BNP - mean_P.float()) / sd_P.clamp_min(1e-12).float()
    return scaled_BNP * is_real_BN[..., None]
