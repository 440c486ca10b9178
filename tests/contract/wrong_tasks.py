"""Tasks that each break one thing of the contract, as users have broken it or will."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1]))
from toy_task import Toy, ToySettings

from raysearch.data.tensors import Parts, TensorData
from raysearch.data.to_score import Piece, ToScore
from raysearch.metrics.shown import Estimates, Scores


class Regression(Toy):
    """The right one, without the toy's troubles and pauses."""

    def loss(self, model, batch):
        return nn.functional.mse_loss(model(batch[0]), batch[1])


class LoadDrawsAnew(Regression):
    def load(self, source, settings):
        parts = super().load(source, settings)
        rows = np.random.default_rng().permutation(len(parts.train))
        return Parts(TensorData(parts.train.rows(torch.from_numpy(rows))), parts.validation, parts.test)


class IgnoresItsSeed(Regression):
    def loss(self, model, batch):
        return super().loss(model, batch) * (1 + 0.1 * np.random.default_rng().random())


class FixesItsSeed(Regression):
    def model(self, settings):
        torch.manual_seed(0)
        return super().model(settings)


class KnowsItsProcess(Regression):
    def loss(self, model, batch):
        return super().loss(model, batch) * (1 + os.getpid() / 2**22)


class CountsOnItself(Regression):
    n_batches = 0

    def loss(self, model, batch):
        self.n_batches += 1
        return super().loss(model, batch) * (1 + 1 / self.n_batches)


class CountsForAll(Regression):
    """A module or class variable that outlives the run, as of a library that a task imports."""

    def loss(self, model, batch):
        os.n_batches = getattr(os, "n_batches", 0) + 1
        return super().loss(model, batch) * (1 + 1 / os.n_batches)


@dataclass(frozen=True)
class Deep(ToySettings):
    depth: int = 2


class SettingReadByNobody(Regression):
    Settings = Deep


class SettingReadForNothing(SettingReadByNobody):
    def model(self, settings):
        assert settings.depth > 0
        return super().model(settings)


class ForgetsALayer(Regression):
    def model(self, settings):
        model = super().model(settings)
        model.append(nn.Identity())
        model[-1].spare = nn.Linear(2, 2)
        return model


class SumsItsLoss(Regression):
    def loss(self, model, batch):
        return (model(batch[0]) - batch[1]).square().sum()


class StepsByItself(Regression):
    def step(self, descent, batch):
        super().step(descent, batch)
        with torch.no_grad():
            descent.model[0].bias += batch[0].mean()


class FailsInBfloat16(Regression):
    def loss(self, model, batch):
        model(batch[0]).detach().numpy()
        return super().loss(model, batch)


class ChildrenLookAround(Regression):
    def children_losses(self, model, steps, batch):
        return super().children_losses(model, steps, batch) + len(steps)


class PredictDrawsGlobally(Regression):
    def predict(self, model, batch, chance):
        return model(batch[0]) + torch.randn(len(batch[0]), 1)


class PredictCounts(Regression):
    n_calls = 0

    def predict(self, model, batch, chance):
        self.n_calls += 1
        return model(batch[0]) + self.n_calls


class PredictLooksAround(Regression):
    def predict(self, model, batch, chance):
        outputs = model(batch[0])
        return outputs - outputs.mean()


class KeepsByBatch(Regression):
    def kept(self, outputs, batch):
        return {name: rows / rows.abs().max() for name, rows in outputs.items()}


class MetricsWithoutObjective(Regression):
    objective = "val_auc"


class MetricsNotFinite(Regression):
    def metrics(self, outputs, data):
        return {"loss": float("inf")}


class PromisesAnotherMetric(Regression):
    higher_is_better = frozenset({"accuracy"})


class ShowsTooFew(Regression):
    def shown(self, outputs, data):
        return [Estimates("y", "", data.column(1)[:-1, 0].numpy(), outputs["outputs"][:-1, 0].numpy())]


class ShowsSomethingElse(Regression):
    def shown(self, outputs, data):
        return [{"outputs": outputs["outputs"].numpy()}]


class CountsWrongly(Regression):
    def inspect(self, source, settings):
        return {**super().inspect(source, settings), "n_train": 65}


class TellsAnArray(Regression):
    def inspect(self, source, settings):
        return {**super().inspect(source, settings), "mean": np.zeros(2)}


class IgnoresFolds(Regression):
    def load(self, source, settings):
        import dataclasses

        return super().load(dataclasses.replace(source, folds=1), settings)


class ShowsOneClass(Regression):
    def shown(self, outputs, data):
        scores = outputs["outputs"].expand(-1, 2).numpy()
        return [Scores(np.zeros(len(scores), np.int64), scores, ("signal", "background"))]


class ExportsAnother(Regression):
    def exported(self, model):
        return nn.Sequential(model, nn.Softplus())


class GeneratesTooFew(Regression):
    def to_generate(self, wanted, settings, described):
        piece = Piece(0, 0, (torch.zeros(3, 1), torch.zeros(3, 1)), {})
        return ToScore((), 3, lambda: iter([piece]))


class CannotScore(Regression):
    def to_score(self, paths, settings, described):
        return described["calibration"]
