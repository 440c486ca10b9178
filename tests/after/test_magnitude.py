"""Which weights go: the schedule and the ranking of arXiv:1804.06913."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import nn

from raysearch.after.magnitude import PUBLISHED, all_kept, drop_smallest, hold, n_dropped, n_weights, schedule
from raysearch.errors import InputError


def hls4ml_network() -> nn.Module:
    """16, 64, 32, 32 and 5 units: 4,256 weights, 4,389 parameters."""
    torch.manual_seed(1)
    sizes = [16, 64, 32, 32, 5]
    return nn.Sequential(*(nn.Linear(*pair) for pair in pairwise(sizes)))


def test_seven_rounds_to_the_published_share_are_the_published_ones() -> None:
    assert schedule(7, 0.717) == pytest.approx(PUBLISHED, abs=1e-12)


@pytest.mark.parametrize(("rounds", "target"), [(1, 0.5), (3, 0.9), (20, 0.7)])
def test_other_schedules_rise_to_their_target(rounds: int, target: float) -> None:
    shares = schedule(rounds, target)
    assert len(shares) == rounds
    assert shares[-1] == pytest.approx(target)
    assert all(low < high for low, high in pairwise([0.0, *shares]))


def test_the_published_counts() -> None:
    model = hls4ml_network()
    masks = all_kept(model)
    for share in schedule(7, 0.717):
        masks = drop_smallest(model.state_dict(), masks, share)
    assert (n_dropped(masks), n_weights(masks)) == (3051, 4256)
    parameters = sum(weight.numel() for weight in model.parameters())
    assert (parameters - 3051, round(100 * 3051 / parameters, 1)) == (1338, 69.5)


def test_a_weight_is_ranked_by_the_largest_of_its_layer_and_biases_stay() -> None:
    weights = {
        "small.weight": torch.tensor([[0.01, -0.009], [0.001, 0.008]]),
        "large.weight": torch.tensor([[100.0, -2.0], [50.0, 1.0]]),
        "large.bias": torch.zeros(2),
    }
    masks = {name: torch.ones_like(weights[name]) for name in ("small.weight", "large.weight")}
    masks = drop_smallest(weights, masks, 0.375)
    assert {name: mask.tolist() for name, mask in masks.items()} == {
        "small.weight": [[1, 1], [0, 1]],
        "large.weight": [[1, 0], [1, 0]],
    }


def test_what_was_dropped_stays_dropped() -> None:
    weights = {"w": torch.tensor([[3.0, 2.0, 1.0, 4.0]])}
    before = {"w": torch.tensor([[0.0, 1.0, 1.0, 1.0]])}
    assert drop_smallest(weights, before, 0.5)["w"].tolist() == [[0, 1, 0, 1]]


def test_only_matrices_and_filters_are_weights() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Linear(4, 5))
    assert {name: mask.numel() for name, mask in all_kept(model).items()} == {"0.weight": 18, "2.weight": 20}


def test_hold_zeroes_what_is_dropped_and_nothing_else() -> None:
    model = hls4ml_network()
    masks = drop_smallest(model.state_dict(), all_kept(model), 0.5)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    hold(model, masks)
    for name, weight in model.state_dict().items():
        assert torch.equal(weight, before[name] * masks.get(name, torch.ones(())))


@pytest.mark.parametrize(("rounds", "target"), [(0, 0.5), (3, 0.0), (3, 1.0), (3, float("nan"))])
def test_schedules_that_cannot_be(rounds: int, target: float) -> None:
    with pytest.raises(
        InputError, match="--rounds: needs at least 1|--target: needs a share above 0 and below 1"
    ):
        schedule(rounds, target)
