"""The plain form of the interaction network is the same function of the same parameters."""

import pytest
import torch

from raysearch.models.interaction_network import InteractionNetwork, InteractionNetworkShape
from raysearch.models.interaction_network_plain import PlainInteractionNetwork


@pytest.mark.parametrize("aggregation", ["flatten", "sum"])
@pytest.mark.parametrize("activation", ["relu", "elu", "selu"])
@pytest.mark.parametrize("lengths", [[9], [0, 1, 4, 8, 9]], ids=["full", "padded"])
def test_equals_the_blocked_form(lengths, activation, aggregation):
    shape = InteractionNetworkShape(
        features=4,
        constituents=9,
        hidden=6,
        effect_size=3,
        output_size=5,
        activation_relation=activation,
        activation_object="selu",
        aggregation=aggregation,
    )
    torch.manual_seed(1)
    blocked, plain = InteractionNetwork(shape).double(), PlainInteractionNetwork(shape).double()
    plain.load_state_dict(blocked.state_dict())  # strict: the same names and shapes
    x = torch.randn(10, 9, 4, dtype=torch.float64)
    for number, jet in enumerate(x):
        jet[lengths[number % len(lengths)] :] = 0
    torch.testing.assert_close(plain(x), blocked(x), rtol=1e-12, atol=1e-12)


def test_follows_nothing_that_an_exporter_cannot():
    shape = InteractionNetworkShape(constituents=5)
    x = torch.randn(4, 5, 16)
    batch = torch.export.Dim("batch", min=1)
    program = torch.export.export(PlainInteractionNetwork(shape), (x,), dynamic_shapes=({0: batch},))
    assert program.module()(torch.randn(7, 5, 16)).shape == (7, 5)
