"""Flow matching as a task: settings, learning on real jets and digits, labels, draws."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from raysearch.data.source import DataSource
from raysearch.data.tensors import Parts
from raysearch.errors import InputError
from raysearch.models.cloud_maker import CloudMaker
from raysearch.tasks.cloud_rows import LABEL, NUMBER, POINTS, STATISTICS
from raysearch.tasks.flow_matching import FlowMatching
from raysearch.tasks.flow_matching_settings import FlowMatchingSettings
from raysearch.training.descent import Descent, Place
from raysearch.training.workers import OneWorker

JETS = FlowMatchingSettings(
    points=8, width=24, hidden=4, layers=2, steps=6, batch_size=32, learning_rate=5e-3, draws=4
)
DIGITS = replace(
    JETS, clouds="digits", of_class="all", conditional=True, points=12, network="attention", hidden=None
)
SOURCE = DataSource(None, (0.5, 0.25, 0.25))


@pytest.fixture(scope="module")
def task() -> FlowMatching:
    return FlowMatching()


def learn(task: FlowMatching, settings: FlowMatchingSettings, parts: Parts, steps: int) -> CloudMaker:
    torch.manual_seed(0)
    model = task.model(settings).train()
    descent = Descent(task, settings, model, OneWorker())
    size = settings.batch_size
    for step in range(steps):
        rows = torch.arange(step * size, (step + 1) * size) % len(parts.train)
        descent.take(parts.train.rows(rows), Place(1, step + 1, steps, size, size))
    assert isinstance(model, CloudMaker)
    return model.eval()


def judged(
    task: FlowMatching, settings: FlowMatchingSettings, model: CloudMaker, parts: Parts
) -> dict[str, float]:
    data = parts.validation
    with torch.no_grad():
        batch = data.rows(torch.arange(len(data)))
        outputs = task.predict(model, batch, torch.Generator().manual_seed(1))
    return dict(task.metrics(outputs, data))


def test_all_faults_of_settings_are_told() -> None:
    with pytest.raises(InputError) as caught:
        FlowMatchingSettings(
            clouds="stars",
            points=0,
            width=0,
            hidden=0,
            layers=0,
            steps=0,
            draws=0,
            steps_a_batch=0,
            schedule="sine",
        )
    for name in (
        "clouds",
        "points",
        "width",
        "hidden",
        "layers",
        "steps",
        "draws",
        "steps_a_batch",
        "schedule",
    ):
        assert any(problem.startswith(f"{name}: ") for problem in caught.value.problems), name
    for changes, told in (
        ({"of_class": "top"}, "of_class: of jets needs one of g, q, w, z, t, all, got 'top'"),
        ({"conditional": True}, "conditional: needs of_class: all"),
        ({"network": "gnn"}, "network: needs one of epic, attention, got 'gnn'"),
        ({"pairing": "near"}, "pairing: needs one of as_drawn, shortest, got 'near'"),
        ({"network": "attention"}, "hidden: is of network: epic alone"),
        ({"heads": 2}, "heads: is of network: attention alone"),
        ({"network": "attention", "hidden": None, "width": 10}, "width: needs a multiple of the 4 heads"),
        ({"learning_rate": 0.0}, "learning_rate: needs more than 0"),
    ):
        with pytest.raises(InputError) as caught:
            replace(JETS, **changes)
        assert any(told in problem for problem in caught.value.problems), told


@pytest.mark.parametrize("settings", [JETS, DIGITS], ids=["jets", "digits"])
def test_some_steps_bring_clouds_nearer_to_real_ones(
    task: FlowMatching, settings: FlowMatchingSettings
) -> None:
    parts = task.load(SOURCE, settings)
    before = judged(task, settings, learn(task, settings, parts, 0), parts)["loss"]
    after = judged(task, settings, learn(task, settings, parts, 80), parts)["loss"]
    assert after < 0.7 * before


def test_a_generator_that_is_told_labels_makes_what_it_is_told(task: FlowMatching) -> None:
    """Ones, which are narrow, and noughts."""
    parts = task.load(SOURCE, DIGITS)
    model = learn(task, DIGITS, parts, 120)
    n, statistics = torch.full((200,), 12), parts.train.column(STATISTICS)[:200]
    width = {}
    for label in (0, 1):
        told = torch.full((200,), label)
        with torch.no_grad():
            made = model.made(n, 12, told, statistics, torch.Generator().manual_seed(2))
        width[label] = float(made[..., 0].std(1).mean())
    real, labels = parts.train.column(POINTS), parts.train.column(LABEL)
    there = (real != 0).any(2)
    for label in (0, 1):
        x = torch.where(there, real[..., 0], torch.nan)[labels == label]
        mean = x.nanmean(1, keepdim=True)
        width[f"real {label}"] = float((x - mean).square().nanmean(1).sqrt().mean())
    assert width["real 0"] > 1.3 * width["real 1"]
    assert width[0] > 1.15 * width[1]


def test_more_draws_a_cloud_are_another_loss_of_the_same_mean(task: FlowMatching) -> None:
    settings = replace(JETS, draws=1)
    parts = task.load(SOURCE, settings)
    torch.manual_seed(0)
    model, batch = task.model(settings), parts.train.rows(torch.arange(20))

    def losses(draws: int, times: int) -> torch.Tensor:
        found = []
        for seed in range(times):
            torch.manual_seed(seed)
            descent = Descent(task, replace(settings, draws=draws, learning_rate=1e-12), model, OneWorker())
            descent.take(batch, Place(1, 1, 1, 20, 20))
            found.append(descent.losses()["loss"])
        return torch.tensor(found)

    one, eight = losses(1, 40), losses(8, 40)
    assert float(eight.mean()) == pytest.approx(float(one.mean()), rel=0.1)
    assert float(eight.std()) < 0.6 * float(one.std())


def test_steps_of_a_batch_are_steps_on_the_same_clouds(task: FlowMatching) -> None:
    once = replace(JETS, steps_a_batch=1)
    parts = task.load(SOURCE, once)

    def after(settings: FlowMatchingSettings, times: int) -> tuple[dict[str, torch.Tensor], float]:
        torch.manual_seed(0)
        model = task.model(settings).train()
        descent = Descent(task, settings, model, OneWorker())
        for _ in range(times):
            descent.take(parts.train.rows(torch.arange(20)), Place(1, 1, 1, 20, 20))
        return model.state_dict(), descent.losses()["loss"]

    (one, loss), (four, same) = after(replace(JETS, steps_a_batch=4), 1), after(once, 4)
    assert loss == same
    assert all(torch.equal(weight, four[name]) for name, weight in one.items())


def test_made_jets_have_their_number_of_particles(task: FlowMatching) -> None:
    parts = task.load(SOURCE, JETS)
    model = learn(task, JETS, parts, 5)
    batch = parts.validation.rows(torch.arange(50))
    with torch.no_grad():
        outputs = task.predict(model, batch, torch.Generator().manual_seed(1))
    assert torch.equal((outputs["particle_features"] != 0).any(2).sum(1), batch[NUMBER])
    least = parts.train.column(POINTS)[..., 2]
    assert outputs["particle_features"][..., 2].max() <= 20 * float(least.max())
