"""MPGAN: the published sizes; its quick form is the one that is written down; padding is nothing."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest
import torch
from torch import Tensor, nn

from raysearch.errors import InputError
from raysearch.models import mpgan_layer
from raysearch.models.mpgan_layer import MessagePassing
from raysearch.models.mpgan_networks import MpganDiscriminator, MpganGenerator, MpganShape
from raysearch.models.mpgan_nodes import find_nodes

PUBLISHED = MpganShape()
N = 6
COUNTS = torch.tensor([3, 0, 6, 1, 3, 5])


def small(labels: int = 0, steps: int = 2) -> MpganShape:
    return MpganShape.of_width(12, 5, dropout=0.0, labels=labels, steps=steps)


def labels_of(shape: MpganShape, n: int) -> Tensor:
    return torch.randn(n, shape.labels, dtype=torch.float64)


def pair(network: Callable[..., nn.Module], shape: MpganShape) -> tuple[nn.Module, nn.Module]:
    """A network in both forms, with the same weights."""
    packed, plain = (network(shape, compute=compute).double() for compute in ("packed", "plain"))
    plain.load_state_dict(packed.state_dict())
    return packed, plain


def test_the_networks_are_the_published_ones() -> None:
    generator, discriminator = MpganGenerator(PUBLISHED), MpganDiscriminator(PUBLISHED)
    counts = [sum(p.numel() for p in each.parameters()) for each in (generator, discriminator)]
    assert counts == [361_123, 355_617]
    edge = [(96, 64), (160, 96), (192, 160)]
    shapes = [tuple(p.shape) for name, p in generator.named_parameters() if name.endswith("weight")]
    assert shapes == [*edge, (256, 224), (256, 256), (32, 256), *edge, (256, 224), (256, 256), (3, 256)]
    shapes = [tuple(p.shape) for name, p in discriminator.named_parameters() if name.endswith("weight")]
    assert shapes == [
        *((96, 6), (160, 96), (192, 160), (256, 195), (256, 256), (32, 256)),
        *(*edge, (256, 224), (256, 256), (32, 256), (1, 32)),
    ]
    names = list(discriminator.state_dict())
    assert (names[0], names[6], names[-1]) == (
        "mp_layers.0.fe.net.0.weight",
        "mp_layers.0.fn.net.0.weight",
        "fnd_layer.net.0.bias",
    )
    assert MpganShape.of_width(192, 32) == PUBLISHED


def by_hand(layer: MessagePassing, x_BNF: Tensor, there_BN: Tensor) -> Tensor:
    """Equations (1) and (2), pair by pair."""
    out = torch.zeros(*x_BNF.shape[:2], layer.fn.net[-1].out_features, dtype=x_BNF.dtype)
    for cloud, i in product(*map(range, x_BNF.shape[:2])):
        total = torch.zeros(layer.fe.net[-1].out_features, dtype=x_BNF.dtype)
        for j in range(x_BNF.shape[1]):
            if there_BN[cloud, j]:
                m = torch.cat([x_BNF[cloud, i], x_BNF[cloud, j]])
                for linear in layer.fe.net:
                    m = nn.functional.leaky_relu(linear(m), 0.2)
                total = total + m
        h = torch.cat([total, x_BNF[cloud, i]])
        for number, linear in enumerate(layer.fn.net):
            h = linear(h)
            h = nn.functional.leaky_relu(h, 0.2) if number < len(layer.fn.net) - 1 else h
        out[cloud, i] = h
    return out


def test_a_step_is_what_its_equations_say() -> None:
    layer = MessagePassing(4, (6, 7, 8), (9, 3), slope=0.2, dropout=0.0).double()
    x_BNF = torch.randn(len(COUNTS), N, 4, dtype=torch.float64)
    there_BN = torch.rand(len(COUNTS), N) < 0.6
    none = torch.zeros(len(COUNTS), 0, dtype=torch.float64)
    expected = by_hand(layer, x_BNF, there_BN)
    torch.testing.assert_close(layer.plain(x_BNF, there_BN, none), expected)
    nodes = find_nodes(there_BN)
    found = nodes.put_back(layer(nodes.taken(x_BNF), nodes, none))
    torch.testing.assert_close(found, expected * there_BN.unsqueeze(2))


@pytest.mark.parametrize(("labels", "steps"), [(0, 2), (3, 2), (0, 1), (0, 3)])
def test_the_packed_generator_is_the_plain_one(labels: int, steps: int) -> None:
    shape = small(labels, steps)
    packed, plain = pair(MpganGenerator, shape)
    told = labels_of(shape, len(COUNTS))
    noise = torch.randn(len(COUNTS), N, shape.noise, dtype=torch.float64)
    weights = torch.randn(len(COUNTS), N, 3, dtype=torch.float64)
    for network in (packed, plain):
        found, there = network(noise, COUNTS, told)
        assert torch.equal(there.sum(1), COUNTS)
        (found * weights).sum().backward()
    torch.testing.assert_close(packed(noise, COUNTS, told), plain(noise, COUNTS, told))
    for one, other in zip(packed.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad)


@pytest.mark.parametrize("labels", [0, 3])
def test_the_packed_discriminator_is_the_plain_one(labels: int) -> None:
    shape = small(labels)
    packed, plain = pair(MpganDiscriminator, shape)
    told = labels_of(shape, len(COUNTS))
    there = torch.rand(len(COUNTS), N) < 0.5
    x = torch.randn(len(COUNTS), N, 3, dtype=torch.float64)
    inputs = [(x * there.unsqueeze(2)).requires_grad_() for _ in range(2)]
    scores = [network(each, there, told) for network, each in zip((packed, plain), inputs, strict=True)]
    torch.testing.assert_close(*scores)
    for each in scores:
        (each * torch.arange(len(COUNTS))).sum().backward()
    torch.testing.assert_close(inputs[0].grad, inputs[1].grad)
    for one, other in zip(packed.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad)


@pytest.mark.parametrize("compute", ["packed", "plain"])
def test_padding_is_nothing_and_the_order_of_points_does_not_matter(compute: str) -> None:
    discriminator = MpganDiscriminator(small(), compute=compute).double()
    none = torch.zeros(len(COUNTS), 0, dtype=torch.float64)
    there = torch.arange(N) < COUNTS.unsqueeze(1)
    x = torch.randn(len(COUNTS), N, 3, dtype=torch.float64)
    expected = discriminator(x, there, none)
    filled = torch.where(there.unsqueeze(2), x, 7.0)
    torch.testing.assert_close(discriminator(filled, there, none), expected)
    turned = torch.randperm(N)
    torch.testing.assert_close(discriminator(x[:, turned], there[:, turned], none), expected)
    alone = discriminator(x[:1, :3], there[:1, :3], none[:1])  # without its padding
    torch.testing.assert_close(alone, expected[:1])


def test_the_discriminator_sums_over_points() -> None:
    """Of a cloud in which a point stands twice, without messages, the sum before the last layer is twice."""
    discriminator = MpganDiscriminator(small(steps=1)).double()
    for linear in discriminator.mp_layers[0].fe.net:
        nn.init.zeros_(linear.weight)
        nn.init.zeros_(linear.bias)  # no messages: what is left is f_n of each point
    none, x = torch.zeros(1, 0, dtype=torch.float64), torch.randn(1, 1, 3, dtype=torch.float64)
    once = discriminator(x, torch.ones(1, 1, dtype=torch.bool), none).logit()
    twice = discriminator(x.repeat(1, 2, 1), torch.ones(1, 2, dtype=torch.bool), none).logit()
    bias = discriminator.fnd_layer.net[0].bias
    torch.testing.assert_close(twice - bias, 2 * (once - bias))


def test_the_points_of_least_first_noise_are_there() -> None:
    generator = MpganGenerator(small())
    noise = torch.zeros(1, 4, 5)
    noise[0, :, 0] = torch.tensor([0.1, 0.3, -0.4, 0.2])
    made, there = generator(noise, torch.tensor([2]), torch.zeros(1, 0))
    assert there.tolist() == [[True, False, True, False]]
    assert (made[0, [1, 3]] == 0).all()
    far, _ = generator(1e3 * torch.randn(1, 4, 5), torch.tensor([4]), torch.zeros(1, 0))
    assert 0.9 < far.abs().max() <= 1


def test_dropout_follows_every_layer_of_the_discriminator_the_last_one_too() -> None:
    torch.manual_seed(1)
    discriminator = MpganDiscriminator(MpganShape(dropout=0.5)).train()
    n = 400
    scores = discriminator(torch.randn(n, 3, 3), torch.ones(n, 3, dtype=torch.bool), torch.zeros(n, 0))
    assert (scores == 0.5).float().mean() == pytest.approx(0.5, abs=0.1)
    seen: list[float] = []
    generator = MpganGenerator(PUBLISHED).train()
    for network in (discriminator, generator):
        for layer in network.mp_layers:
            seen += [layer.fe.dropout, layer.fn.dropout]
    assert seen == [0.5] * 4 + [0.0] * 4


def test_pairs_of_features_and_edges_of_padding_never_exist() -> None:
    generator = MpganGenerator(small())
    first, second = generator.mp_layers[0].fe.net[:2]
    rows: list[int] = []
    first.register_forward_hook(lambda *_: pytest.fail("the first layer saw pairs"))
    second.register_forward_hook(lambda _, given, __: rows.append(len(given[0])))
    generator(torch.randn(len(COUNTS), N, 5), COUNTS, torch.zeros(len(COUNTS), 0))
    assert sum(rows) == int(COUNTS.square().sum())
    assert sorted(rows) == [1, 18, 25, 36]  # clouds of one multiplicity together


def test_edges_are_worked_on_in_parts_of_the_cache_s_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cloud's edges stay together, and what comes out is the same."""
    network, none = MpganGenerator(small()).double(), torch.zeros(len(COUNTS), 0)
    noise, counts = torch.randn(len(COUNTS), N, 5, dtype=torch.float64), torch.full_like(COUNTS, 3)
    whole = network(noise, counts, none.double())
    rows: list[int] = []
    network.mp_layers[0].fe.net[1].register_forward_hook(lambda _, given, __: rows.append(len(given[0])))
    monkeypatch.setattr(mpgan_layer, "VALUES", 20 * 12)  # edges, times the widest layer
    torch.testing.assert_close(network(noise, counts, none.double()), whole)
    assert rows == [18, 18, 18]
    monkeypatch.setattr(mpgan_layer, "VALUES", 1)
    torch.testing.assert_close(network(noise, counts, none.double()), whole)
    assert rows[3:] == [9] * 6


def test_clouds_without_any_point() -> None:
    made, there = MpganGenerator(small())(torch.randn(2, N, 5), torch.zeros(2).long(), torch.zeros(2, 0))
    assert not made.any()
    assert not there.any()


def test_another_way_to_compute_is_refused() -> None:
    with pytest.raises(InputError, match="compute: needs one of packed, plain, got 'quick'"):
        MpganGenerator(PUBLISHED, compute="quick")
