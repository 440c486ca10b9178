"""A user's own tagger of two classes, which nothing is wrong with; tests make wrong ones of it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from raysearch.data.tensors import Parts, TensorData
from raysearch.metrics.classification import auc
from raysearch.metrics.shown import Scores
from raysearch.tasks.task import Task

CLASSES = ["background", "signal"]


@dataclass(frozen=True)
class Settings:
    width: int = 4
    learning_rate: float = 0.01
    batch_size: int = 20


class Tagger(Task[Settings]):
    Settings = Settings
    higher_is_better = frozenset({"auc"})

    def rows(self):
        x = torch.randn(200, 3, generator=torch.Generator().manual_seed(1))
        return x, (x[:, 0] > 0).long()

    def inspect(self, source, settings):
        sizes = {f"n_{name}": len(part) for name, part in vars(self.load(source, settings)).items()}
        return {"files": {}, "split_by": "rows", "classes": CLASSES, **sizes}

    def load(self, source, settings):
        x, y = self.rows()
        parts = zip(x.split([120, 40, 40]), y.split([120, 40, 40]), strict=True)
        return Parts(*(TensorData(part) for part in parts))

    def model(self, settings):
        return nn.Sequential(nn.Linear(3, settings.width), nn.ELU(), nn.Linear(settings.width, 2))

    def optimizer(self, settings, parameters):
        return torch.optim.Adam(parameters, lr=settings.learning_rate)

    def loss(self, model, batch):
        return cross_entropy(model(batch[0]), batch[1])

    def predict(self, model, batch, chance):
        return model(batch[0]).softmax(1)

    def metrics(self, outputs, data):
        scores, y = outputs["outputs"], data.column(1)
        is_signal = y == y.max()
        return {"loss": float(-scores[is_signal, 1].log().mean()), "auc": auc(scores[:, 1], is_signal)}

    def shown(self, outputs, data):
        return [Scores(data.column(1).numpy(), outputs["outputs"].numpy(), tuple(CLASSES))]
