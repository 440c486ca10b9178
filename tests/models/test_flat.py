"""A model's weights as one vector: what is written there is what the model computes with."""

import copy

import pytest
import torch
from torch import nn

from raysearch.models.flat import flat_parameters


def some_model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 3, 3), nn.Flatten(), nn.Linear(27, 2), nn.BatchNorm1d(2)).eval()


def test_the_vector_is_the_parameters_in_their_order():
    model = some_model()
    expected = torch.cat([parameter.detach().flatten() for parameter in model.parameters()])
    x = torch.randn(4, 1, 5, 5)
    before = model(x)
    flat = flat_parameters(model)
    assert torch.equal(flat, expected)
    assert not flat.requires_grad
    assert torch.equal(model(x), before)


def test_what_is_written_to_the_vector_reaches_the_model_and_back():
    model = some_model()
    flat = flat_parameters(model)
    flat[27] = 7.0
    assert model[0].bias[0] == 7.0
    model.load_state_dict(some_model().state_dict())
    assert flat[27] == model[0].bias[0] != 7.0


def test_parameters_and_their_optimiser_stay():
    model = some_model()
    before = list(model.parameters())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    flat = flat_parameters(model)
    assert all(one is other for one, other in zip(before, model.parameters(), strict=True))
    was = flat.clone()
    model(torch.randn(4, 1, 5, 5)).sum().backward()
    optimizer.step()
    assert not torch.equal(flat, was)


def test_a_second_call_gives_the_same_memory():
    model = some_model()
    assert flat_parameters(model).data_ptr() == flat_parameters(model).data_ptr()


def test_parts_of_a_flat_model_in_another_order_are_made_flat_anew():
    model = some_model()
    flat_parameters(model)
    turned = nn.Sequential(model[2], model[0])
    expected = torch.cat([parameter.detach().flatten() for parameter in turned.parameters()])
    assert torch.equal(flat_parameters(turned), expected)


def test_a_copy_has_a_vector_of_its_own():
    model = some_model()
    flat = flat_parameters(model)
    other = copy.deepcopy(model)
    flat_parameters(other).zero_()
    assert flat.abs().sum() > 0
    assert other[0].bias.abs().sum() == 0


def test_a_model_that_moved_is_made_flat_again():
    model = some_model()
    flat_parameters(model)
    flat = flat_parameters(model.double())
    assert flat.dtype == torch.float64
    flat.zero_()
    assert all((parameter == 0).all() for parameter in model.parameters())


def test_what_has_no_one_vector_is_refused():
    with pytest.raises(TypeError, match="found none"):
        flat_parameters(nn.Flatten())
    with pytest.raises(TypeError, match="float32 on cpu, torch.float64 on cpu"):
        flat_parameters(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2).double()))
