"""Loss, response and the 14 figures of arXiv:1902.07987 on cases that a hand can compute; baselines."""

import math

import numpy as np
import pytest
import torch

from raysearch.metrics.clustering.baselines import k_means, nearest_axis
from raysearch.metrics.clustering.displays import event_displays
from raysearch.metrics.clustering.figures import Shared, figures, overlap, responses
from raysearch.metrics.clustering.loss import event_losses

# One event of three sensors: 4 GeV shared 1 to 3, 9 GeV of the first particle, nothing.
ENERGY = torch.tensor([[4.0, 9.0, 0.0]])
TRUE = torch.tensor([[[0.25, 0.75], [1.0, 0.0], [0.0, 0.0]]])
FOUND = torch.tensor([[[0.5, 0.5], [0.8, 0.2], [0.9, 0.1]]])


def test_the_papers_loss():
    first = (math.sqrt(4 * 0.25) * 0.25**2 + math.sqrt(9) * 0.2**2) / (math.sqrt(4 * 0.25) + math.sqrt(9))
    second = 0.25**2  # its only sensor with energy
    assert event_losses(ENERGY, TRUE, FOUND).item() == pytest.approx(first + second)


def test_the_training_codes_loss():
    first = (0.25 * 2 * 0.25**2 + 1 * 3 * 0.2**2) / (0.25 * 2 + 3)
    assert event_losses(ENERGY, TRUE, FOUND, "code").item() == pytest.approx((first + 0.25**2) / 2)


@pytest.mark.parametrize("weight", ["paper", "code"])
def test_a_particle_without_energy_counts_nothing_and_spoils_no_gradient(weight):
    true = torch.tensor([[[1.0, 0.0], [1.0, 0.0], [0.0, 0.0]]])
    found = FOUND.clone().requires_grad_()
    event_losses(ENERGY, true, found, weight).sum().backward()
    assert found.grad.isfinite().all()
    assert (found.grad[0, :, 1] == 0).all()
    assert (found.grad[0, 2] == 0).all()


def test_response_is_found_over_true_energy():
    expected = [(4 * 0.5 + 9 * 0.8) / (4 * 0.25 + 9), (4 * 0.5 + 9 * 0.2) / (4 * 0.75)]
    assert responses(Shared(ENERGY, TRUE, FOUND))[0].tolist() == pytest.approx(expected)


def test_overlap_is_where_shares_are_neither_small_nor_large():
    shares = torch.tensor([0.1, 0.19, 0.21, 0.5, 0.79, 0.81, 0.9])
    true = torch.stack([shares, 1 - shares], dim=1)[None].double()
    found = overlap(Shared(torch.ones(1, 7), true, true))
    assert found.energy[0].tolist() == [0, 0, 1, 1, 1, 0, 0]


def test_the_fourteen_figures():
    other = torch.tensor([[[0.0, 1.0], [1.0, 0.0], [0.0, 0.0]]])  # perfect, without overlap
    shared = Shared(ENERGY.repeat(2, 1), torch.cat([TRUE, other]), torch.cat([FOUND, other]))
    response = np.array([0.92, 3.8 / 3, 1.0, 1.0])
    losses = [event_losses(ENERGY, TRUE, FOUND).item(), 0.0]
    assert figures(shared) == pytest.approx(
        {
            "loss": np.mean(losses),
            "loss_variance": np.var(losses),
            "response_mean": response.mean(),
            "response_variance": response.var(),
            "kernel_mean": response.mean(),
            "kernel_variance": response.var(),
            "accuracy": 1.0,
            "overlap_loss": 2 * 0.25**2,  # of the one event with overlap
            "overlap_loss_variance": 0.0,
            "overlap_response_mean": (2.0 + 2 / 3) / 2,
            "overlap_response_variance": np.var([2.0, 2 / 3]),
            "overlap_kernel_mean": (2.0 + 2 / 3) / 2,
            "overlap_kernel_variance": np.var([2.0, 2 / 3]),
            "overlap_accuracy": 0.0,
        }
    )


def test_the_kernel_leaves_out_what_is_far_off():
    energy, true = torch.ones(2, 2), torch.eye(2).repeat(2, 1, 1)
    true[1] = torch.tensor([[0.25, 0.75], [0.05, 0.95]])
    found = torch.eye(2).repeat(2, 1, 1)
    found[1] = torch.tensor([[0.5, 0.5], [0.5, 0.5]])  # responses 1 / 0.3 and 1 / 1.7
    told = figures(Shared(energy, true, found))
    assert told["response_mean"] == pytest.approx((2 + 1 / 0.3 + 1 / 1.7) / 4)
    assert told["kernel_mean"] == pytest.approx((2 + 1 / 1.7) / 3)
    assert told["accuracy"] == pytest.approx(2 / 4)


def test_without_overlap_there_is_nothing_to_tell_and_nan_is_told():
    true = torch.tensor([[[0.0, 1.0], [1.0, 0.0], [0.0, 0.0]]])
    assert math.isnan(figures(Shared(ENERGY, true, true))["overlap_loss"])
    broken = figures(Shared(ENERGY, true, true * float("nan")))
    assert math.isnan(broken["loss"])
    assert math.isnan(broken["response_mean"])


SENSORS = np.array(
    [[x, y, z, 10.0, 10.0, 0.0] for x in (-30.0, -20.0, 20.0, 30.0) for y in (0.0, 10.0) for z in (5.0, 15.0)]
)


def two_showers():
    """One shower on either side of x = 0; the left one is the first."""
    energy = np.linspace(1, 2, len(SENSORS))[None]
    left = (SENSORS[:, 0] < 0).astype(float)
    return energy, np.stack([left, 1 - left], axis=1)[None]


def test_showers_far_apart_need_no_network():
    energy, true = two_showers()
    np.testing.assert_array_equal(nearest_axis(energy, true, SENSORS), true)
    np.testing.assert_array_equal(k_means(energy, SENSORS), true)
    energy[0, 3] = 0
    assert k_means(energy, SENSORS)[0, 3].tolist() == [0, 0]


def test_the_axis_is_weighted_by_energy():
    sensors = np.array([[x, 0.0, 0.0, 1, 1, 0] for x in (0.0, 10.0, 20.0)])
    energy = np.array([[3.0, 1.0, 1.0]])
    true = np.array([[[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]])  # axes at 5 / 3.5 and 25 / 1.5
    assert nearest_axis(energy, true, sensors)[0].argmax(1).tolist() == [0, 1, 1]
    energy[0, 0] = 0.0  # axes at 10 and 25 / 1.5: the middle belongs to the first
    assert nearest_axis(energy, true, sensors)[0].argmax(1).tolist() == [0, 0, 1]


def test_an_event_with_fewer_hits_than_clusters():
    energy = np.zeros((1, len(SENSORS)))
    energy[0, 5] = 1
    assert k_means(energy, SENSORS)[0, 5].tolist() == [1, 0]


def test_events_to_look_at_are_a_good_one_a_typical_one_and_a_bad_one():
    torch.manual_seed(0)
    true = torch.rand(21, 5, 1) * torch.ones(2)
    true[..., 1] = 1 - true[..., 0]
    energy = torch.rand(21, 5)
    energy[:, 4], energy[20] = 0, 0  # a sensor and an event with nothing
    off = torch.arange(21.0)[[*torch.randperm(20).tolist(), 20]] / 100  # the larger the worse
    found = true + off[:, None, None] * torch.tensor([1.0, -1.0])
    sensors = torch.rand(5, 6)
    (shown,) = event_displays(Shared(energy, true, found), sensors)
    chosen = [int(torch.nonzero(off == part / 100)[0, 0]) for part in (1, 9, 17)]
    assert shown.event.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    for number, event in enumerate(chosen):
        of_event = shown.event == number
        assert np.array_equal(shown.sizes[of_event], energy[event, :4])
        assert np.array_equal(shown.true[of_event], true[event, :4])
        assert np.array_equal(shown.found[of_event], found[event, :4])
        assert np.array_equal(shown.places[of_event], sensors[:4, :3])
    assert shown.captions[1] == f"typical (loss {2 * 0.09**2:.2f})"  # of two showers
    assert event_displays(Shared(0 * energy, true, found), sensors) == []
