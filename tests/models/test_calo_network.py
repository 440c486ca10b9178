"""The energy regressor has the paper's shape, and its faults are told."""

import pytest
import torch

from raysearch.errors import InputError
from raysearch.models.calo_regressor import ACTIVATIONS, ENERGY_GEV, CaloNetwork, CaloShape
from raysearch.models.flat import flat_parameters


def test_sixteen_filters_of_three_by_three_have_10161_weights():
    model = CaloNetwork(CaloShape())
    assert sum(weight.numel() for weight in model.parameters()) == 10_161
    assert [name for name, _ in model.named_parameters()] == [
        "convolutions.0.weight", "convolutions.0.bias", "dense.weight", "dense.bias",
    ]  # fmt: skip


def test_an_energy_by_hand():
    model = CaloNetwork(CaloShape(filters=1))
    flat_parameters(model).zero_()
    with torch.no_grad():
        model.convolutions[0].weight[0, 0, 1, 1] = 2.0
        model.dense.weight[:] = 0.25
        model.dense.bias[:] = 1.0
    x = torch.zeros(2, 25, 25)
    x[1, 0, 24], x[1, 12, 12] = 3.0, 1.0
    assert model(x).tolist() == [ENERGY_GEV, ENERGY_GEV * (1 + 0.25 * 2.0 * 4.0)]


def test_layers_lie_along_the_first_axis_and_the_image_keeps_its_size():
    model = CaloNetwork(CaloShape(filters=1))
    flat_parameters(model).zero_()
    with torch.no_grad():
        model.convolutions[0].weight[0, 0, 0, 1] = 1.0  # looks at the layer before
        model.dense.weight[0, 25 * 1 + 7] = 1.0
    x = torch.zeros(1, 25, 25)
    x[0, 0, 7] = 1.0
    assert model(x).tolist() == [ENERGY_GEV]


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("conv_layers", [1, 2, 3])
def test_all_shapes_give_one_energy_and_gradients(conv_layers, activation):
    shape = CaloShape(conv_layers=conv_layers, filters=3, kernel=5, activation=activation)
    torch.manual_seed(0)
    model = CaloNetwork(shape)
    energy = model(torch.rand(4, 25, 25))
    assert energy.shape == (4,)
    energy.sum().backward()
    assert all(weight.grad.abs().sum() > 0 for weight in model.parameters())
    assert sum(isinstance(layer, torch.nn.Conv2d) for layer in model.convolutions) == conv_layers


def test_weights_start_as_keras_ones():
    torch.manual_seed(0)
    model = CaloNetwork(CaloShape(filters=64))
    convolution, dense = model.convolutions[0], model.dense
    assert (convolution.bias == 0).all()
    assert (dense.bias == 0).all()
    for weight, fans in [(convolution.weight, 9 + 9 * 64), (dense.weight, 64 * 625 + 1)]:
        bound = (6 / fans) ** 0.5
        assert 0.98 * bound < weight.abs().max() <= bound


def test_all_faults_are_told():
    with pytest.raises(InputError) as caught:
        CaloShape(conv_layers=0, filters=0, kernel=0, activation="gelu")
    named = [problem.split(":")[0] for problem in caught.value.problems]
    assert named == ["conv_layers", "filters", "kernel", "activation"]
    for wrong in ({"conv_layers": 4}, {"kernel": 4}, {"kernel": 27}):
        with pytest.raises(InputError, match=next(iter(wrong))):
            CaloShape(**wrong)
