"""The interaction network is the textbook function, with the textbook's parameters."""

import copy

import pytest
import torch
from textbook_jedinet import TextbookJediNet

from raysearch.errors import InputError
from raysearch.models import interaction_edges
from raysearch.models.interaction_network import InteractionNetwork, InteractionNetworkShape
from raysearch.models.interaction_nodes import find_nodes

TOLERANCE = {"rtol": 1e-12, "atol": 1e-12}


def small_shape(**changes):
    given = {"features": 4, "constituents": 7, "hidden": 5, "effect_size": 3, "output_size": 6}
    return InteractionNetworkShape(**(given | changes))


def same_pair(shape, dtype=torch.float64, memory="fast"):
    """Make a textbook network and ours with its weights."""
    torch.manual_seed(3)
    textbook = TextbookJediNet(shape).to(dtype)
    ours = InteractionNetwork(shape, memory=memory).to(dtype)
    weights = {name: value for name, value in textbook.state_dict().items() if name not in ("R_R", "R_S")}
    ours.load_state_dict(weights)  # strict: the same names and shapes
    return textbook, ours


def some_jets(n_jets, shape, lengths=None, dtype=torch.float64):
    """Make jets; number k has length k of those given, over and over, the rest being rows of zeros."""
    x = torch.randn(n_jets, shape.constituents, shape.features, dtype=dtype)
    for number, jet in enumerate(x):
        jet[lengths[number % len(lengths)] if lengths else shape.constituents :] = 0
    return x


def outputs_and_gradients(model, x, *, of_input=True):
    x = x.clone().requires_grad_(of_input)
    logits = model(x)
    weight = torch.linspace(-1, 2, logits.numel(), dtype=x.dtype).view_as(logits)
    wanted = dict(model.named_parameters()) | ({"x": x} if of_input else {})
    gradients = torch.autograd.grad((logits * weight).sum(), list(wanted.values()))
    return {"logits": logits, **dict(zip(wanted, gradients, strict=True))}


def assert_same(ours, textbook, x, *, ways=(True, False), **tolerance):
    """Compare outputs and every gradient, relative to the largest number of each.

    Both ways: with the gradient of the input, and without, when padding is merged.
    """
    for of_input in ways:
        expected = outputs_and_gradients(textbook, x, of_input=of_input)
        for name, got in outputs_and_gradients(ours, x, of_input=of_input).items():
            size = expected[name].abs().max().clamp(min=1e-30)
            torch.testing.assert_close(
                got / size, expected[name] / size, **tolerance, msg=lambda m, n=name: f"{n}: {m}"
            )


@pytest.mark.parametrize("aggregation", ["flatten", "sum"])
@pytest.mark.parametrize("activation", ["relu", "elu", "selu"])
@pytest.mark.parametrize(("n_jets", "constituents"), [(1, 2), (5, 2), (3, 7), (2, 30)])
def test_equals_the_textbook_with_all_gradients(n_jets, constituents, activation, aggregation):
    shape = small_shape(constituents=constituents, activation_relation=activation, aggregation=aggregation)
    textbook, ours = same_pair(shape)
    assert_same(ours, textbook, some_jets(n_jets, shape), **TOLERANCE)


LENGTHS = {
    "none": [0],
    "one": [1],
    "one short of full": [15],
    "full": [16],
    "mixed": [16, 7, 0, 15, 1, 12, 7, 10],
}


@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=list(LENGTHS))
@pytest.mark.parametrize("n_jets", [1, 3, 16, 100])
@pytest.mark.parametrize("memory", ["fast", "recompute"])
def test_padding_counts_as_in_the_reference(memory, n_jets, lengths):
    shape = small_shape(constituents=16, activation_relation="selu", aggregation="sum")
    textbook, ours = same_pair(shape, memory=memory)
    assert_same(ours, textbook, some_jets(n_jets, shape, lengths), **TOLERANCE)


@pytest.mark.parametrize("aggregation", ["flatten", "sum"])
@pytest.mark.parametrize("activation", ["relu", "elu", "selu"])
@pytest.mark.parametrize("memory", ["fast", "recompute"])
def test_padding_counts_with_every_activation_and_classifier(memory, activation, aggregation):
    shape = small_shape(activation_relation=activation, aggregation=aggregation)
    textbook, ours = same_pair(shape, memory=memory)
    x = some_jets(16, shape, [7, 3, 0, 6, 1])
    x[3, 1] = 0  # rows of zeros that are no padding
    x[5, 0] = 0
    assert_same(ours, textbook, x, **TOLERANCE)


@pytest.mark.parametrize("edges", [1, 13, 49, 150, 10**6])
@pytest.mark.parametrize("memory", ["fast", "recompute"])
def test_blocks_of_any_size_give_the_same(memory, edges, monkeypatch):
    monkeypatch.setattr(interaction_edges, "_CPU_BLOCK_EDGES", edges)
    shape = small_shape(activation_relation="selu")
    textbook, ours = same_pair(shape, memory=memory)
    assert_same(ours, textbook, some_jets(8, shape, [7, 5, 2]), **TOLERANCE)


def test_both_memory_forms_give_the_same_bits():
    shape = small_shape(activation_relation="selu")
    x = some_jets(9, shape, [7, 3, 5])
    fast, recompute = (
        outputs_and_gradients(same_pair(shape, memory=memory)[1], x) for memory in ("fast", "recompute")
    )
    assert all(torch.equal(fast[name], recompute[name]) for name in fast)


def test_only_the_recompute_form_keeps_no_edges_for_the_backward_pass():
    shape = small_shape(constituents=30, activation_relation="selu")
    x = some_jets(4, shape)
    edges = 4 * 30 * 30
    kept = {}
    for memory in ("fast", "recompute"):
        (node,) = nodes_called("IncomingEffects", same_pair(shape, memory=memory)[1](x))
        kept[memory] = sum(value.numel() for values in node.kept for value in values)
    assert kept == {"fast": edges * (5 + 1 + 2 + 1 + 3), "recompute": 0}


def nodes_called(name, logits):
    """Find functions in the graph behind an output."""
    found, to_see, seen = [], [logits.grad_fn], set()
    while to_see:
        node = to_see.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        found += [node] if name in type(node).__name__ else []
        to_see += [before for before, _ in node.next_functions]
    return found


@pytest.mark.parametrize(("dtype", "bound"), [(torch.float64, 1e-14), (torch.float32, 1e-5)])
def test_companions_in_the_batch_matter_only_in_rounding(dtype, bound):
    shape = small_shape(constituents=30, activation_relation="selu", aggregation="sum")
    _, ours = same_pair(shape, dtype)
    x = some_jets(40, shape, [30, 4, 0, 12, 25], dtype)
    together = ours(x)
    alone = torch.cat([ours(jet[None]) for jet in x])
    assert (together - alone).abs().max() <= bound * together.abs().max()


def test_no_jets_give_no_logits():
    _, ours = same_pair(small_shape())
    assert ours(torch.zeros(0, 7, 4, dtype=torch.float64)).shape == (0, 5)


@pytest.mark.parametrize("names", [("relu", "elu", "selu"), ("elu", "selu", "relu"), ("selu", "relu", "elu")])
def test_every_perceptron_has_its_own_activation(names):
    relation, obj, classifier = names
    shape = small_shape(activation_relation=relation, activation_object=obj, activation_classifier=classifier)
    textbook, ours = same_pair(shape)
    assert_same(ours, textbook, some_jets(3, shape), **TOLERANCE)


@pytest.mark.parametrize("activation", ["relu", "elu", "selu"])
def test_large_values_stay_finite(activation):
    shape = small_shape(activation_relation=activation)
    textbook, ours = same_pair(shape, torch.float32)
    x = 1e4 * some_jets(3, shape, dtype=torch.float32)  # exp overflows here
    assert_same(ours, textbook, x, rtol=1e-4, atol=1e-4)


def test_single_precision_at_full_size():
    shape = InteractionNetworkShape(constituents=150, hidden=50, effect_size=14, aggregation="sum")
    textbook, ours = same_pair(shape)
    x = some_jets(2, shape, [150, 60])
    expected = textbook(x)
    got = ours.float()(x.float())
    assert (got - expected).abs().max() < 1e-5 * expected.abs().max()


def test_smallest_layers_work():
    shape = small_shape(features=1, constituents=2, hidden=2, effect_size=1, output_size=1, classes=2)
    textbook, ours = same_pair(shape)
    assert_same(ours, textbook, some_jets(4, shape), **TOLERANCE)


def test_there_are_no_self_edges():
    # With f_R the identity on two equal constituents, each receives the other's value once.
    shape = small_shape(features=1, constituents=3, hidden=2, effect_size=1, activation_relation="relu")
    _, ours = same_pair(shape)
    with torch.no_grad():
        for name, value in ours.named_parameters():
            if name.startswith("fr"):
                value.fill_(0.0 if name.endswith("bias") else 1.0)
        ours.fr1.weight[:, 0] = 0  # only the sender counts
    x = torch.tensor([[[1.0], [10.0], [100.0]]], dtype=torch.float64)
    incoming = ours._incoming(x[0], find_nodes(x, 10).blocks)
    assert incoming.flatten().tolist() == [220.0, 202.0, 22.0]  # twice, for two hidden units


def test_sum_forgets_the_order_and_flatten_keeps_it():
    for aggregation, same in (("sum", True), ("flatten", False)):
        shape = small_shape(aggregation=aggregation)
        _, ours = same_pair(shape)
        x = some_jets(2, shape)
        assert torch.allclose(ours(x), ours(x.flip(1)), rtol=0, atol=1e-12) is same


@pytest.mark.parametrize(
    ("changes", "parameters"),
    [  # arXiv:1908.05318 table 3, and the authors' published weight files
        ({"constituents": 100, "hidden": 30, "effect_size": 10, "output_size": 10}, 33_625),
        ({"constituents": 150, "hidden": 50, "effect_size": 14, "output_size": 6}, 52_725),
        (
            {"constituents": 150, "hidden": 50, "effect_size": 14, "output_size": 12, "aggregation": "sum"},
            8_481,
        ),
        (
            {"constituents": 150, "hidden": 50, "effect_size": 14, "output_size": 10, "aggregation": "sum"},
            8_329,
        ),
    ],
)
def test_parameter_counts_of_the_published_networks(changes, parameters):
    model = InteractionNetwork(InteractionNetworkShape(**changes))
    assert sum(value.numel() for value in model.parameters()) == parameters
    assert model.fr1.weight.shape == (changes["hidden"], 2 * 16)


def test_training_twice_gives_the_same_bits():
    shape = small_shape()
    _, first = same_pair(shape)
    second = copy.deepcopy(first)
    x = some_jets(9, shape)
    for model in (first, second):
        optimiser = torch.optim.Adam(model.parameters())
        for _ in range(3):
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(model(x), torch.arange(9) % 5).backward()
            optimiser.step()
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)


def test_inference_equals_training_mode_and_a_frozen_edge_network_trains_on():
    shape = small_shape()
    _, ours = same_pair(shape)
    x = some_jets(3, shape)
    with torch.inference_mode():
        logits = ours(x)
    assert torch.equal(logits, ours(x))
    for layer in (ours.fr2, ours.fr3):
        layer.requires_grad_(False)
    ours(x).sum().backward()
    assert ours.fr1.weight.grad is not None
    assert ours.fr2.weight.grad is None


def test_nan_reaches_the_logits():
    shape = small_shape()
    _, ours = same_pair(shape)
    x = some_jets(2, shape)
    x[0, 0, 0] = float("nan")
    logits = ours(x)
    assert logits[0].isnan().all()
    assert logits[1].isfinite().all()


def test_all_faults_of_a_shape_are_listed():
    with pytest.raises(InputError) as caught:
        InteractionNetworkShape(constituents=1, hidden=2.5, activation_object="gelu", aggregation="mean")
    problems = caught.value.problems
    assert [text.split(":")[0] for text in problems] == [
        "constituents",
        "hidden",
        "activation_object",
        "aggregation",
    ]
    assert "relu, elu, selu" in problems[2]


@pytest.mark.parametrize("wrong", [(2, 7), (2, 8, 4), (2, 7, 3)])
def test_another_input_shape_is_refused(wrong):
    _, ours = same_pair(small_shape())
    with pytest.raises(InputError, match=r"expected shape \(jets, 7, 4\)"):
        ours(torch.zeros(wrong, dtype=torch.float64))


def test_another_memory_form_or_kernel_is_refused():
    with pytest.raises(InputError) as caught:
        InteractionNetwork(small_shape(), memory="small", kernel="cuda")
    assert caught.value.problems == (
        "memory: needs one of fast, recompute, got 'small'",
        "kernel: needs one of torch, fused, fused_bf16, got 'cuda'",
    )


@pytest.mark.gpu
@pytest.mark.parametrize("activation", ["relu", "elu", "selu"])
def test_equals_the_textbook_on_a_gpu(activation):
    shape = small_shape(constituents=30, activation_relation=activation)
    textbook, ours = same_pair(shape)
    x = some_jets(4, shape, [30, 12]).cuda()
    assert_same(ours.cuda(), textbook.cuda(), x, rtol=1e-10, atol=1e-10)
