"""The three baselines have the published sizes, and are the functions their pages say."""

import math

import pytest
import torch
from torch import nn

from raysearch.errors import InputError
from raysearch.models.dense import DenseNetwork, DenseShape
from raysearch.models.image_network import ImageNetwork, ImageNetworkShape
from raysearch.models.recurrent_network import RecurrentNetwork

DNN = DenseShape(layers=3, neurons=80, activation="elu", dropout=0.11)
CNN = ImageNetworkShape(layers=1, filters=10, kernel=3, pool=5, dense=DenseShape(neurons=50, dropout=0.1))
GRU = DenseShape(layers=3, neurons=40, activation="relu", dropout=0.22)


def n_parameters(model):
    return sum(value.numel() for value in model.parameters())


def test_parameter_counts_are_the_published_ones():
    assert n_parameters(DenseNetwork(16, DNN)) == 14_725
    cnn = ImageNetwork(CNN)
    assert n_parameters(cnn) == 205_525
    running = [value.numel() for name, value in cnn.named_buffers() if "running" in name]
    assert n_parameters(cnn) + sum(running) == 205_545
    assert n_parameters(RecurrentNetwork(16, 50, GRU)) == 15_575


@pytest.mark.parametrize(
    ("model", "x"),
    [
        (lambda: DenseNetwork(16, DNN), torch.ones(4, 16)),
        (lambda: ImageNetwork(CNN), torch.ones(4, 1, 100, 100)),
        (lambda: RecurrentNetwork(16, 50, GRU), torch.ones(4, 7, 16)),
    ],
)
def test_logits_of_five_classes_and_dropout_in_training_only(model, x):
    torch.manual_seed(0)
    network = model()
    trained, other = network(x), network(x)
    assert trained.shape == (4, 5)
    assert not torch.equal(trained, other)
    network.eval()
    assert torch.equal(network(x), network(x))


def test_dense_weights_start_with_a_variance_of_one_over_fan_in():
    torch.manual_seed(0)
    network = DenseNetwork(400, DenseShape(layers=1, neurons=300))
    first = next(layer for layer in network.modules() if isinstance(layer, nn.Linear))
    assert first.weight.var().item() == pytest.approx(1 / 400, rel=0.02)
    assert first.weight.abs().max() <= math.sqrt(3 / 400)
    assert not first.bias.any()


@pytest.mark.parametrize("activation", ["relu", "elu", "selu"])
def test_pooling_before_the_activation_is_pooling_after_it(activation):
    torch.manual_seed(0)
    shape = ImageNetworkShape(
        side=12,
        layers=2,
        filters=3,
        kernel=5,
        pool=3,
        activation=activation,
        dense=DenseShape(neurons=4, dropout=0),
    )
    network = ImageNetwork(shape).double()
    x = torch.randn(5, 1, 12, 12, dtype=torch.float64)
    got = network(x)
    first, second = (layer for layer in network.modules() if isinstance(layer, nn.Conv2d))
    act = {"relu": nn.ReLU(), "elu": nn.ELU(), "selu": nn.SELU()}[activation]

    def normalised(z):
        mean, variance = z.mean((0, 2, 3), keepdim=True), z.var((0, 2, 3), correction=0, keepdim=True)
        return (z - mean) / (variance + 1e-3).sqrt()

    hidden = nn.functional.max_pool2d(act(normalised(first(x))), 3)
    hidden = act(normalised(second(hidden)))
    assert torch.allclose(got, network.dense(hidden.flatten(1)), rtol=0, atol=1e-12)


def test_the_scale_of_an_image_has_no_effect():
    torch.manual_seed(0)
    network = ImageNetwork(
        ImageNetworkShape(side=10, pool=2, dense=DenseShape(neurons=4, dropout=0), filters=2)
    ).double()
    x = 100 * torch.rand(6, 1, 10, 10, dtype=torch.float64)
    assert torch.allclose(network(x), network(30 * x), atol=1e-3)  # but for batch normalisation's epsilon


def test_the_gru_is_torchs_equations_with_one_bias_a_gate():
    torch.manual_seed(0)
    network = RecurrentNetwork(3, 4, GRU).double().eval()
    with torch.no_grad():
        network.gru.weight_ih_l0.normal_()
    weights, bias = network.gru.weight_ih_l0.split([3, 1], dim=1)
    (w_r, w_z, w_n), (b_r, b_z, b_n) = weights.chunk(3), bias[:, 0].chunk(3)
    u_r, u_z, u_n = network.gru.weight_hh_l0.chunk(3)
    x, h = torch.randn(2, 6, 3, dtype=torch.float64), torch.zeros(2, 4, dtype=torch.float64)
    for item in x.unbind(1):
        r = torch.sigmoid(item @ w_r.T + b_r + h @ u_r.T)
        z = torch.sigmoid(item @ w_z.T + b_z + h @ u_z.T)
        n = torch.tanh(item @ w_n.T + b_n + r * (h @ u_n.T))
        h = (1 - z) * n + z * h
    assert torch.allclose(network(x), network.dense(h), rtol=0, atol=1e-12)


def test_the_gru_starts_as_keras_does():
    torch.manual_seed(0)
    gru = RecurrentNetwork(16, 50, GRU).gru
    assert not gru.weight_ih_l0[:, 16].any()
    assert gru.weight_ih_l0[:, :16].abs().max() <= math.sqrt(6 / (16 + 150))
    assert torch.allclose(gru.weight_hh_l0.T @ gru.weight_hh_l0, torch.eye(50), atol=1e-5)


def faults(call):
    with pytest.raises(InputError) as caught:
        call()
    return [problem.split(":")[0] for problem in caught.value.problems]


def test_all_faults_of_a_network_are_told():
    assert faults(lambda: DenseShape(layers=0, neurons=2.5, activation="gelu", dropout=1.0)) == [
        "layers",
        "neurons",
        "activation",
        "dropout",
    ]
    wrong = {"layers": 0, "filters": 0, "kernel": 4, "pool": 101, "activation": "gelu"}
    assert faults(lambda: ImageNetworkShape(dense=DNN, **wrong)) == [
        "conv_layers",
        "filters",
        "conv_activation",
        "kernel",
        "pool",
    ]
    assert faults(lambda: RecurrentNetwork(16, 0, GRU)) == ["units"]
