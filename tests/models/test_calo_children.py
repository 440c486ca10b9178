"""Children evaluated from what they share with their parent are those that a plain forward pass sees."""

import copy
import logging
import shutil

import numpy as np
import pytest
import torch

from raysearch.models.calo_children import children_outputs, has_fast_children
from raysearch.models.calo_regressor import ACTIVATIONS, COMPUTE, CaloNetwork, CaloShape
from raysearch.models.flat import flat_parameters
from raysearch.models.kernels import build

HAS_COMPILER = any(map(shutil.which, build.COMPILERS))
NOTHING = (torch.empty(0, dtype=torch.int64), torch.empty(0))


@pytest.fixture(params=COMPUTE)
def compute(request):
    if request.param == "fused" and not HAS_COMPILER:
        pytest.skip("no C++ compiler here")
    return request.param


def a_network(compute, **shape):
    torch.manual_seed(0)
    model = CaloNetwork(CaloShape(**shape), compute)
    with torch.no_grad():
        model.convolutions[0].bias.normal_(0, 0.1)
    return model


def some_images(n):
    return 0.1 * torch.from_numpy(np.random.default_rng(1).exponential(size=(n, 25, 25)).astype(np.float32))


def a_step(places, seed=0):
    deltas = np.random.default_rng(seed).uniform(-0.3, 0.3, len(places)).astype(np.float32)
    return torch.tensor(places, dtype=torch.int64), torch.from_numpy(deltas)


def point_mutations(n_weights, n, rate=0.01):
    rng = np.random.default_rng(2)
    sizes = rng.binomial(n_weights, rate, n)
    return [a_step(rng.choice(n_weights, size, replace=False), seed) for seed, size in enumerate(sizes)]


def plain(model, steps, x):
    """Evaluate each child by a forward pass of its own."""
    found = []
    for places, deltas in steps:
        child = copy.deepcopy(model)
        flat = flat_parameters(child)
        flat[slice(None) if places is None else places] += deltas.to(flat.dtype)
        with torch.no_grad():
            found.append(child(x.to(flat.dtype)))
    return torch.stack(found)


def assert_same_energies(model, steps, x):
    """Compare with double precision: off by hardly more than a forward pass in single, if at all."""
    exact = plain(copy.deepcopy(model).double(), steps, x)
    usual = (plain(model, steps, x) - exact).abs().max()
    got = children_outputs(model, steps, x)
    assert got.shape == exact.shape
    assert got.dtype == torch.float32
    assert (got - exact).abs().max() <= 2e-7 * exact.abs().max() + 3 * usual


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_point_mutations(compute, activation):
    model = a_network(compute, activation=activation)
    assert_same_energies(model, point_mutations(10_161, 12), some_images(40))


@pytest.mark.parametrize(("filters", "kernel"), [(1, 1), (3, 5), (5, 7)])
def test_other_sizes(compute, filters, kernel):
    model = a_network(compute, filters=filters, kernel=kernel)
    assert_same_energies(model, point_mutations(len(flat_parameters(model)), 6), some_images(20))


LAST = 10_160
PLACES = {
    "one tap": [13],
    "three taps of a filter": [9, 10, 17],
    "a bias of a filter": [144 + 5],
    "tap, bias and dense weights of a filter": [47, 149, 160 + 5 * 625, 160 + 6 * 625 - 1, 160 + 6 * 625],
    "first and last of the dense weights": [160, LAST - 1],
    "the last bias": [LAST],
    "not in their order": [LAST, 5000, 3, 9000, 150, 160],
    "every filter": list(range(0, 144, 9)),
}


@pytest.mark.parametrize("places", PLACES.values(), ids=list(PLACES))
def test_each_kind_of_weight(compute, places):
    assert_same_energies(a_network(compute), [a_step(places)], some_images(17))


def test_steps_of_all_weights_of_many_and_of_none(compute):
    model, x = a_network(compute), some_images(20)
    all_weights = (None, a_step(range(10_161))[1] / 10)
    steps = [all_weights, a_step(range(0, 10_161, 3)), NOTHING, *point_mutations(10_161, 2), all_weights]
    assert_same_energies(model, steps, x)


@pytest.mark.parametrize("n", [1, 15, 16, 17, 128, 129, 300])
def test_batches_that_fill_a_block_and_that_do_not(compute, n):
    assert_same_energies(a_network(compute), point_mutations(10_161, 3), some_images(n))


def test_a_child_has_the_same_bits_alone_and_among_others(compute):
    model, x = a_network(compute), some_images(130)
    steps = [*point_mutations(10_161, 62), (None, a_step(range(10_161))[1]), NOTHING]
    together = children_outputs(model, steps, x)
    alone = torch.cat([children_outputs(model, [step], x) for step in steps])
    assert torch.equal(together, alone)
    assert torch.equal(children_outputs(model, steps[::-1], x).flip(0), together)


def test_the_parent_is_left_as_it_was(compute):
    model = a_network(compute)
    before = flat_parameters(model).clone()
    children_outputs(model, [*point_mutations(10_161, 3), (None, torch.ones(10_161))], some_images(3))
    assert torch.equal(flat_parameters(model), before)


def test_a_child_that_repairs_its_parents_overflow_is_finite(compute):
    model, x = a_network(compute), some_images(5)
    flat = flat_parameters(model)
    flat[160:785] = 3e38  # all dense weights of a filter
    flat[0:9] = 1.0
    repair = torch.arange(160, 785), torch.full((625,), -3e38)
    broken, repaired = children_outputs(model, [NOTHING, repair], x)
    assert not broken.isfinite().any()
    torch.testing.assert_close(repaired, plain(model, [repair], x)[0], rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_nan_stays_with_the_child_that_has_it(compute, activation):
    model, x = a_network(compute, activation=activation), some_images(5)
    steps = [a_step([3]), (torch.tensor([3]), torch.tensor([float("nan")])), a_step([4])]
    assert children_outputs(model, steps, x).isnan().all(dim=1).tolist() == [False, True, False]


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_large_values_behave_as_in_torch(compute, activation):
    model = a_network(compute, activation=activation)
    assert_same_energies(model, point_mutations(10_161, 4), 1e4 * some_images(20))


def test_networks_that_have_no_fast_children():
    assert has_fast_children(a_network("torch"))
    for model in (a_network("torch", conv_layers=2), a_network("torch").double(), torch.nn.Linear(2, 2)):
        assert not has_fast_children(model)
    with pytest.raises(ValueError, match="one convolution in float32"):
        children_outputs(a_network("torch", conv_layers=2), [NOTHING], some_images(1))


def test_without_a_compiler_the_torch_form_is_used_and_said_once(monkeypatch, tmp_path, caplog):
    monkeypatch.setenv("PATH", str(tmp_path))
    steps, x = point_mutations(10_161, 3), some_images(5)
    with caplog.at_level(logging.WARNING):
        got = children_outputs(a_network("fused", kernel=5), steps, x)
        children_outputs(a_network("fused", kernel=5), steps, x)
    assert torch.equal(got, children_outputs(a_network("torch", kernel=5), steps, x))
    (record,) = caplog.records
    assert "no C++ compiler" in record.getMessage()
