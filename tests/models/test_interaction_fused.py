"""The fused kernel is the textbook function in single precision, and its absence is no failure."""

import copy
import logging
import shutil
from pathlib import Path

import pytest
import torch
from test_interaction_network import (
    assert_same,
    nodes_called,
    outputs_and_gradients,
    same_pair,
    small_shape,
    some_jets,
)

from raysearch.models import interaction_fused
from raysearch.models.interaction_network import InteractionNetwork
from raysearch.models.kernels import build, noted

pytestmark = pytest.mark.skipif(not any(map(shutil.which, build.COMPILERS)), reason="no C++ compiler here")

TOLERANCE = 2e-6  # of the largest number of each output and gradient


def fused_pair(shape):
    """Make a textbook network in double precision, and the fused one in single with its weights."""
    textbook, ours = same_pair(shape)
    fused = InteractionNetwork(shape, kernel="fused")
    fused.load_state_dict(ours.state_dict())
    return textbook, fused


def bf16_pair(shape):
    """Make a textbook network in double precision, and the one with bfloat16 products with its weights."""
    textbook, ours = same_pair(shape)
    fused = InteractionNetwork(shape, kernel="fused_bf16")
    fused.load_state_dict(ours.state_dict())
    return textbook, fused


def assert_close_to_the_textbook(fused, textbook, x, of_input=False):
    """Compare with double precision: hardly worse than the textbook form in single precision, if at all."""
    exact = outputs_and_gradients(textbook, x.double(), of_input=of_input)
    got = outputs_and_gradients(fused, x, of_input=of_input)
    usual = rounding_of(textbook, x, of_input)
    for name, expected in exact.items():
        difference = (got[name] - expected).abs().max()
        assert difference <= TOLERANCE * expected.abs().max() + 4 * usual[name], name


def rounding_of(textbook, x, of_input):
    """The textbook's own largest deviation in single precision, of each output and gradient, by name.

    Of a few nearby inputs, since that of a single one is chance and differs between processors.
    """
    single = copy.deepcopy(textbook).float()
    found = []
    for factor in (1.0, 0.99, 1.01):
        exact = outputs_and_gradients(textbook, (factor * x).double(), of_input=of_input)
        rounded = outputs_and_gradients(single, factor * x, of_input=of_input)
        found.append({name: (rounded[name] - each).abs().max() for name, each in exact.items()})
    return {name: max(each[name] for each in found) for name in found[0]}


LENGTHS = {"none": [0], "one": [1], "one short of full": [15], "full": [16], "mixed": [16, 7, 0, 15, 1, 12]}


@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=list(LENGTHS))
@pytest.mark.parametrize("n_jets", [1, 3, 16])
@pytest.mark.parametrize("activation", ["relu", "elu", "selu"])
def test_equals_the_textbook_with_all_gradients(activation, n_jets, lengths):
    shape = small_shape(constituents=16, activation_relation=activation)
    textbook, fused = fused_pair(shape)
    x = some_jets(n_jets, shape, lengths, torch.float32)
    assert nodes_called("FusedIncomingEffects", fused(x))
    assert_close_to_the_textbook(fused, textbook, x)


@pytest.mark.parametrize(("hidden", "effect_size"), [(2, 1), (16, 16), (33, 17), (50, 14), (70, 33)])
@pytest.mark.parametrize("aggregation", ["flatten", "sum"])
def test_sizes_that_fill_registers_and_that_do_not(aggregation, hidden, effect_size):
    shape = small_shape(
        features=16, constituents=20, hidden=hidden, effect_size=effect_size, aggregation=aggregation,
        activation_relation="selu",
    )  # fmt: skip
    textbook, fused = fused_pair(shape)
    x = some_jets(7, shape, [20, 3, 11], torch.float32)
    x[3, 1] = 0  # rows of zeros that are no padding
    assert_close_to_the_textbook(fused, textbook, x)


def test_a_batch_of_the_size_trained_on():
    shape = small_shape(
        features=16, constituents=60, hidden=50, effect_size=14, aggregation="sum", activation_relation="selu"
    )
    textbook, fused = fused_pair(shape)
    assert_close_to_the_textbook(fused, textbook, some_jets(100, shape, [60, 20, 35, 8], torch.float32))


def test_gradient_of_the_input():
    shape = small_shape(activation_relation="selu")
    textbook, fused = fused_pair(shape)
    assert_close_to_the_textbook(fused, textbook, some_jets(5, shape, [7, 2], torch.float32), of_input=True)


def test_the_same_bits_each_time_and_companions_matter_only_in_rounding():
    shape = small_shape(constituents=30, activation_relation="selu", aggregation="sum")
    _, fused = fused_pair(shape)
    x = some_jets(40, shape, [30, 4, 0, 12, 25], torch.float32)
    first, second = outputs_and_gradients(fused, x), outputs_and_gradients(copy.deepcopy(fused), x)
    assert all(torch.equal(first[name], second[name]) for name in first)
    alone = torch.cat([fused(jet[None]) for jet in x])
    assert (first["logits"] - alone).abs().max() <= 1e-5 * alone.abs().max()


@pytest.mark.parametrize("activation", ["relu", "elu", "selu"])
def test_large_values_and_nan_behave_as_in_the_torch_form(activation):
    shape = small_shape(activation_relation=activation)
    textbook, fused = fused_pair(shape)
    x = 1e4 * some_jets(3, shape, dtype=torch.float32)
    assert_close_to_the_textbook(fused, textbook, x)
    x[0, 0, 0] = float("nan")
    logits = fused(x)
    assert logits[0].isnan().all()
    assert logits[1:].isfinite().all()


@pytest.mark.parametrize("activation", ["relu", "elu", "selu"])
def test_nan_passes_every_layer_of_the_kernel(activation):
    _, fused = fused_pair(small_shape(activation_relation=activation))
    x = torch.randn(3, 7, 4)
    for name in ("fr1", "fr2", "fr3"):
        broken = copy.deepcopy(fused)
        broken.get_submodule(name).bias.data[0] = float("nan")
        assert broken(x).isnan().all()


def test_no_jets_give_no_logits():
    _, fused = fused_pair(small_shape())
    assert fused(torch.zeros(0, 7, 4)).shape == (0, 5)


def test_double_precision_takes_the_torch_form():
    shape = small_shape(activation_relation="selu")
    textbook, fused = fused_pair(shape)
    x = some_jets(6, shape, [7, 3])
    assert_same(fused.double(), textbook, x, rtol=1e-12, atol=1e-12)
    assert not nodes_called("FusedIncomingEffects", fused(x))


def test_without_a_compiler_the_torch_form_is_used_and_said_once(monkeypatch, tmp_path, caplog):
    monkeypatch.setenv("PATH", str(tmp_path))
    build.load.cache_clear()
    shape = small_shape(activation_relation="selu")
    _, fused = fused_pair(shape)
    x = some_jets(4, shape, [7, 3], torch.float32)
    with caplog.at_level(logging.WARNING):
        got = outputs_and_gradients(fused, x)
        fused(x)
    torch_form = InteractionNetwork(shape)
    torch_form.load_state_dict(fused.state_dict())
    expected = outputs_and_gradients(torch_form, x)
    assert all(torch.equal(got[name], expected[name]) for name in got)
    (record,) = caplog.records
    assert "no C++ compiler" in record.getMessage()


def has_bf16_products():
    return "avx512_bf16" in Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else False


needs_bf16 = pytest.mark.skipif(not has_bf16_products(), reason="no bfloat16 products on this processor")


@needs_bf16
@pytest.mark.parametrize(("hidden", "effect_size"), [(2, 1), (33, 17), (50, 14)])
@pytest.mark.parametrize("activation", ["relu", "elu", "selu"])
def test_bf16_products_are_the_textbook_in_two_digits(activation, hidden, effect_size):
    shape = small_shape(
        constituents=20,
        hidden=hidden,
        effect_size=effect_size,
        aggregation="sum",
        activation_relation=activation,
    )
    textbook, fused = bf16_pair(shape)
    x = some_jets(30, shape, [20, 3, 0, 1, 11], torch.float32)
    exact, got = outputs_and_gradients(textbook, x.double()), outputs_and_gradients(fused, x)
    for name, expected in exact.items():
        # bfloat16 has 8 bits; where rounding carries a value across a kink, a gradient jumps
        away = (got[name] - expected).norm() / expected.norm().clamp(min=1e-12)
        assert away <= (0.02 if name == "logits" else 0.08), name
        assert name != "logits" or away > 1e-5, "single precision was used"
    again = outputs_and_gradients(copy.deepcopy(fused), x)
    assert all(torch.equal(got[name], again[name]) for name in got)


@needs_bf16
@pytest.mark.parametrize("activation", ["relu", "elu", "selu"])
def test_nan_passes_bf16_products(activation):
    _, fused = bf16_pair(small_shape(activation_relation=activation))
    x = torch.randn(3, 7, 4)
    x[0, 0, 0] = float("nan")
    noted.forget_noted()
    logits = fused(x)
    assert noted.noted() == {noted.COMPILED_BF16}
    assert logits[0].isnan().all()
    assert logits[1:].isfinite().all()


def test_without_bf16_products_single_precision_is_used_and_said_once(monkeypatch, tmp_path, caplog):
    monkeypatch.setenv("RAYSEARCH_CACHE", str(tmp_path))
    monkeypatch.setattr(build, "FLAGS", (*build.FLAGS, "-mno-avx512bf16"))
    for cached in (build.load, interaction_fused.warn_of_single_precision):
        cached.cache_clear()
    shape = small_shape(activation_relation="selu")
    _, ours = fused_pair(shape)
    _, asked = bf16_pair(shape)
    asked.load_state_dict(ours.state_dict())
    x = some_jets(4, shape, [7, 3], torch.float32)
    with caplog.at_level(logging.WARNING):
        got, expected = outputs_and_gradients(asked, x), outputs_and_gradients(ours, x)
    build.load.cache_clear()
    assert all(torch.equal(got[name], expected[name]) for name in got)
    (record,) = caplog.records
    assert "no bfloat16 products" in record.getMessage()
