"""3DGAN's losses against values by hand, its published weights and the angle read off a shower."""

import math

import pytest
import torch

from raysearch.errors import InputError
from raysearch.models.gan3d_angle import EMPTY, measured_angle
from raysearch.models.gan3d_discriminator import Judgement
from raysearch.models.gan3d_losses import (
    FLIPPED,
    WEIGHTS,
    LossWeights,
    Truth,
    flipped,
    loss_parts,
    relative_error,
    target_sum,
    weighted,
)


def test_the_parts_by_hand():
    said = Judgement(
        real_logit=torch.tensor([0.0, math.log(3)]),  # probabilities 1/2 and 3/4
        energy=torch.tensor([1.5, 2.0]),
        cell_sum=torch.tensor([3.0, 4.0]),
        angle=torch.tensor([1.0, 1.5]),
    )
    truth = Truth(
        real=torch.tensor([1.0, 0.0]),
        energy=torch.tensor([1.0, 4.0]),
        cell_sum=torch.tensor([2.0, 4.0]),
        angle=torch.tensor([1.25, 1.0]),
    )
    parts = {name: part.item() for name, part in loss_parts(said, truth).items()}
    assert parts == pytest.approx(
        {"real": (math.log(2) + math.log(4)) / 2, "energy": 50.0, "cell_sum": 25.0, "angle": 0.375}
    )
    total = weighted(loss_parts(said, truth), WEIGHTS["angle"])
    assert total.item() == pytest.approx(3 * 1.5 * math.log(2) + 0.1 * 50 + 0.1 * 25 + 25 * 0.375)


def test_a_relative_error_of_nothing_is_finite():
    assert relative_error(torch.tensor([1e-7]), torch.tensor([0.0])).item() == pytest.approx(100)


def test_labels_flip_where_told():
    real, flips = torch.tensor([1.0, 1.0, 0.0, 0.0]), torch.tensor([True, False, True, False])
    assert flipped(real, flips).tolist() == [0, 1, 1, 0]
    assert FLIPPED == 0.05


@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("fixed", (6, 0.2, 0.1, 0)),
        ("horovod", (8, 0.2, 0.1, 0)),
        ("nnlo", (2, 0.1, 0.1, 0)),
        ("angle", (3, 0.1, 0.1, 25)),
        ("lightning", (3, 0.1, 0.1, 25)),
    ],
)
def test_the_published_weights(name, weights):
    real, energy, cell_sum, angle = weights
    assert WEIGHTS[name] == LossWeights(real=real, energy=energy, cell_sum=cell_sum, angle=angle)
    assert len(WEIGHTS) == 5


def test_the_sum_of_cells_grows_with_the_energy():
    energy = torch.tensor([1.0, 2.0], dtype=torch.float64)
    electron = [1 * (0.0018 - 0.023 + 0.11 - 0.28 + 2.21), 2 * (0.0288 - 0.184 + 0.44 - 0.56 + 2.21)]
    assert target_sum(energy).tolist() == pytest.approx(electron)
    assert target_sum(energy, "neutral_pion").tolist() == pytest.approx([1.9655, 2 * (0.034 - 0.188 + 2.051)])
    assert target_sum(energy, "twice").tolist() == [2, 4]
    with pytest.raises(InputError, match="fit: needs one of electron, neutral_pion, twice, got 'muon'"):
        target_sum(energy, "muon")


def test_angles_need_to_be_judged_and_known():
    one = torch.ones(1)
    with pytest.raises(InputError, match="angle"):
        loss_parts(Judgement(one, one, one, None), Truth(one, one, one, one))
    assert "angle" not in loss_parts(Judgement(one, one, one, None), Truth(one, one, one))


def straight_shower(slope):
    """A line of equal cells through 25 layers, ``slope`` cells of y a layer."""
    cells = torch.zeros(51, 51, 25, dtype=torch.float64)
    for layer in range(25):
        cells[25, 25 + slope * (layer - 12), layer] = 1.0
    return cells


@pytest.mark.parametrize("slope", [-2, -1, 0, 1, 2])
def test_the_angle_of_a_straight_shower(slope):
    measured = measured_angle(straight_shower(slope)[None]).item()
    # the layer of the mean itself, of weight 12.5 in 312.5, has y_l - y = 0 and so a right angle
    expected = (300 * (math.pi / 2 - math.atan(slope)) + 12.5 * math.pi / 2) / 312.5
    assert measured == pytest.approx(expected, abs=1e-6)


def test_an_empty_shower_has_an_angle_far_from_any_and_no_gradient():
    cells = torch.zeros(2, 51, 51, 25, dtype=torch.float64)
    cells[1] = straight_shower(1)
    cells.requires_grad_()
    measured = measured_angle(cells)
    assert measured[0].item() == EMPTY
    measured.sum().backward()
    assert torch.isfinite(cells.grad).all()
    assert (cells.grad[0] == 0).all()
    assert cells.grad[1].abs().sum() > 0
