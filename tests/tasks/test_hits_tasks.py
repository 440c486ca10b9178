"""What the tasks on hits add to the contract: loss by its weight, the rate's way down, wrong settings."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from raysearch.data.hits.arrays import load_hits
from raysearch.data.hits.geometry import paper_sensors
from raysearch.data.source import DataSource
from raysearch.errors import InputError
from raysearch.metrics.clustering.estimates import shower_estimates
from raysearch.metrics.clustering.figures import Shared
from raysearch.metrics.clustering.loss import event_losses
from raysearch.metrics.shown import Displays, Estimates
from raysearch.models.hits_binning import shared_bins
from raysearch.space.space_file import read_space_file
from raysearch.tasks import load_task
from raysearch.tasks.hits_binning import HitsBinningSettings
from raysearch.tasks.hits_dgcnn import HitsDgcnnSettings
from raysearch.tasks.hits_garnet import HitsGarnetSettings
from raysearch.tasks.hits_gravnet import HitsGravnet, HitsGravnetSettings
from raysearch.tasks.hits_settings import falling_rate, rate_at
from raysearch.tasks.settings import make_settings

SPACES = Path(__file__).parents[2] / "searchspaces"
NETWORKS = {"gravnet": 106_049, "garnet": 107_645, "dgcnn": 100_075, "binning": 101_176}
SMALL = {"blocks": 1, "hidden": 8, "outputs": 8, "neighbours": 5}


@pytest.mark.parametrize("name", list(NETWORKS))
def test_the_published_settings_of_a_space_file_make_the_published_network(name):
    space, task = read_space_file(SPACES / f"hits-{name}.yaml"), load_task(f"hits_{name}")
    settings = make_settings(task, space.published[0].settings)
    assert sum(each.numel() for each in task.model(settings).parameters()) == NETWORKS[name]


def test_the_rate_falls_to_its_floor_and_is_modulated_by_a_tenth():
    assert rate_at(0, 0.1) == pytest.approx(1)
    assert rate_at(10, 0.0) == pytest.approx(1 / 80)
    around = [rate_at(progress, 0.1) * 1.1 / rate_at(progress, 0.0) for progress in np.linspace(0, 1, 200)]
    assert min(around) == pytest.approx(0.9, abs=1e-3)
    assert max(around) == pytest.approx(1.1, abs=1e-3)


@pytest.mark.parametrize("epochs", [0, 4])
def test_the_optimiser_follows_the_rate(epochs):
    task, settings = HitsGravnet(), HitsGravnetSettings(**SMALL, decay_epochs=epochs, learning_rate=0.5)
    optimizers = task.optimizers(settings, task.model(settings))
    schedules = task.schedulers(settings, optimizers)
    assert len(schedules) == (epochs > 0)
    for each in schedules:
        optimizers["loss"].step()
        each.scheduler.step()
    expected = 0.5 * (rate_at(1 / epochs, 0.1) if epochs else 1)
    assert optimizers["loss"].param_groups[0]["lr"] == pytest.approx(expected)


class OneStep:
    """Notes the loss that a step goes down."""

    def __init__(self, model, settings):
        self.model, self.settings, self.losses = model, settings, []

    def __call__(self, loss, of="loss"):
        self.losses.append((of, loss.item()))


@pytest.mark.parametrize("weight", ["paper", "code"])
def test_a_step_goes_down_the_loss_of_its_weight(weight):
    task, settings = HitsGravnet(), HitsGravnetSettings(**SMALL, loss_weight=weight)
    model = task.model(settings).eval()
    hits = load_hits()
    batch = tuple(
        map(
            torch.from_numpy,
            (hits.energy[:3].copy(), np.repeat(hits.sensors[None], 3, 0), hits.fractions[:3].copy()),
        )
    )
    descent = OneStep(model, settings)
    task.step(descent, batch)
    expected = event_losses(batch[0], batch[2], model(*batch[:2]), weight).mean().item()
    assert descent.losses == [("loss", pytest.approx(expected))]


def test_showers_that_are_not_there_are_no_rows_of_a_report():
    energy, true = torch.tensor([[1.0, 3.0], [2.0, 2.0], [0.0, 4.0]]), torch.zeros(3, 2, 3)
    true[..., 0] = 1  # of all events; a second shower in two of them, a third in one
    true[0, 1], true[1, 1], true[2, 1] = torch.tensor([[0, 1.0, 0], [0, 0.5, 0.5], [1.0, 0, 0]])
    first, second = shower_estimates(Shared(energy, true, true))
    assert first.true.tolist() == first.estimated.tolist() == [1, 2, 4]
    assert second.true.tolist() == [3, 1]
    assert (first.plain * 3).tolist() == [4, 4, 4]
    assert second.against.values.tolist() == [0, 1], "of its 1 GeV all lies where both have a half"


def test_the_modulation_of_a_rate_that_stays_is_not_read():
    settings, optimizer = SimpleNamespace(decay_epochs=0), torch.optim.SGD([torch.zeros(1)], lr=1)
    assert falling_rate(settings, optimizer) == []


def test_energies_of_both_showers_are_shown_beside_equal_parts():
    task, settings = HitsGravnet(), HitsGravnetSettings(**SMALL)
    data = task.load(DataSource(path=None, split=(0.6, 0.2, 0.2), limit=8), settings).validation.every(20)
    true = data.column(2)
    first, second, events = task.shown({"outputs": true}, data)
    assert isinstance(first, Estimates)
    assert isinstance(events, Displays)
    np.testing.assert_allclose(first.true + second.true, data.column(0).sum(1), rtol=1e-4)
    np.testing.assert_allclose(first.estimated, first.true, rtol=1e-4)
    np.testing.assert_allclose(first.plain, data.column(0).sum(1) / 2, rtol=1e-4)
    assert first.against.values.min() >= 0
    assert 0 < second.against.values.max() <= 1
    told = task.metrics({"outputs": true}, data)
    assert told["loss"] == 0
    assert told["accuracy"] == told["response_mean"] == 1


@pytest.mark.parametrize(
    ("make", "fault"),
    [
        (
            lambda: HitsGravnetSettings(kernel="cuda", variant="both"),
            "variant: needs one of paper, code, got 'both'",
        ),
        (lambda: HitsGravnetSettings(kernel="cuda"), "kernel: needs one of torch, fused, got 'cuda'"),
        (lambda: HitsGarnetSettings(aggregators=0), "aggregators: needs a whole number of at least 1, got 0"),
        (lambda: HitsDgcnnSettings(modulation=1.0), "modulation: needs 0 to less than 1, got 1.0"),
        (
            lambda: HitsBinningSettings(loss_weight="mine"),
            "loss_weight: needs one of paper, code, got 'mine'",
        ),
        (
            lambda: HitsBinningSettings(decay_epochs=-1),
            "decay_epochs: needs at least 0, which means never, got -1",
        ),
    ],
)
def test_settings_that_cannot_be_are_refused(make, fault):
    with pytest.raises(InputError) as refused:
        make()
    assert fault in refused.value.problems


def detector(layers: int, side: int) -> torch.Tensor:
    """Sensors of one size on a regular grid, (1, N, 6)."""
    place = torch.arange(side) * 10.0
    x, y, layer = torch.meshgrid(place, place, torch.arange(layers).float(), indexing="ij")
    columns = [x, y, 100 * layer, torch.full_like(x, 10), torch.full_like(x, 100), layer]
    return torch.stack([each.flatten() for each in columns], dim=1)[None]


def test_sensors_that_share_bins_are_told():
    assert list(shared_bins(detector(20, 4), 20, 20)) == []
    assert list(shared_bins(torch.from_numpy(paper_sensors())[None], 20, 20)) == []
    (deep,) = shared_bins(detector(48, 4), 20, 20)
    assert "464 of 768 sensors are in bins with others, up to 29 in one" in deep
    assert "layers from 20 on, up to 47, are in the last" in deep
    (fine,) = shared_bins(detector(2, 30), 20, 20)
    assert "space.bins is 20" in fine
    assert "are in the last" not in fine


def test_the_start_of_a_study_tells_of_shared_bins():
    task, source = load_task("hits_binning"), DataSource(None, (0.6, 0.2, 0.2))
    few = make_settings(task, {"bins": 5, "blocks": 1, "channels": 2})
    assert "get the same shares" in task.inspect(source, few)["warnings"][-1]
    assert "warnings" not in task.inspect(source, make_settings(task, {"blocks": 1}))
