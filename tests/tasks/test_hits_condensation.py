"""Object condensation as a task: its losses in training and told, what is shown, written and refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from raysearch.data.source import DataSource
from raysearch.errors import InputError
from raysearch.metrics.clustering.condensation import Condensed, condensation_losses
from raysearch.metrics.shown import Displays
from raysearch.models.hits_nodes import plain_form
from raysearch.tasks.hits_condensation import HitsCondensation, HitsCondensationSettings

SMALL = {"blocks": 1, "hidden": 8, "outputs": 8, "combined": 8, "neighbours": 5, "particles": 3}
TASK = HitsCondensation()


@pytest.fixture(scope="module")
def data():
    source = DataSource(path=None, split=(0.6, 0.2, 0.2), limit=8)
    return TASK.load(source, HitsCondensationSettings(**SMALL)).validation.every(100)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return TASK.model(HitsCondensationSettings(**SMALL)).eval()


def the_truth(data):
    """What a perfect network tells: each hit sure, at a place of its particle, with that one's energy."""
    energy, true = data.column(0), data.column(2)
    owner = true.argmax(2)
    gev = (energy[..., None] * true).sum(1).gather(1, owner)
    return torch.stack([torch.full_like(energy, 0.99), gev, 3.0 * owner], dim=2)


def test_a_step_goes_down_the_losses_of_its_settings_and_others_are_told(data, model):
    settings = HitsCondensationSettings(**SMALL, q_min=0.7, clustering_weight=3.0)
    batch, gone = data.rows(torch.arange(3)), []
    TASK.step(OneStep(model, settings, gone), batch)
    told = Condensed.of(model(*batch[:2]))
    expected = condensation_losses(batch[0], batch[2], told, 0.7).total(3.0).mean()
    assert gone == [pytest.approx(expected.item())]
    expected = condensation_losses(batch[0], batch[2], told, 0.1).total().mean()
    assert TASK.loss(model, batch).item() == pytest.approx(expected.item())


class OneStep:
    """Notes the loss that a step goes down."""

    def __init__(self, model, settings, losses):
        self.model, self.settings, self.losses = model, settings, losses

    def __call__(self, loss):
        self.losses.append(loss.item())


def test_the_truth_is_found_by_almost_all_figures_and_shown_in_its_colours(data):
    outputs = {"outputs": the_truth(data)}
    found = TASK.metrics(outputs, data)
    assert found["efficiency"] > 0.95  # a few pions have most of their energy where another has more
    assert found["purity"] > 0.95
    assert found["response_mean"] == pytest.approx(1, abs=1e-3)
    assert found["potential_loss"] < 1e-6
    assert found["payload_loss"] < 1e-6
    parts = found["potential_loss"] + found["confidence_loss"] + found["payload_loss"]
    assert found["loss"] == pytest.approx(parts)
    (events,) = TASK.shown(outputs, data)
    assert isinstance(events, Displays)
    assert (events.found.argmax(1) == events.true.argmax(1)).mean() > 0.95


def test_a_cluster_and_its_energy_are_written_for_every_hit(data):
    told = the_truth(data)
    told[0, :, 0] = 0  # nothing is sure in the first event
    written = TASK.written({"outputs": told}, data)
    hit = data.column(0).numpy() > 0
    assert set(written) == {"outputs", "cluster", "cluster_energy"}
    assert (written["cluster"][0] == -1).all()
    assert (written["cluster_energy"][0] == 0).all()
    assert ((written["cluster"][1:] >= 0) == hit[1:]).all()
    np.testing.assert_allclose(written["cluster_energy"][1:][hit[1:]], told[1:, :, 1].numpy()[hit[1:]])


def test_all_sensors_begin_near_each_other_and_half_sure(data):
    """Else confidence is driven to 0, from where it does not come back."""
    for seed in range(3):
        torch.manual_seed(seed)
        fresh = TASK.model(HitsCondensationSettings(coordinates=4))
        with torch.no_grad():
            told = fresh(*data.rows(torch.arange(4))[:2])[data.column(0)[:4] > 0]
        assert told[:, 2:].std() < 0.5
        assert 0.3 < told[:, 0].mean() < 0.7


def test_the_plain_form_is_the_same_function_of_all_sensors(data, model):
    batch = data.rows(torch.arange(2))
    energy, sensors = (each[:, ::7].double() for each in batch[:2])
    one = TASK.model(HitsCondensationSettings(**SMALL)).double().eval()
    plain = plain_form(one)
    assert plain is not one
    torch.testing.assert_close(plain(energy, sensors), one(energy, sensors))
    assert one(energy[:0], sensors[:0]).shape == (0, energy.shape[1], 4)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"q_min": 0.0}, "q_min: needs more than 0, got 0.0"),
        ({"clustering_weight": -1.0}, "clustering_weight: needs more than 0, got -1.0"),
        ({"coordinates": 0}, "coordinates: needs a whole number of at least 1, got 0"),
        ({"kernel": "cuda"}, "kernel: needs one of torch, fused, got 'cuda'"),
        ({"modulation": 2.0}, "modulation: needs 0 to less than 1, got 2.0"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes, fault):
    with pytest.raises(InputError) as refused:
        HitsCondensationSettings(**SMALL | changes)
    assert list(refused.value.problems) == [fault]
