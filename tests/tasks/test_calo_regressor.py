"""The energy regression learns by gradient and by evolution, and the calibration stands beside it."""

import dataclasses
import json

import h5py
import numpy as np
import pytest
import torch

from raysearch.data.showers.make import MADE
from raysearch.data.showers.simulation import simulate
from raysearch.data.source import DataSource
from raysearch.errors import InputError
from raysearch.metrics.regression import relative_error
from raysearch.models.calo_regressor import COMPUTE
from raysearch.models.flat import flat_parameters
from raysearch.tasks import load_task
from raysearch.tasks.settings import make_settings
from raysearch.tasks.task import Task
from raysearch.training.evaluation import evaluate
from raysearch.training.workers import OneWorker

N = 700
LAST = 10_160


@pytest.fixture(scope="module")
def showers(tmp_path_factory):
    """A file of some showers of 50 to 300 GeV, in the layout of 3DGAN's."""
    rng = np.random.default_rng(0)
    energy = rng.uniform(50, 300, N)
    path = tmp_path_factory.mktemp("showers") / "showers.h5"
    with h5py.File(path, "w") as file:
        file["ECAL"] = simulate(energy, rng)
        file["target"] = np.stack([np.full(N, 11.0), energy], axis=1)
        file["event"] = np.arange(N)
        file.attrs[MADE] = "{}"
    return path


@pytest.fixture
def source(showers):
    return DataSource(str(showers), (0.6, 0.2, 0.2))


def prepared(**changes):
    task = load_task("calo_regressor")
    return task, make_settings(task, changes)


def a_model(task, settings):
    torch.manual_seed(1)
    return task.model(settings)


def error(task, model, part):
    return task.metrics(evaluate(task, model, part, OneWorker(), seed=0), part)["loss"]


def test_inspect_tells_what_load_gives_and_the_calibrations_error(source):
    task, settings = prepared()
    facts, parts = task.inspect(source, settings), task.load(source, settings)
    assert [facts[f"n_{name}"] for name in ("train", "validation", "test")] == [
        len(part) for part in (parts.train, parts.validation, parts.test)
    ]
    assert sum(map(len, (parts.train, parts.validation, parts.test))) == facts["n_showers"] == N
    assert "not from a simulation of particles" in facts["simulation"]
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts
    _, calibrated, energy = parts.validation.tensors
    found = facts["calibration"]
    assert found["validation_error"] == pytest.approx(float(relative_error(calibrated, energy)))
    assert 0.005 < found["validation_error"] < 0.03  # 17 % / sqrt(E), which is 0.8 * 1.3 % in the mean
    images, calibrated, _ = parts.test.tensors
    by_hand = found["slope"] * images.double().sum((1, 2)) + found["offset_gev"]
    torch.testing.assert_close(calibrated.double(), by_hand, rtol=1e-5, atol=0)


def test_the_calibration_sees_the_training_part_alone(source, showers, tmp_path):
    task, settings = prepared()
    parts = task.load(source, settings)
    changed = tmp_path / "changed.h5"
    changed.write_bytes(showers.read_bytes())
    with h5py.File(changed, "r+") as file:
        energy = file["target"][:, 1]
        is_train = np.isin(energy.astype(np.float32), parts.train.column(-1).numpy())
        file["target"][:, 1] = np.where(is_train, energy, 2 * energy)
    other = task.inspect(dataclasses.replace(source, path=str(changed)), settings)["calibration"]
    mine = task.inspect(source, settings)["calibration"]
    assert (other["slope"], other["train_error"]) == (mine["slope"], mine["train_error"])
    assert other["validation_error"] == pytest.approx(0.5, abs=0.01)


def test_folds_have_calibrations_of_their_own_and_one_test_part(source):
    task, settings = prepared()
    facts, tests = [], []
    for fold in range(2):
        of_fold = dataclasses.replace(source, folds=3, fold=fold)
        facts.append(task.inspect(of_fold, settings))
        tests.append(task.load(of_fold, settings).test.column(-1))
    assert facts[0]["calibration"]["slope"] != facts[1]["calibration"]["slope"]
    assert (facts[0]["folds"], facts[0]["fold_by"]) == (3, "event")
    assert torch.equal(*tests)


def test_files_that_are_not_ours_are_not_called_parameterised(source, showers, tmp_path):
    task, settings = prepared()
    public = tmp_path / "public.h5"
    public.write_bytes(showers.read_bytes())
    with h5py.File(public, "r+") as file:
        del file.attrs[MADE]
    assert "simulation" not in task.inspect(dataclasses.replace(source, path=str(public)), settings)


def test_the_axis_decides_the_image_and_not_its_sum(source):
    task, settings = prepared()
    _, other = prepared(axis="x")
    without_y, without_x = (
        task.load(source, each).train.rows(torch.arange(20))[0] for each in (settings, other)
    )
    assert without_y.shape == (20, 25, 25)
    assert not torch.equal(without_y, without_x)
    torch.testing.assert_close(without_y.sum(2), without_x.sum(2))  # layers keep their energies


@pytest.mark.parametrize(("optimizer", "rate"), [("rmsprop", 1e-3), ("adam", 3e-3)])
def test_it_learns_by_gradient(source, optimizer, rate):
    task, settings = prepared(optimizer=optimizer, learning_rate=rate, batch_size=32)
    parts = task.load(source, settings)
    model = a_model(task, settings)
    before = error(task, model, parts.validation)
    chosen = task.optimizer(settings, model.parameters())
    assert type(chosen).__name__.lower() == optimizer
    shuffle = torch.Generator().manual_seed(0)
    for _ in range(6):
        for rows in torch.randperm(len(parts.train), generator=shuffle).split(settings.batch_size):
            task.loss(model, parts.train.rows(rows)).backward()
            chosen.step()
            chosen.zero_grad()
    assert before > 0.5
    assert error(task, model, parts.validation) < 0.1


@pytest.mark.parametrize("compute", COMPUTE)
def test_it_learns_by_evolution(source, compute, tmp_path, monkeypatch):
    monkeypatch.setenv("RAYSEARCH_CACHE", str(tmp_path))
    task, settings = prepared(compute=compute, filters=4)
    parts = task.load(source, settings)
    model = a_model(task, settings)
    before = error(task, model, parts.validation)
    flat, rng = flat_parameters(model), np.random.default_rng(0)
    shuffle = torch.Generator().manual_seed(0)
    for _ in range(150):
        batch = parts.train.rows(torch.randperm(len(parts.train), generator=shuffle)[:64])
        steps = [
            (torch.from_numpy(rng.choice(len(flat), 25, replace=False)), torch.from_numpy(deltas))
            for deltas in rng.uniform(-0.5, 0.5, (8, 25)).astype(np.float32)
        ]
        losses = task.children_losses(
            model, [(torch.empty(0, dtype=torch.int64), torch.empty(0)), *steps], batch
        )
        best = int(losses.argmin())
        if best:
            flat[steps[best - 1][0]] += steps[best - 1][1]
    assert before > 0.5
    assert error(task, model, parts.validation) < 0.12


def test_children_losses_are_those_of_a_plain_loss(source):
    for changes in ({}, {"conv_layers": 2, "filters": 4, "activation": "elu"}):
        task, settings = prepared(**changes)
        batch = task.load(source, settings).train.rows(torch.arange(50))
        model = a_model(task, settings)
        flat = flat_parameters(model)
        steps = [
            (torch.arange(0, len(flat), 40) + first, torch.full((len(flat) // 40,), 0.02))
            for first in range(5)
        ]
        steps = [(places[: len(deltas)], deltas) for places, deltas in steps]
        before = flat.clone()
        found = task.children_losses(model, steps, batch)
        assert found.dtype == torch.float64
        assert torch.equal(flat_parameters(model), before)
        for (places, deltas), loss in zip(steps, found, strict=True):
            flat[places] += deltas
            torch.testing.assert_close(task.loss(model, batch).detach().double(), loss, rtol=2e-6, atol=0)
            flat.copy_(before)
        alone = torch.cat([task.children_losses(model, [step], batch) for step in steps])
        assert torch.equal(alone, found)
        slow = Task.children_losses(task, model, steps, batch)
        torch.testing.assert_close(found, slow, rtol=2e-6, atol=0)


class Noisy(torch.nn.Module):
    """Draws at random, drops out, and may fail."""

    def __init__(self):
        super().__init__()
        self.layer, self.dropout = torch.nn.Linear(3, 1), torch.nn.Dropout(0.5)

    def forward(self, x):
        if self.layer.bias > 100:
            raise RuntimeError("out of range")
        return self.dropout(self.layer(x)) + torch.randn(len(x), 1)


def test_any_tasks_children_share_their_chance_and_leave_the_parent_as_it_was():
    task, _ = prepared()
    torch.manual_seed(0)
    model, batch = Noisy().train(), (torch.rand(10, 3), torch.ones(10, 1))
    steps = [(torch.tensor([n % 4]), torch.tensor([0.1])) for n in range(6)] + [(None, torch.full((4,), 0.1))]
    before = flat_parameters(model).clone()
    found = task.children_losses(model, steps, batch)
    assert found[0] == found[4]
    assert found[0] != found[1]
    with torch.random.fork_rng([]), torch.no_grad():  # nothing drops out
        assert task.children_losses(model, [(None, torch.zeros(4))], batch) == task.loss(model.eval(), batch)
    model.train()
    assert torch.equal(task.children_losses(model, steps[::-1], batch).flip(0), found)
    with pytest.raises(RuntimeError, match="out of range"):
        task.children_losses(model, [(torch.tensor([3]), torch.tensor([1e9]))], batch)
    assert torch.equal(flat_parameters(model), before)
    assert model.training


def test_metrics_and_predictions(source):
    task, settings = prepared()
    test = task.load(source, settings).test
    energy = test.column(-1)
    outputs = energy * torch.tensor([1.1, 0.9]).repeat(len(test))[: len(test)]
    metrics = task.metrics({"outputs": outputs}, test)
    assert metrics["loss"] == pytest.approx(0.1)
    assert abs(metrics["bias"]) < 0.001
    assert metrics["resolution"] == pytest.approx(0.1, rel=0.01)
    (kept,) = task.shown({"outputs": energy * 1.1}, test)
    columns = [kept.true, kept.estimated, kept.plain]
    assert {(array.dtype, array.shape) for array in columns} == {(np.dtype(np.float32), (len(test),))}
    assert (kept.quantity, kept.unit) == ("energy", "GeV")
    assert relative_error(kept.plain, kept.true) < 0.03


def test_all_faults_of_settings_are_told():
    wrong = {
        "compute": "gpu", "conv_layers": 0, "activation": "swish", "axis": "z", "optimizer": "sgd",
        "learning_rate": 0.0, "batch_size": 0,
    }  # fmt: skip
    with pytest.raises(InputError) as caught:
        prepared(**wrong)
    assert [problem.split(":")[0] for problem in caught.value.problems] == [f"space.{key}" for key in wrong]
