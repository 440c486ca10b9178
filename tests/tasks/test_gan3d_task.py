"""3DGAN as a task: its settings, a step of both networks, what is kept, judged and shown, and generation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from torch import Tensor

from raysearch.data.conditions import Conditions
from raysearch.data.showers.choices import Angle, Choices
from raysearch.data.showers.files import SAMPLE
from raysearch.data.showers.make import make_showers
from raysearch.data.source import DataSource
from raysearch.data.tensors import Batch, TensorData
from raysearch.errors import InputError
from raysearch.metrics.shown import Pictures, Spectra, pack, unpack
from raysearch.models.gan3d import Gan3d
from raysearch.models.gan3d_losses import WEIGHTS
from raysearch.tasks.gan3d import ECAL, Gan3dSettings, Gan3dTask
from raysearch.training.descent import Descent, Place
from raysearch.training.workers import OneWorker

SMALL = Gan3dSettings(
    latent=8, generator_filters=2, discriminator_filters=2, discriminator_kernel=2, batch_size=4
)
N = 400


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> DataSource:
    """A few of the shipped showers."""
    path = tmp_path_factory.mktemp("showers") / "some.h5"
    with h5py.File(SAMPLE) as all_of_them, h5py.File(path, "w") as some:
        for name in ("ECAL", "target", "event"):
            some[name] = all_of_them[name][:N]
        some.attrs.update(all_of_them.attrs)  # they say how the showers were made
    return DataSource(str(path), (0.5, 0.25, 0.25))


@pytest.fixture(scope="module")
def task() -> Gan3dTask:
    return Gan3dTask()


@pytest.fixture(scope="module")
def parts(task: Gan3dTask, source: DataSource):
    return task.load(source, SMALL)


def some_of(data: TensorData, n: int) -> Batch:
    return data.rows(torch.arange(n))


def test_all_faults_of_settings_are_told() -> None:
    with pytest.raises(InputError) as caught:
        Gan3dSettings(
            geometry="round", weights="heavy", target_sum="mine", rho=1.0, batch_size=1, flipped=0.5
        )
    for name in ("geometry", "weights", "target_sum", "rho", "batch_size", "flipped"):
        assert any(problem.startswith(f"{name}: needs") for problem in caught.value.problems), name


def test_an_angle_weight_at_a_fixed_angle_is_refused() -> None:
    with pytest.raises(InputError, match="angle_weight: at a fixed angle there is none"):
        Gan3dSettings(angle_weight=25.0)


def test_presets_hold_but_for_what_is_given() -> None:
    assert Gan3dSettings().loss_weights == WEIGHTS["fixed"]
    assert Gan3dSettings(geometry="variable").loss_weights == WEIGHTS["angle"]
    given = Gan3dSettings(weights="nnlo", sum_weight=3.0).loss_weights
    assert (given.real, given.energy, given.cell_sum) == (2, 0.1, 3.0)


def test_the_networks_are_the_published_ones(task: Gan3dTask) -> None:
    """As Keras counts, less the moving means and variances, two a filter."""
    model = task.model(Gan3dSettings())
    assert isinstance(model, Gan3d)
    counts = [sum(p.numel() for p in part.parameters()) for part in (model.generator, model.discriminator)]
    assert counts == [872_948 - 2 * (64 + 6), 73_450 - 2 * (8 + 8 + 8)]


def test_the_data_are_described(task: Gan3dTask, source: DataSource) -> None:
    told = task.inspect(source, SMALL)
    low, high = told["energy_gev"]
    assert 10 <= low < high <= 500
    assert told["theta_rad"] == [pytest.approx(np.pi / 2)] * 2
    assert "parameterisation" in told["simulation"]
    assert told["n_train"] + told["n_validation"] + told["n_test"] == N


def test_fake_cells_are_asked_to_add_up_as_real_ones_do(parts) -> None:
    cells, energy, _, asked = parts.train.tensors
    sums = cells.sum((1, 2, 3))
    assert ((asked - sums) / sums).abs().mean() < 0.05
    assert torch.equal(asked.argsort(), energy.argsort())


def descend(task: Gan3dTask, settings: Gan3dSettings, batch: Batch) -> tuple[Gan3d, dict[str, float]]:
    torch.manual_seed(0)
    model = task.model(settings).train()
    assert isinstance(model, Gan3d)
    descent = Descent(task, settings, model, OneWorker())
    descent.take(batch, Place(1, 1, 1, len(batch[0]), len(batch[0])))
    return model, descent.losses()


def test_a_step_moves_both_networks_and_is_repeated_by_its_seed(task: Gan3dTask, parts) -> None:
    batch = some_of(parts.train, 4)
    torch.manual_seed(0)
    before = task.model(SMALL).state_dict()
    model, losses = descend(task, SMALL, batch)
    again, losses_again = descend(task, SMALL, batch)
    assert losses == losses_again
    assert set(losses) == {"discriminator", "generator"}
    assert all(np.isfinite(list(losses.values())))
    for name, weight in model.named_parameters():
        assert torch.equal(weight, again.state_dict()[name])
    changed = [name for name, weight in model.named_parameters() if not weight.equal(before[name])]
    moved = {name.partition(".")[0] for name in changed}
    assert moved == {"generator", "discriminator"}


def test_loss_weights_and_the_asked_sum_reach_the_loss(task: Gan3dTask, parts) -> None:
    batch = some_of(parts.train, 4)
    _, plain = descend(task, SMALL, batch)
    for changed in (
        replace(SMALL, sum_weight=5.0),
        replace(SMALL, energy_weight=5.0),
        replace(SMALL, real_weight=1.0),
        replace(SMALL, target_sum="twice"),
        replace(SMALL, generator_steps=1),
    ):
        _, losses = descend(task, changed, batch)
        assert losses["generator"] != plain["generator"], changed


def kept_of_all(
    task: Gan3dTask, model: Gan3d, data: TensorData, cells: Tensor | None = None
) -> dict[str, Any]:
    batch = some_of(data, len(data))
    model.eval()
    with torch.no_grad():
        outputs = task.predict(model, batch, torch.Generator().manual_seed(1))
    made = outputs if cells is None else {ECAL: cells}
    return dict(task.kept(made, batch))


def test_the_simulation_itself_would_be_perfect(task: Gan3dTask, parts) -> None:
    data = parts.validation
    kept = kept_of_all(task, task.model(SMALL), data, data.column(0))
    assert task.metrics(kept, data) == pytest.approx(dict.fromkeys(task.metrics(kept, data), 0.0), abs=1e-6)


def test_too_little_energy_is_seen(task: Gan3dTask, parts) -> None:
    data = parts.validation
    kept = kept_of_all(task, task.model(SMALL), data, 0.8 * data.column(0))
    metrics = task.metrics(kept, data)
    assert metrics["sampling_fraction"] == pytest.approx(0.2, abs=1e-3)
    assert metrics["profiles"] == pytest.approx(0.2, abs=0.05)
    assert metrics["moments"] < 0.01


def test_what_is_shown_packs_and_has_pictures_and_spectra(task: Gan3dTask, parts) -> None:
    data = parts.test
    shown = task.shown(kept_of_all(task, task.model(SMALL), data), data)
    assert {type(each) for each in shown} == {Pictures, Spectra}
    assert [type(each) for each in unpack(pack(shown))] == [type(each) for each in shown]
    assert "sampling fraction" in {each.quantity for each in shown if isinstance(each, Spectra)}


def test_generation_is_asked_by_energies(task: Gan3dTask, source: DataSource) -> None:
    told = task.inspect(source, SMALL)
    asked = task.to_generate(Conditions({"energies": (100.0, 200.0)}, number=3), SMALL, told)
    (piece,) = asked.pieces()
    assert asked.n_rows == 6
    assert piece.columns["target"][:, 1].tolist() == [100.0] * 3 + [200.0] * 3
    with torch.no_grad():
        made = task.predict(task.model(SMALL).eval(), piece.batch, torch.Generator().manual_seed(1))
    assert made[ECAL].shape == (6, 25, 25, 25)
    assert made[ECAL].min() >= 0
    assert set(task.written(made, TensorData(piece.batch))) == {ECAL}


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (Conditions({"energies": (900.0,)}), "energies: 900 GeV lies outside"),
        (Conditions({"angles": (90.0,)}), "--angles: the generator has no such condition"),
        (Conditions(number=3), "needs --energies, or --like"),
    ],
)
def test_what_means_nothing_is_refused(
    task: Gan3dTask, source: DataSource, wanted: Conditions, told: str
) -> None:
    with pytest.raises(InputError, match=told):
        task.to_generate(wanted, SMALL, task.inspect(source, SMALL))


def test_energies_like_those_of_a_file(task: Gan3dTask, source: DataSource) -> None:
    told = {**task.inspect(source, SMALL), "energy_gev": [10.0, 500.0]}
    assert source.path is not None
    asked = task.to_generate(Conditions(like=[Path(source.path)]), SMALL, told)
    energies = np.concatenate([piece.columns["target"][:, 1] for piece in asked.pieces()])
    with h5py.File(source.path) as file:
        np.testing.assert_array_equal(energies, file["target"][:, 1])


def test_showers_at_variable_angle(task: Gan3dTask, tmp_path: Path) -> None:
    make_showers(tmp_path, 100, seed=1, choices=Choices(angle=Angle.variable, energy_gev=(100.0, 200.0)))
    settings = Gan3dSettings(
        geometry="variable", latent=6, generator_filters=2, discriminator_filters=2, batch_size=4
    )
    source = DataSource(str(tmp_path), (0.5, 0.25, 0.25))
    parts = task.load(source, settings)
    cells, _, theta, _ = some_of(parts.train, 2)
    assert cells.shape[1:] == (51, 51, 25)
    assert theta.min() < theta.max()
    _, losses = descend(task, settings, some_of(parts.train, 2))
    assert all(np.isfinite(list(losses.values())))
    wanted = Conditions({"energies": (150.0,), "angles": (90.0, 100.0)})
    asked = task.to_generate(wanted, settings, task.inspect(source, settings))
    (piece,) = asked.pieces()
    assert piece.columns["theta"] == pytest.approx(np.radians([90.0, 100.0]))
