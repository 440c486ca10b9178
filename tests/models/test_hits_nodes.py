"""A few sensors stand in for all without energy: the same function, gradients and running means."""

import copy

import pytest
import torch
from torch import nn

from raysearch.models.hits_dgcnn import Dgcnn, DgcnnShape
from raysearch.models.hits_garnet import GarNet, GarNetShape
from raysearch.models.hits_gravnet import GravNet, GravNetShape
from raysearch.models.hits_nodes import find_nodes, plain_form

NETWORKS = {
    "gravnet": lambda: GravNet(GravNetShape(blocks=2, neighbours=9)),
    "gravnet, code": lambda: GravNet(GravNetShape(blocks=2, neighbours=9, variant="code")),
    "garnet": lambda: GarNet(GarNetShape(layers=2)),
    "garnet, code": lambda: GarNet(GarNetShape(layers=2, variant="code")),
    "dgcnn": lambda: Dgcnn(DgcnnShape(blocks=2, hidden=8, neighbours=9)),
}
HITS = {"few": (5, 9, 0), "many": (12, 80, 50), "all": (100, 100, 3), "one": (1, 0, 2)}


def some_events(hits):
    """Events of 100 sensors of which so many have energy."""
    chance = torch.Generator().manual_seed(5)
    energy = torch.zeros(len(hits), 100, dtype=torch.float64)
    for event, n in zip(energy, hits, strict=True):
        event[torch.randperm(100, generator=chance)[:n]] = (
            torch.rand(n, generator=chance, dtype=torch.float64) + 0.1
        )
    sensors = 100 * torch.rand(100, 6, generator=chance, dtype=torch.float64)
    return energy, sensors.expand(len(hits), -1, -1)


def outputs_and_gradients(network, given):
    found = network(*given)
    network.zero_grad()
    (found * torch.linspace(-1, 2, found.numel(), dtype=found.dtype).view_as(found)).sum().backward()
    return {
        "shares": found.detach(),
        **{name: each.grad.clone() for name, each in network.named_parameters()},
    }


@pytest.mark.parametrize("hits", HITS.values(), ids=list(HITS))
@pytest.mark.parametrize("name", list(NETWORKS))
def test_the_same_as_with_all_sensors(name, hits):
    torch.manual_seed(1)
    ours = NETWORKS[name]().double().train()
    # Else the three last values, which are ReLU's, may all be off, and nothing be compared.
    nn.init.constant_(ours.fractions.values.linear.bias, 3.0)
    plain = plain_form(copy.deepcopy(ours))
    assert ours.stand_ins
    assert plain.stand_ins is None
    given = some_events(hits)
    expected = outputs_and_gradients(plain, given)
    for key, value in outputs_and_gradients(ours, given).items():
        torch.testing.assert_close(
            value, expected[key], rtol=1e-8, atol=1e-9, msg=lambda m, k=key: f"{k}: {m}"
        )
    for key, value in ours.state_dict().items():
        torch.testing.assert_close(value, plain.state_dict()[key], rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(ours.eval()(*given), plain.eval()(*given), rtol=1e-8, atol=1e-9)


def test_nodes_are_the_hits_and_enough_others():
    energy, sensors = some_events((5, 9, 0))
    nodes = find_nodes(energy, sensors, 4)
    assert nodes.features_BMF.shape == (3, 13, 7)
    assert nodes.weight_BM1.sum((1, 2)).tolist() == pytest.approx([100, 100, 100])
    assert nodes.weight_BM1[0, 5:].unique().tolist() == pytest.approx([95 / 8])
    back = nodes.of_sensors(nodes.features_BMF)
    assert ((back[..., 0] > 0) == (energy > 0)).all()
    torch.testing.assert_close(back[..., 0], torch.log1p(energy * 1000))


def test_a_batch_of_no_events():
    energy, sensors = some_events((5,))
    for make in NETWORKS.values():
        assert make().double().eval()(energy[:0], sensors[:0]).shape == (0, 100, 2)
