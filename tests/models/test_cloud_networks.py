"""EPiC-GAN and the fully connected baseline: published sizes, padding, and what networks see of clouds."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import Tensor

from raysearch.models.cloud_dense import DenseDiscriminator, DenseGenerator
from raysearch.models.cloud_frame import CloudFrame, around_axis, statistics
from raysearch.models.cloud_gan import CloudGan
from raysearch.models.epic_networks import EpicDiscriminator, EpicGenerator, EpicLayer, EpicShape


def n_parameters(network: torch.nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def dense(*widths: int) -> int:
    """Parameters of linear layers."""
    return sum(before * after + after for before, after in pairwise(widths))


def normalised(*widths: int) -> int:
    """Parameters of linear layers whose rows have a length of their own."""
    return dense(*widths) + sum(widths[1:])


def test_epic_networks_are_the_published_ones() -> None:
    """The public models.py at its arguments: width 128, global vector 10, noise 3, 6 and 3 layers."""
    layer = normalised(266, 128, 10) + normalised(138, 128, 128)
    generator = normalised(3, 128) + normalised(10, 128, 10) + 6 * layer + normalised(128, 3)
    judge = normalised(3, 128, 128) + normalised(256, 128, 10) + 3 * layer + normalised(266, 128, 128, 1)
    assert n_parameters(EpicGenerator(EpicShape())) == generator == 424_850
    assert n_parameters(EpicDiscriminator(EpicShape())) == judge == 313_170


def test_dense_networks_are_the_published_ones() -> None:
    """The argument file of fc_g: 128 - 64 - 128 - 90, and 3 - 64 - 128 - 256 - 256 - 512, 64 - 128 - 1."""
    assert n_parameters(DenseGenerator(30)) == dense(128, 64, 128, 90)
    judge = dense(3, 64, 128, 256, 256, 512) + dense(512, 64, 128, 1)
    assert n_parameters(DenseDiscriminator()) == judge
    assert tuple(DenseDiscriminator().sfc[0].weight.shape) == (64, 3, 1)


SMALL = EpicShape(hidden=8, of_cloud=4, generator_layers=2, discriminator_layers=2)
COUNTS = torch.tensor([2, 5, 0, 3])


def test_a_padded_cloud_is_what_it_is_alone() -> None:
    """As in batches of one multiplicity, which the public code trains on."""
    generator, discriminator = EpicGenerator(SMALL).double(), EpicDiscriminator(SMALL).double()
    noise, none = torch.randn(4, 4 + 5 * 3, dtype=torch.float64), torch.zeros(4, 0)
    made, there = generator(noise, COUNTS, none)
    scores = discriminator(made, there, none)
    assert torch.equal(there.sum(1), COUNTS)
    assert (made[~there] == 0).all()
    for row, n in enumerate(COUNTS.tolist()):
        if n:
            alone = noise[row : row + 1, : 4 + 3 * n]
            of_it, all_there = generator(alone, COUNTS[row : row + 1], none)
            torch.testing.assert_close(of_it, made[row : row + 1, :n])
            torch.testing.assert_close(
                discriminator(of_it, all_there, none), scores[row : row + 1], rtol=1e-9, atol=1e-12
            )
    filled = torch.where(there.unsqueeze(2), made, 3.0)
    torch.testing.assert_close(discriminator(filled, there, none), scores)


def leaky(x: Tensor) -> Tensor:
    return torch.where(x > 0, x, 0.01 * x)


def by_hand(layer: EpicLayer, of_cloud: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    """An EPiC layer on one cloud (point, feature), as the paper has it: Eqs. (1) and (2), with residuals."""
    pooled = torch.cat([points.mean(0), points.sum(0), of_cloud])
    of_cloud = leaky(layer.fc_global2(leaky(layer.fc_global1(pooled))) + of_cloud)
    told = torch.stack([torch.cat([point, of_cloud]) for point in points])
    return of_cloud, leaky(layer.fc_local2(leaky(layer.fc_local1(told))) + points)


def test_epic_networks_are_what_their_equations_say() -> None:
    generator, discriminator = EpicGenerator(SMALL).double(), EpicDiscriminator(SMALL).double()
    noise, none = torch.randn(1, 4 + 5 * 3, dtype=torch.float64), torch.zeros(1, 0)
    made, there = generator(noise, torch.tensor([5]), none)
    of_cloud = leaky(generator.global_1(leaky(generator.global_0(noise[0, :4]))))
    points = leaky(generator.local_0(noise[0, 4:].view(5, 3)))
    begin = of_cloud, points
    for layer in generator.nn_list:
        of_cloud, points = by_hand(layer, of_cloud, points)
        of_cloud, points = of_cloud + begin[0], points + begin[1]
    torch.testing.assert_close(made[0], generator.local_1(points))
    points = leaky(discriminator.fc_l1(made[0]))
    points = leaky(discriminator.fc_l2(points) + points)
    of_cloud = torch.cat([points.mean(0), points.sum(0)])
    of_cloud = leaky(discriminator.fc_g2(leaky(discriminator.fc_g1(of_cloud))))
    for layer in discriminator.nn_list:
        of_cloud, points = by_hand(layer, of_cloud, points)
    seen = leaky(discriminator.fc_g3(torch.cat([points.mean(0), points.sum(0), of_cloud])))
    expected = discriminator.fc_g5(leaky(discriminator.fc_g4(seen) + seen))
    torch.testing.assert_close(discriminator(made, there, none), expected)


def test_rows_of_epic_weights_have_a_length_of_their_own() -> None:
    """Weight normalisation: what is trained is a direction and a length."""
    linear = EpicGenerator(SMALL).local_1
    names = [name for name, _ in linear.named_parameters()]
    assert names == ["bias", "parametrizations.weight.original0", "parametrizations.weight.original1"]
    length, _ = linear.parametrizations.weight.parameters()
    torch.testing.assert_close(linear.weight.norm(dim=1, keepdim=True), length)


def test_the_dense_generator_makes_all_points_between_bounds() -> None:
    generator = DenseGenerator(5)
    made, there = generator(50 * torch.randn(7, 128), torch.zeros(7), torch.zeros(7, 0))
    assert made.shape == (7, 5, 3)
    assert there.all()
    assert 0.9 < made.abs().max() <= 1


def test_the_dense_discriminator_takes_the_greatest_of_each_feature() -> None:
    discriminator, x = DenseDiscriminator(4), torch.randn(2, 5, 3)
    more = torch.cat([x, x[:, :2]], dim=1)
    none, there = torch.zeros(2, 0), torch.ones(2, 7, dtype=torch.bool)
    torch.testing.assert_close(discriminator(more, there, none), discriminator(x, there[:, :5], none))


def some_jets() -> tuple[Tensor, Tensor]:
    points = torch.randn(40, 6, 3).mul(0.3)
    points[..., 2] = points[..., 2].abs() + 0.01
    there = torch.arange(6) < torch.randint(1, 7, (40, 1))
    return points * there.unsqueeze(2), there


def test_what_networks_see_is_as_published() -> None:
    points, there = some_jets()
    greatest = points.abs().amax((0, 1))
    found = statistics(points, there, greatest * torch.tensor([0, 0, 0.5]), greatest)
    of_all = found.expand(len(points), *found.shape)
    mpgan, epic = CloudFrame.of_greatest(of_all), CloudFrame.of_spread(of_all)
    seen = mpgan.inward(points)[there]
    torch.testing.assert_close(seen[:, :2], (points / greatest)[there][:, :2])
    torch.testing.assert_close(seen[:, 2], (points / greatest)[there][:, 2] - 0.5)
    seen = epic.inward(points)[there]
    torch.testing.assert_close(seen.mean(0), torch.zeros(3), atol=1e-4, rtol=0)
    torch.testing.assert_close(seen.std(0, correction=0), torch.full((3,), 5.0))
    for frame in (mpgan, epic):
        torch.testing.assert_close(frame.outward(frame.inward(points))[there], points[there])
    below = torch.full_like(points, -9.0)
    assert (mpgan.outward(below)[..., 2] == 0).all()
    assert torch.allclose(epic.outward(below)[..., 2], points[there][:, 2].min())


def test_jets_are_shifted_by_their_axis() -> None:
    """Pseudorapidity and azimuth of the sum of massless particles."""
    points, there = some_jets()
    shifted = around_axis(points, there)
    eta, phi, pt = points.double().unbind(2)
    p = torch.stack([(pt * part).sum(1) for part in (phi.cos(), phi.sin(), eta.sinh())])
    axis = torch.stack([(p[2] / p.norm(dim=0)).atanh(), (p[1] / p[0]).atan(), torch.zeros(40)], dim=1)
    expected = (points - axis[:, None]) * there.unsqueeze(2)
    torch.testing.assert_close(shifted, expected.float(), atol=1e-5, rtol=1e-4)
    assert axis[:, :2].abs().max() > 0.1


@pytest.mark.parametrize("name", ["dense", "epic"])
def test_made_clouds_have_units_and_their_number_of_points(name: str) -> None:
    torch.manual_seed(2)
    points, there = some_jets()
    greatest = points.abs().amax((0, 1))
    of_all = statistics(points, there, greatest * torch.tensor([0, 0, 0.5]), greatest).expand(40, 5, 3)
    gans = {
        "dense": lambda: CloudGan(DenseGenerator(6), DenseDiscriminator(4), CloudFrame.of_greatest),
        "epic": lambda: CloudGan(
            EpicGenerator(SMALL), EpicDiscriminator(SMALL), CloudFrame.of_spread, centred=True
        ),
    }
    n, label = there.sum(1), torch.zeros(40, dtype=torch.int64)
    gan = gans[name]()
    with torch.no_grad():
        made = gan.made(n, 6, label, of_all, torch.Generator().manual_seed(1))
        again = gan.made(n, 6, label, of_all, torch.Generator().manual_seed(1))
    assert torch.equal(made, again)
    assert torch.equal((made != 0).any(2), made[..., 2] > 0)
    assert made[..., 2].max() < 5 * greatest[2]
    if name == "epic":
        assert torch.equal((made != 0).any(2).sum(1), n)


def test_particles_without_pt_are_none() -> None:
    points, there = some_jets()
    greatest = points.abs().amax((0, 1))
    of_all = statistics(points, there, greatest * torch.tensor([0, 0, 0.5]), greatest).expand(40, 5, 3)
    gan = CloudGan(DenseGenerator(6), DenseDiscriminator(4), CloudFrame.of_greatest)
    with torch.no_grad():
        gan.generator.model[-2].bias[2::6] = -9.0  # pT of every other particle
        label = torch.zeros(40, dtype=torch.int64)
        made = gan.made(label, 6, label, of_all, torch.Generator().manual_seed(1))
    assert torch.equal((made != 0).any(2), torch.tensor([False, True] * 3).expand(40, 6))
