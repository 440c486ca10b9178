"""Flow matching of point clouds: the field's symmetries, its loss, and the way from noise to clouds."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor, nn

from raysearch.models.attention_flow import AttentionField, AttentionShape
from raysearch.models.cloud_frame import LogFrame, spread, with_logs
from raysearch.models.epic_flow import EpicField, FlowShape
from raysearch.models.flow_matching import FlowGenerator, flow_matching_loss
from raysearch.models.point_pairing import Pairing, as_drawn, shortest

SMALL = FlowShape(hidden=10, of_cloud=4, layers=2, labels=3, points=7)
MEAN, SD = 1.5, 0.4  # of clouds whose features are all normal


def some_clouds() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    draw = torch.Generator().manual_seed(1)
    x = torch.randn(5, 7, 3, generator=draw, dtype=torch.float64)
    there = torch.arange(7) < torch.tensor([7, 3, 1, 5, 6]).unsqueeze(1)
    time = torch.rand(5, generator=draw, dtype=torch.float64)
    labels = nn.functional.one_hot(torch.tensor([0, 2, 1, 0, 2]), 3).double()
    return x, time, there, labels


def a_field(network: str = "epic") -> nn.Module:
    torch.manual_seed(0)
    if network == "epic":
        return EpicField(SMALL).double()
    field = AttentionField(AttentionShape(width=8, heads=2, layers=2, labels=3, points=7)).double()
    for weight in field.parameters():  # gates begin at 0
        nn.init.normal_(weight, std=0.3)
    return field


both = pytest.mark.parametrize("network", ["epic", "attention"])


class Normal(nn.Module):
    """The velocity field of independent normal features, in closed form."""

    def __init__(self, mean: float = MEAN) -> None:
        super().__init__()
        self.mean = mean

    def forward(self, x: Tensor, time: Tensor, there: Tensor, labels: Tensor) -> Tensor:
        t = time.view(-1, 1, 1)
        along = (SD**2 * t - (1 - t)) / ((1 - t) ** 2 + (SD * t) ** 2)
        return (self.mean + along * (x - t * self.mean)) * there.unsqueeze(2)


def test_the_published_size_has_its_parameters() -> None:
    def n(field: nn.Module) -> int:
        return sum(weight.numel() for weight in field.parameters())

    hidden, of_cloud, told = 128, 10, 13
    layer = (2 * hidden + of_cloud + told + 1) * hidden + (hidden + told + 1) * of_cloud
    layer += (hidden + of_cloud + told + 1) * hidden + (hidden + told + 1) * hidden
    ends = (3 + told + 1) * hidden + (hidden + told + 1) * hidden + (hidden + told + 1) * 3
    ends += (2 * hidden + told + 1) * hidden + (hidden + told + 1) * of_cloud
    assert n(EpicField(FlowShape())) == 6 * layer + ends == 506_110


@both
def test_points_are_a_set_and_padding_is_nothing(network: str) -> None:
    x, time, there, labels = some_clouds()
    field = a_field(network)
    found = field(x, time, there, labels)
    assert (found[~there] == 0).all()
    assert found[there].abs().min() > 0
    order = torch.randperm(7, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(field(x[:, order], time, there[:, order], labels), found[:, order])
    other = torch.where(there.unsqueeze(2), x, torch.tensor(9.0, dtype=torch.float64))
    torch.testing.assert_close(field(other, time, there, labels), found)
    shorter = field(x[3:, :6], time[3:], there[3:, :6], labels[3:])
    torch.testing.assert_close(shorter, found[3:, :6])


@pytest.mark.parametrize("which", ["time", "labels", "number", "other points"])
@both
def test_the_field_is_told(network: str, which: str) -> None:
    x, time, _, labels = some_clouds()
    x[:, 1:] = x[:, :1]  # equal points: their mean does not tell how many they are
    there = torch.arange(7) < torch.full((5, 1), 3)
    field = a_field(network)
    before = field(x, time, there, labels)[:, 0]
    if which == "time":
        time = time + 0.1
    elif which == "labels":
        labels = labels.roll(1, dims=1)
    elif which == "number":
        there = torch.arange(7) < torch.full((5, 1), 4)
    else:
        x = torch.cat([x[:, :1], x[:, 1:] + 1], dim=1)
    after = field(x, time, there, labels)[:, 0]
    assert (before - after).abs().amax(1).min() > 1e-6


def test_a_cloud_without_points_is_no_trouble() -> None:
    x, time, _, labels = some_clouds()
    there = torch.arange(7) < torch.tensor([0, 3, 1, 0, 6]).unsqueeze(1)
    field = a_field("attention")
    loss = flow_matching_loss(field, x, there, labels)
    loss.backward()
    assert loss.isfinite()
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in field.parameters())
    assert (field(x, time, there, labels)[0] == 0).all()


def test_the_loss_is_that_of_straight_paths() -> None:
    """Written out for one cloud after the other, with the same draws."""
    x, _, there, labels = some_clouds()
    field = a_field()
    torch.manual_seed(5)
    found = flow_matching_loss(field, x, there, labels)
    torch.manual_seed(5)
    noise, times = torch.randn_like(x), torch.rand(5, dtype=torch.float64)
    total = 0.0
    for b in range(5):
        t, n = times[b], int(there[b].sum())
        at = (1 - (1 - 1e-4) * t) * noise[b, :n] + t * x[b, :n]
        aim = x[b, :n] - (1 - 1e-4) * noise[b, :n]
        velocity = field(at[None], t[None], torch.ones(1, n, dtype=torch.bool), labels[b : b + 1])[0]
        total += float((velocity - aim).square().sum().detach())
    assert float(found.detach()) == pytest.approx(total / 5 / 7, rel=1e-9)


def test_the_loss_is_least_for_the_field_that_leads_to_the_clouds() -> None:
    torch.manual_seed(2)
    clouds = MEAN + SD * torch.randn(4000, 4, 3)
    there, labels = torch.ones(4000, 4, dtype=torch.bool), torch.zeros(4000, 0)

    def loss(mean: float) -> float:
        torch.manual_seed(3)
        return float(flow_matching_loss(Normal(mean), clouds, there, labels))

    assert loss(MEAN) < min(loss(MEAN + 0.1), loss(MEAN - 0.1), loss(-MEAN))


def test_following_the_field_gives_the_clouds() -> None:
    generator = FlowGenerator(Normal(), 3, steps=50)
    noise = torch.randn(5000, *generator.noise_shape(4), generator=torch.Generator().manual_seed(4))
    n = torch.tensor([4, 2]).repeat(2500)
    points, there = generator(noise, n, torch.zeros(5000, 0))
    assert torch.equal(there.sum(1), n)
    assert (points[~there] == 0).all()
    # Of 45,000 draws; the field keeps their order, so that each is the draw, moved and scaled.
    torch.testing.assert_close(points[there], MEAN + SD * noise[there], atol=5e-3, rtol=5e-3)


def test_the_midpoint_rule_is_of_second_order() -> None:
    class Growing(nn.Module):
        def forward(self, x: Tensor, time: Tensor, there: Tensor, labels: Tensor) -> Tensor:
            return x * (1 + time.view(-1, 1, 1))

    errors = []
    for steps in (10, 20):
        generator = FlowGenerator(Growing(), 3, steps)
        one = torch.ones(1, 1, 3, dtype=torch.float64)
        found, _ = generator(one, torch.tensor([1]), torch.zeros(1, 0))
        errors.append(abs(float(found[0, 0, 0]) - math.exp(1.5)))
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.1)


def test_logarithms_of_pt_are_standardised_and_come_back() -> None:
    draw = torch.Generator().manual_seed(6)
    points = torch.randn(200, 6, 3, generator=draw)
    points[..., 2] = torch.rand(200, 6, generator=draw).pow(8) + 1e-4
    there = torch.rand(200, 6, generator=draw) < 0.7
    points = points * there.unsqueeze(2)
    of_all = torch.cat([torch.zeros(2, 3), spread(with_logs(points), there)]).expand(200, 5, 3)
    frame = LogFrame.of_spread(of_all)
    seen = frame.inward(points)
    assert seen.isfinite().all()
    torch.testing.assert_close(seen[there].mean(0), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(seen[there].std(0, correction=0), torch.ones(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(frame.outward(seen)[there], points[there], rtol=1e-4, atol=1e-6)
    low = frame.outward(torch.full_like(seen, -99.0))[..., 2]
    torch.testing.assert_close(low, torch.full_like(low, float(points[there][:, 2].min())), rtol=1e-4, atol=0)


def test_the_shortest_pairing_deals_a_clouds_noise_out_by_the_least_squares() -> None:
    """Against all orders of it."""
    x, _, there, _ = some_clouds()
    x[~there] = 1e30  # padding may be anything finite
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(2), dtype=x.dtype)
    found = shortest(noise, x, there)
    assert torch.equal(found[~there], noise[~there])
    for cloud, n in enumerate(there.sum(1).tolist()):
        its, drawn = x[cloud, :n], noise[cloud, :n]
        orders = torch.tensor(list(itertools.permutations(range(n))))
        squares = (drawn[orders] - its).square().sum((1, 2))
        assert torch.equal(found[cloud, :n], drawn[orders[squares.argmin()]])
    assert torch.equal(as_drawn(noise, x, there), noise)
    assert torch.equal(shortest(noise, x, there & False), noise)


def test_the_loss_is_that_of_the_paths_of_pairs() -> None:
    x, _, there, labels = some_clouds()
    field = a_field()

    def loss(points: Tensor, pair: Pairing) -> float:
        torch.manual_seed(5)
        return flow_matching_loss(field, points, there, labels, pair).item()

    def turned(noise: Tensor, _x: Tensor, _there: Tensor) -> Tensor:
        return -noise

    torch.manual_seed(5)
    noise = torch.randn_like(x)
    assert loss(x, as_drawn) != loss(x, turned)
    assert loss(x, shortest) == loss(x, lambda *given: shortest(noise, *given[1:]))
