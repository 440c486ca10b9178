"""How well a network tells generated from real rows: the AUC of CaloChallenge's classifiers, of any rows.

After arXiv:2410.21611 and CaloChallenge/homepage, code/evaluate.py. 0.5 means that it cannot, 1 that it
always can. Both samples are cut 60 : 20 : 20; the weights of the epoch with the best accuracy on the
validation part are applied to the last part, once. The published network is dense with 2 hidden layers of
2048 behind the input's own layer, trained for 50 epochs (:data:`PUBLISHED`); the default here is smaller, so
that 5,000 showers a side of 25 x 25 x 25 cells take about a minute on two cores, and its AUC is somewhat
lower where the AUC is far from 0.5: say which one a figure is of.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn

from raysearch.errors import InputError
from raysearch.seeds import derive, generator

SHARES = (0.6, 0.2)  # of training and validation; the rest is the test part
LEAST = 50  # rows a side


@dataclass(frozen=True)
class ClassifierSettings:
    """The network and its training.

    Attributes:
        hidden: width of a layer.
        layers: hidden layers behind the first.
        epochs: passes over the training part.
        batch_size: rows in a step.
        learning_rate: of Adam.
    """

    hidden: int = 128
    layers: int = 2
    epochs: int = 30
    batch_size: int = 256
    learning_rate: float = 2e-4

    def __str__(self) -> str:
        """How a table tells it."""
        return f"{self.layers} hidden layers of {self.hidden}, {self.epochs} epochs"


PUBLISHED = ClassifierSettings(hidden=2048, epochs=50, batch_size=1000)


@dataclass(frozen=True)
class Auc:
    """Area under the ROC curve of the test part.

    Attributes:
        value: 0.5 where nothing can be told apart.
        error: one standard deviation of it (Hanley and McNeil 1982).
        n_test: rows a side in the test part.
        best_epoch: whose weights were taken, counted from 1.
    """

    value: float
    error: float
    n_test: int
    best_epoch: int


class Inputs(Protocol):
    """Rows for the network, some at a time: an array, or cells that are mapped from a file."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: NDArray[np.int64], /) -> NDArray[Any]: ...


def standardised(
    real: NDArray[np.float64], made: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Features (n, f) of both, standardised by the real ones; constant ones are only shifted."""
    mean, width = real.mean(axis=0), real.std(axis=0)
    width[width < 1e-9 * np.abs(mean)] = 1
    width[width == 0] = 1
    return ((real - mean) / width).astype(np.float32), ((made - mean) / width).astype(np.float32)


def classifier_auc(
    real: Inputs, made: Inputs, settings: ClassifierSettings | None = None, *, seed: int = 0
) -> Auc:
    """Train a network to tell two samples apart, and say how well it does on rows it has not seen.

    Args:
        real: (n, inputs) some rows at a time.
        made: generated ones, as many.
        settings: the network and its training.
        seed: of the parts, the weights and the order; the same one gives the same bits on one machine.

    Raises:
        InputError: unequal numbers, or fewer than ``LEAST`` a side.
    """
    n, settings = len(real), settings or ClassifierSettings()
    if n != len(made) or n < LEAST:
        raise InputError(f"classifier: needs as many rows a side, {LEAST} or more, got {n} and {len(made)}")
    rng = generator(seed, "classifier")
    parts = _parts(n, rng)
    data = _Labelled(real, made)
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(derive(seed, "classifier weights"))
        model = _network(data.width, settings)
    optimizer = torch.optim.Adam(model.parameters(), lr=settings.learning_rate)
    best, best_epoch, best_weights = -math.inf, 0, model.state_dict()
    for epoch in range(1, settings.epochs + 1):
        _train(model, optimizer, data, rng.permutation(parts[0]), settings.batch_size)
        scores, labels = _scores(model, data, parts[1])
        accuracy = float(np.mean((scores > 0) == labels))
        if accuracy > best:
            best, best_epoch = accuracy, epoch
            best_weights = {name: weight.clone() for name, weight in model.state_dict().items()}
        if accuracy == 1:
            break
    model.load_state_dict(best_weights)
    scores, labels = _scores(model, data, parts[2])
    value = float(roc_auc_score(labels, scores))
    return Auc(value, _auc_error(value, len(labels) // 2), len(labels) // 2, best_epoch)


class _Labelled:
    """Both samples one after the other: rows below ``n`` are real, with label 1 as in the published code."""

    def __init__(self, real: Inputs, made: Inputs) -> None:
        self._samples = (real, made)
        self.n = len(real)
        self.width = real[np.arange(1)].shape[1]

    def batch(self, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        is_made = rows >= self.n
        inputs = np.empty((len(rows), self.width), np.float32)
        for made, sample in enumerate(self._samples):
            here = is_made == made
            if here.any():
                inputs[here] = sample[rows[here] - made * self.n]
        return torch.from_numpy(inputs), torch.from_numpy(1 - is_made.astype(np.float32))


def _parts(n: int, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """Rows of the training, validation and test part, as many of each sample."""
    borders = np.cumsum([int(n * share) for share in SHARES])
    sides = [np.split(rng.permutation(n) + first, borders) for first in (0, n)]
    return [np.concatenate(part) for part in zip(*sides, strict=True)]


def _network(inputs: int, settings: ClassifierSettings) -> nn.Sequential:
    layers: list[nn.Module] = []
    for width in [inputs] + settings.layers * [settings.hidden]:
        layers += [nn.Linear(width, settings.hidden), nn.LeakyReLU()]
    return nn.Sequential(*layers, nn.Linear(settings.hidden, 1), nn.Flatten(0))


def _train(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    data: _Labelled,
    rows: NDArray[np.int64],
    batch_size: int,
) -> None:
    model.train()
    for start in range(0, len(rows), batch_size):
        inputs, labels = data.batch(rows[start : start + batch_size])
        with torch.enable_grad():
            loss = nn.functional.binary_cross_entropy_with_logits(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
        optimizer.step()


def _scores(model: nn.Module, data: _Labelled, rows: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[Any]]:
    model.eval()
    with torch.no_grad():
        found = []
        for start in range(0, len(rows), 1000):
            inputs, labels = data.batch(rows[start : start + 1000])
            found.append((model(inputs).numpy(), labels.numpy()))
    scores, are_real = (np.concatenate(part) for part in zip(*found, strict=True))
    return scores, are_real.astype(bool)


def _auc_error(auc: float, n: int) -> float:
    """Standard deviation of an AUC, ``n`` on each side; J. Hanley, B. McNeil, Radiology 143 (1982) 29."""
    first, second = auc / (2 - auc), 2 * auc**2 / (1 + auc)  # Eq. (2)
    variance = auc * (1 - auc) + (n - 1) * (first - auc**2) + (n - 1) * (second - auc**2)  # Eq. (1)
    return math.sqrt(max(variance, 0)) / n
