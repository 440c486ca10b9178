"""JEDI-net: jets tagged as g, q, W, Z or t by an interaction network on their constituents.

E. A. Moreno et al., Eur. Phys. J. C 80 (2020) 58, arXiv:1908.05318. The paper trains with Adam or
AdaDelta on cross-entropy, in batches of 100, on features as they are (``standardize: false``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Adadelta, Adam, Optimizer

from raysearch.data.jets import check_jets, load_events, load_jets
from raysearch.data.layout import CLASSES
from raysearch.data.source import DataSource
from raysearch.data.splitting import Split, split_jets
from raysearch.data.tensors import Batch, Parts, TensorData
from raysearch.errors import InputError, one_of
from raysearch.metrics.classification import accuracy, one_vs_rest_auc
from raysearch.models.interaction_network import InteractionNetwork, InteractionNetworkShape
from raysearch.tasks.task import Task

OPTIMIZERS: dict[str, type[Adam | Adadelta]] = {"adam": Adam, "adadelta": Adadelta}


@dataclass(frozen=True)
class JediNetSettings:
    """Settings of JEDI-net; those of the network as in ``InteractionNetworkShape``.

    Attributes:
        optimizer: adam or adadelta.
        learning_rate: of the optimiser.
        batch_size: jets per step.
        standardize: shift and scale each feature by its mean and standard deviation over the training
            part's constituents; padding stays zero. The paper does not.
    """

    hidden: int
    effect_size: int
    output_size: int
    activation_relation: str
    activation_object: str
    activation_classifier: str
    optimizer: str
    learning_rate: float
    constituents: int = 30
    aggregation: str = "flatten"
    batch_size: int = 100
    standardize: bool = False

    def __post_init__(self) -> None:
        problems = []
        try:
            network_shape(self)
        except InputError as error:
            problems += error.problems
        if self.optimizer not in OPTIMIZERS:
            problems.append(f"optimizer: needs {one_of(list(OPTIMIZERS))}, got {self.optimizer!r}")
        if not self.learning_rate > 0:
            problems.append(f"learning_rate: needs more than 0, got {self.learning_rate}")
        if self.batch_size < 1:
            problems.append(f"batch_size: needs at least 1, got {self.batch_size}")
        if problems:
            raise InputError(*problems)


def network_shape(settings: JediNetSettings) -> InteractionNetworkShape:
    """Take the network's part of the settings."""
    return InteractionNetworkShape(
        constituents=settings.constituents,
        classes=len(CLASSES),
        hidden=settings.hidden,
        effect_size=settings.effect_size,
        output_size=settings.output_size,
        activation_relation=settings.activation_relation,
        activation_object=settings.activation_object,
        activation_classifier=settings.activation_classifier,
        aggregation=settings.aggregation,
    )


class JediNet(Task[JediNetSettings]):
    """Jet tagging by an interaction network."""

    Settings = JediNetSettings

    def inspect(self, source: DataSource, settings: JediNetSettings) -> dict[str, Any]:
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

    def load(self, source: DataSource, settings: JediNetSettings) -> Parts:
        """Read the jets; a process that trains many runs reads them once."""
        return _parts(source, settings.constituents, settings.standardize)

    def model(self, settings: JediNetSettings) -> nn.Module:
        """Build the interaction network."""
        return InteractionNetwork(network_shape(settings))

    def optimizer(self, settings: JediNetSettings, parameters: Iterable[nn.Parameter]) -> Optimizer:
        """Build Adam or AdaDelta."""
        return OPTIMIZERS[settings.optimizer](parameters, lr=settings.learning_rate)

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
