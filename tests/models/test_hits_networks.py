"""The four networks of arXiv:1902.07987 have its parameters, and share out energies whatever the order."""

from itertools import product

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - the usual name

from raysearch.errors import InputError
from raysearch.models.hits_binning import Binning, BinningShape, bins_of
from raysearch.models.hits_dgcnn import Dgcnn, DgcnnShape, EdgeConv, nearest_with_itself
from raysearch.models.hits_garnet import GarNet, GarNetLayer, GarNetShape
from raysearch.models.hits_gravnet import GravNet, GravNetLayer, GravNetShape
from raysearch.models.hits_layers import dense, sensor_features

NETWORKS = {
    "gravnet": lambda **more: GravNet(GravNetShape(**more)),
    "garnet": lambda **more: GarNet(GarNetShape(**more)),
    "dgcnn": lambda **more: Dgcnn(DgcnnShape(**more)),
    "binning": lambda **more: Binning(BinningShape(**more)),
}
SMALL = {
    "gravnet": {"blocks": 2},
    "garnet": {"layers": 2},
    "dgcnn": {"blocks": 2, "hidden": 8},
    "binning": {"blocks": 2, "bins": 5, "layers": 4},
}
PUBLISHED = {"gravnet": 106_049, "garnet": 107_645, "dgcnn": 100_075, "binning": 101_176}
pytestmark = pytest.mark.filterwarnings("error::UserWarning")


def an_event(events=2, sensors=100):
    """Sensors of a square grid in four layers, a third of them without energy."""
    chance = torch.Generator().manual_seed(3)
    side = torch.arange(5) * 60.0 - 120
    x, y, layer = torch.meshgrid(side, side, torch.arange(4.0), indexing="ij")
    width, depth = torch.full_like(x, 60.0), torch.full_like(x, 100.0)
    sensors_6 = torch.stack([x, y, 100 * layer + 50, width, depth, layer], dim=-1).reshape(-1, 6)[:sensors]
    energy = torch.rand(events, sensors, generator=chance)
    energy[torch.rand(events, sensors, generator=chance) < 0.3] = 0
    return energy, sensors_6.expand(events, -1, -1)


def n_parameters(*modules):
    return sum(each.numel() for module in modules for each in module.parameters())


@pytest.mark.parametrize("name", list(NETWORKS))
def test_as_many_parameters_as_published(name):
    assert n_parameters(NETWORKS[name]()) == PUBLISHED[name]


def test_dgcnn_before_its_last_layers():
    network = NETWORKS["dgcnn"]()
    assert n_parameters(network) - n_parameters(network.combined, network.fractions) == 85_600


@pytest.mark.parametrize("name", list(NETWORKS))
def test_shares_add_up_for_any_number_of_particles_and_every_weight_learns(name):
    network = NETWORKS[name](particles=3, **SMALL[name])
    shares = network(*an_event())
    assert shares.shape == (2, 100, 3)
    torch.testing.assert_close(shares.sum(2), torch.ones(2, 100))
    (shares * torch.rand_like(shares)).sum().backward()
    # Three ReLU units stand before the last layer, and all may be off: what lies behind them is looked at.
    assert all(each.grad is not None and each.grad.isfinite().all() for each in network.parameters())


@pytest.mark.parametrize("name", list(NETWORKS))
def test_the_order_of_sensors_does_not_matter(name):
    network = NETWORKS[name](**SMALL[name]).double().eval()
    energy, sensors = (each.double() for each in an_event())
    order = torch.randperm(100, generator=torch.Generator().manual_seed(0))
    straight, shuffled = network(energy, sensors), network(energy[:, order], sensors[:, order])
    torch.testing.assert_close(shuffled, straight[:, order], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", list(NETWORKS))
def test_an_event_is_judged_by_itself(name):
    network = NETWORKS[name](**SMALL[name]).eval()
    energy, sensors = an_event()
    torch.testing.assert_close(
        network(energy, sensors)[1:], network(energy[1:], sensors[1:]), rtol=1e-4, atol=1e-5
    )


def test_features_are_those_of_the_training_code_and_zero_without_energy():
    energy = torch.tensor([[0.0, 1.0]])
    sensors = torch.tensor([[[1.0] * 6, [150.0, -75.0, 1600.0, 15.0, 30.0, 3.0]]])
    expected = [
        [0.0] * 7,
        [torch.tensor(1001.0).log().item(), 1.0, -0.5, 1.0, 0.1, 0.2, torch.tensor(4.0).log().item()],
    ]
    torch.testing.assert_close(sensor_features(energy, sensors)[0], torch.tensor(expected))


def test_the_variants_of_gravnet():
    paper, code = (GravNetLayer(8, GravNetShape(variant=each), "torch") for each in ("paper", "code"))
    assert (paper.steepness, paper.others) == (1.0, 40)
    assert (code.steepness, code.others) == (10.0, 39)


def test_a_gravnet_layer_is_the_dense_layer_of_what_it_has_and_gathers():
    layer = GravNetLayer(8, GravNetShape(neighbours=5), "plain").double()
    x = torch.randn(1, 30, 8, dtype=torch.float64)
    space, sent = layer.space(x)[0], layer.propagated(x)[0]
    squared = torch.cdist(space, space).square().fill_diagonal_(9e9)
    near = squared.topk(5, largest=False).indices
    values = torch.exp(-squared.gather(1, near))[..., None] * sent[near]
    expected = torch.tanh(layer.out(torch.cat([x[0], values.mean(1), values.amax(1)], dim=1)))
    torch.testing.assert_close(layer(x)[0], expected)


@pytest.mark.parametrize(("variant", "expected"), [("paper", 0.5), ("code", 0.25)])
def test_the_potential_of_garnet(variant, expected):
    layer = GarNetLayer(1, GarNetShape(aggregators=1, propagated=1, outputs=1, variant=variant))
    distance = torch.tensor([0.5]).log() if variant == "paper" else torch.tensor([4.0]).log().sqrt()
    torch.testing.assert_close(layer.potential(distance), torch.tensor([expected]))


def test_edge_convolution_is_that_of_its_pairs():
    layer = EdgeConv(6, 8, 4).double()
    x = torch.randn(1, 20, 6, dtype=torch.float64)
    near = nearest_with_itself(x, 4)[0]
    own = x[0][:, None].expand(-1, 4, -1)
    edge = torch.cat([own, own - x[0][near]], dim=2)
    for each in (layer.edge1, layer.edge2, layer.edge3):
        edge = torch.relu(each(edge))
    torch.testing.assert_close(layer(x)[0], edge.amax(1))
    assert near[:, 0].tolist() == list(range(20))


def test_convolutions_of_layers_are_those_in_three_dimensions():
    """In double precision, gradients included, of one event and of two."""
    network = NETWORKS["binning"](**SMALL["binning"]).double()
    convolutions = [each for each in network.modules() if isinstance(each, torch.nn.Conv3d)]
    assert len(convolutions) == 1 + 2 * 2
    for convolution, events in product(convolutions, (1, 2)):
        x = torch.randn(events, convolution.in_channels, 5, 5, 4, dtype=torch.float64, requires_grad=True)
        weights = (convolution.weight, convolution.bias)
        plain = F.conv3d(x, *weights, padding="same")
        found, cotangent = convolution(x), torch.randn_like(plain)
        torch.testing.assert_close(found, plain, rtol=1e-12, atol=1e-12)
        gradients = (torch.autograd.grad(each, (x, *weights), cotangent) for each in (found, plain))
        torch.testing.assert_close(*gradients, rtol=1e-12, atol=1e-12)


def test_sensors_of_a_regular_layer_have_bins_of_their_own():
    _, sensors = an_event()
    bins = bins_of(sensors, 5, 4)[0]
    assert bins.unique().numel() == 100
    assert bins.tolist() == list(range(100))


@pytest.mark.parametrize(
    ("shape", "fault"),
    [
        (lambda: GravNetShape(space=0, variant="both"), "variant: needs one of paper, code, got 'both'"),
        (lambda: GarNetShape(particles=1), "particles: needs a whole number of at least 2, got 1"),
        (lambda: DgcnnShape(neighbours=1), "neighbours: needs a whole number of at least 2, got 1"),
        (lambda: BinningShape(across=4), "across: needs an odd number, got 4"),
    ],
)
def test_shapes_that_make_no_network_are_refused(shape, fault):
    with pytest.raises(InputError, match=fault):
        shape()


def test_weights_start_as_kerass():
    layer = dense(100, 50)
    assert layer.bias.abs().max() == 0
    assert layer.weight.abs().max() <= (6 / 150) ** 0.5
