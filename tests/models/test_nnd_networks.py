"""Encoders and decoders of the NND VAE: published ones by their sizes, sets by what they are blind to."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from raysearch.errors import InputError
from raysearch.models.nnd_goal import VaeGoal
from raysearch.models.nnd_loss import NndForm
from raysearch.models.nnd_sets import SetDecoder, SetEncoder
from raysearch.models.nnd_shape import PUBLISHED, ConvolutionShape, SetShape, VaeShape
from raysearch.models.nnd_vae import NndVae

GOAL = VaeGoal(form=NndForm())
SETS = SetShape(points=9, latent=4, width=8, layers=2)


def vae(shape: VaeShape) -> NndVae:
    torch.manual_seed(0)
    return NndVae(shape, GOAL)


def some(points: int, n: int = 3) -> tuple[Tensor, Tensor]:
    """Clouds of falling numbers of points, padded with zeros."""
    chance = torch.Generator().manual_seed(1)
    there = torch.arange(points) < points - torch.arange(n)[:, None]
    return torch.rand(n, points, 3, generator=chance) * there[..., None], there


@pytest.mark.parametrize(
    ("name", "flat", "parameters"),
    [("sparse_mnist", 4800, 157_269), ("superpixels", 832, 2_571_093), ("jets", 3600, 11_193_661)],
)
def test_the_published_networks_have_their_parameters(name: str, flat: int, parameters: int) -> None:
    shape = PUBLISHED[name]
    assert shape.flat == flat
    model = vae(shape)
    assert sum(each.numel() for each in model.parameters()) == parameters
    points, there = some(shape.points)
    assert model.reconstructed(points, there).shape == points.shape


@pytest.mark.parametrize(
    ("name", "points"),
    [("sparse_mnist", 4), ("sparse_mnist", 7), ("sparse_mnist", 30), ("superpixels", 14), ("jets", 33)],
)
def test_decoders_mirror_encoders_at_any_number_of_points(name: str, points: int) -> None:
    shape = replace(PUBLISHED[name], points=points, filters=(2,) * len(PUBLISHED[name].filters), hidden=3)
    clouds, there = some(points)
    assert vae(shape)(clouds, there).points.shape == clouds.shape


def test_too_few_points_for_the_convolutions_are_refused() -> None:
    with pytest.raises(InputError, match="points: 12 are too few for 3 convolutions"):
        replace(PUBLISHED["jets"], points=12)
    assert replace(PUBLISHED["jets"], points=13).sizes[-1] == (1, 1)
    with pytest.raises(InputError) as caught:
        ConvolutionShape(points=0, latent=0, filters=(0,), kernels=((1, 2),))
    assert len(caught.value.problems) == 3
    with pytest.raises(InputError, match="layers: needs"):
        SetShape(points=9, latent=1, layers=0)


def test_outputs_stay_in_the_unit_cube_where_they_are_bounded() -> None:
    far = torch.full((2, 10), 50.0)
    bounded = vae(replace(PUBLISHED["sparse_mnist"], points=8))
    made = bounded.decoder(far, torch.ones(2, 8, dtype=torch.bool))
    assert 0 <= made.min() <= made.max() <= 1
    free = vae(replace(PUBLISHED["superpixels"], points=13))
    assert free.decoder(100 * far, torch.ones(2, 13, dtype=torch.bool)).abs().max() > 1


def test_the_encoder_of_sets_is_blind_to_order_and_to_padding() -> None:
    torch.manual_seed(0)
    encoder = SetEncoder(SETS).double()
    points, there = some(SETS.points)
    points = points.double()
    order = torch.randperm(SETS.points, generator=torch.Generator().manual_seed(2))
    expected = encoder(points, there)
    torch.testing.assert_close(encoder(points[:, order], there[:, order]), expected)
    noise = torch.where(there[..., None], points, 7.0)
    torch.testing.assert_close(encoder(noise, there), expected)
    assert not torch.allclose(encoder(points, torch.ones_like(there)), expected)


def test_points_of_the_decoder_of_sets_can_change_places() -> None:
    torch.manual_seed(0)
    decoder = SetDecoder(SETS).double()
    z, there = torch.randn(3, SETS.latent, dtype=torch.float64), torch.ones(3, SETS.points, dtype=torch.bool)
    before = decoder(z, there)
    order = torch.randperm(SETS.points, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        decoder.slots.copy_(decoder.slots[order])
    torch.testing.assert_close(decoder(z, there), before[:, order])


def test_convolutions_do_depend_on_order() -> None:
    model = vae(replace(PUBLISHED["sparse_mnist"], points=8))
    points, there = some(8)
    assert not torch.allclose(model.encode(points.flip(1), there)[0], model.encode(points, there)[0])


def test_generation_draws_from_its_chance_and_forward_from_torch() -> None:
    model, (points, there) = vae(SETS), some(SETS.points)
    one, again, other = (model.generated(there, torch.Generator().manual_seed(k)) for k in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    passed = [model(points, there).points for _ in range(2)]
    assert not torch.equal(*passed)
    assert torch.equal(model.reconstructed(points, there), model.reconstructed(points, there))
