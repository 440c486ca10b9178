"""What a sensor gathers from its nearest others is one function in three forms, with ties and gradients."""

import shutil

import pytest
import torch

from raysearch.errors import InputError
from raysearch.models.gravnet_fused import fused_kernel
from raysearch.models.gravnet_sums import neighbour_sums, plain_sums
from raysearch.models.kernels import build
from raysearch.models.nearest_sensors import nearest

FORMS = [
    "torch",
    pytest.param(
        "fused", marks=pytest.mark.skipif(not any(map(shutil.which, build.COMPILERS)), reason="no compiler")
    ),
]
SIZES = {"few": (2, 42, 40), "one block": (1, 130, 7), "bounded": (2, 300, 40), "many": (1, 700, 130)}


@pytest.fixture(autouse=True)
def kernel_cache(tmp_path_factory, monkeypatch):
    """Keep the libraries that tests compile together, away from the user's."""
    monkeypatch.setenv("RAYSEARCH_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    build.load.cache_clear()
    build._warn_once.cache_clear()


def an_event(events, sensors, *, alike=0.0, dtype=torch.float64, features=22):
    """Places and features; a share of the sensors is one and the same, as those without energy are."""
    chance = torch.Generator().manual_seed(1)
    space = torch.randn(events, sensors, 4, generator=chance, dtype=dtype)
    values = torch.randn(events, sensors, features, generator=chance, dtype=dtype)
    same = torch.rand(sensors, generator=chance) < alike
    space[:, same], values[:, same] = space[:, :1].clone(), values[:, :1].clone()
    return space.requires_grad_(), values.requires_grad_()


def sorted_sums(space, values, k, steepness):
    """By hand: of sensors at one distance the first ones in a stable sort."""
    squared = (space[:, :, None] - space[:, None]).square().sum(3)
    others = squared.detach() + torch.diag(torch.full((space.shape[1],), torch.inf, dtype=space.dtype))
    near = others.sort(dim=2, stable=True).indices[..., :k].sort(2).values
    weighted = torch.exp(-steepness * squared.gather(2, near))[..., None] * torch.stack(
        [each[index] for each, index in zip(values, near, strict=True)]
    )
    return torch.cat([weighted.mean(2), weighted.max(2).values], dim=2)


def sums_and_gradients(given, k, form, steepness=3.0):
    if form == "sorted":
        found = sorted_sums(*given, k, steepness)
    else:
        found = neighbour_sums(*given, k, steepness, form)
    weight = torch.linspace(-1, 2, found.numel(), dtype=found.dtype).view_as(found)
    return [found, *torch.autograd.grad((found * weight).sum(), given)]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("alike", [0.0, 0.2, 0.8])
@pytest.mark.parametrize("size", SIZES.values(), ids=list(SIZES))
def test_equals_sums_over_sorted_rows_with_all_gradients_and_ties(form, alike, size):
    events, sensors, k = size
    given = an_event(events, sensors, alike=alike)
    for ours, plain in zip(
        sums_and_gradients(given, k, form), sums_and_gradients(given, k, "sorted"), strict=True
    ):
        torch.testing.assert_close(ours, plain, rtol=1e-11, atol=1e-11)


def test_the_plain_form_is_that_too_where_nothing_is_tied():
    given = an_event(2, 130)
    for plain, by_hand in zip(
        sums_and_gradients(given, 20, "plain"), sums_and_gradients(given, 20, "sorted"), strict=True
    ):
        torch.testing.assert_close(plain, by_hand, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("features", [22, 33])
def test_single_precision_and_features_that_fill_registers_or_not(form, features):
    given = an_event(2, 300, dtype=torch.float32, features=features)
    exact = [each.detach().double().requires_grad_() for each in given]
    for ours, plain in zip(
        sums_and_gradients(given, 20, form), sums_and_gradients(exact, 20, "plain"), strict=True
    ):
        assert (ours - plain).abs().max() <= 1e-5 * plain.abs().max()


@pytest.mark.parametrize("form", FORMS)
def test_of_sensors_at_one_distance_the_lower_numbers_count(form):
    space = torch.zeros(1, 300, 4)
    space[0, 200:] = 1.0
    expected = [[j for j in range(i, i + 4) if j != i][:3] if i < 3 else [0, 1, 2] for i in (0, 2, 50, 199)]
    expected[0], expected[1] = [1, 2, 3], [0, 1, 3]
    index = found_by(form, space, 3)[0]
    assert [index[i].tolist() for i in (0, 2, 50, 199)] == expected
    assert index[299].tolist() == [200, 201, 202]
    assert index[200].tolist() == [201, 202, 203]


def found_by(form, space, k):
    if form == "torch":
        return nearest(space, k)
    return fused_kernel(space.shape[2], 22, space.dtype).nearest(space, k)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_neighbours_are_those_of_a_sorted_row(form, dtype):
    space = an_event(2, 500, alike=0.3, dtype=dtype)[0].detach()
    for event, found in zip(space.double(), found_by(form, space, 40), strict=True):
        distance = torch.cdist(event, event, compute_mode="donot_use_mm_for_euclid_dist").fill_diagonal_(9e9)
        last = distance.sort(dim=1).values[:, 39:40]
        chosen = distance.gather(1, found.long())
        assert (chosen <= last * (1 + 1e-6)).all()
        assert (found.diff(dim=1) > 0).all()


@pytest.mark.parametrize("form", FORMS)
def test_nan_stays_nan(form):
    space, values = (each.detach() for each in an_event(1, 300, dtype=torch.float32))
    space[0, 7] = float("nan")
    found = neighbour_sums(space, values, 5, 1.0, form)[0]
    assert found[7].isnan().all()
    assert found[torch.arange(300) != 7].isfinite().all()
    no_numbers = (values * float("nan")).requires_grad_()
    gathered = neighbour_sums(space.nan_to_num(), no_numbers, 5, 1.0, form)
    assert gathered.isnan().all()
    assert torch.autograd.grad(gathered.sum(), no_numbers)[0].isfinite().all()  # of sums of weighted values


@pytest.mark.parametrize("form", FORMS)
def test_an_event_with_too_few_sensors_is_refused(form):
    with pytest.raises(InputError, match="neighbours: 40 others of each sensor, but events have 40 sensors"):
        neighbour_sums(*an_event(1, 40), 40, 1.0, form)


def test_the_plain_form_by_hand():
    space = torch.tensor([[[0.0], [1.0], [3.0]]], dtype=torch.float64)
    values = torch.tensor([[[1.0], [2.0], [-4.0]]], dtype=torch.float64)
    e = torch.tensor([1.0, 4.0, 9.0], dtype=torch.float64).neg().exp().tolist()  # of distances 1, 2, 3
    expected = [
        [(2 * e[0] - 4 * e[2]) / 2, 2 * e[0]],
        [(1 * e[0] - 4 * e[1]) / 2, 1 * e[0]],
        [(1 * e[2] + 2 * e[1]) / 2, 2 * e[1]],
    ]
    torch.testing.assert_close(
        plain_sums(space, values, 2, 1.0)[0], torch.tensor(expected, dtype=torch.float64)
    )
