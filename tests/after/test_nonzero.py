"""Operations that are left: exact where one can count them by hand, the dense count where nothing is zero."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from raysearch.after.nonzero import count_nonzero_mflop
from raysearch.data.tensors import TensorData
from raysearch.tasks import load_task
from raysearch.tasks.settings import make_settings
from raysearch.tasks.task import Task
from raysearch.training.counting import count_mflop

CONSTITUENTS = (torch.randn(3, 6, 16), torch.zeros(3, dtype=torch.int64))
BASE = {"optimizer": "adam", "learning_rate": 0.01}
DENSE = {"layers": 2, "neurons": 9, "activation": "relu", "dropout": 0.1, **BASE}
ACTIVATIONS = {f"activation_{name}": "relu" for name in ("relation", "object", "classifier")}
CASES: dict[str, tuple[dict[str, Any], tuple[torch.Tensor, ...]]] = {
    "jet_dnn": (DENSE, (torch.randn(3, 16), torch.zeros(3, dtype=torch.int64))),
    "jet_gru": ({**DENSE, "units": 7, "constituents": 6}, CONSTITUENTS),
    "jet_cnn": (
        {**DENSE, "filters": 3, "kernel": 3, "pool": 5, "conv_layers": 2, "conv_activation": "relu"},
        (torch.arange(12, dtype=torch.int32).view(3, 4), torch.rand(3, 4), torch.zeros(3, dtype=torch.int64)),
    ),
    "jedinet": (
        {"hidden": 8, "effect_size": 3, "output_size": 4, "constituents": 6, **ACTIVATIONS, **BASE},
        CONSTITUENTS,
    ),
}


def built(name: str) -> tuple[Task[Any], nn.Module, TensorData]:
    settings, tensors = CASES[name]
    task = load_task(name)
    torch.manual_seed(2)
    return task, task.model(make_settings(task, settings)), TensorData(tensors)


@pytest.mark.parametrize("name", CASES)
def test_nothing_zero_is_the_dense_count(name: str) -> None:
    task, model, data = built(name)
    for weight in model.parameters():
        weight.data[weight == 0] = 0.1  # biases begin at 0
    before = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    first_state = (
        2e-6 * 3 * 7 * 7 if name == "jet_gru" else 0.0
    )  # a GRU begins with zeros, which need no product
    dense = count_mflop(task, model, data)
    assert count_nonzero_mflop(task, model, data) == pytest.approx(dense - first_state, rel=1e-12)
    assert dense > 1e-4
    assert all(torch.equal(before[key], tensor) for key, tensor in model.state_dict().items())


def test_dense_layers_need_two_operations_for_each_weight_that_is_left() -> None:
    task, model, data = built("jet_dnn")
    left = 0
    for weight in model.parameters():
        if weight.ndim > 1:
            weight.data[torch.rand(weight.shape) < 0.7] = 0
            left += int((weight != 0).sum())
    assert count_nonzero_mflop(task, model, data) == pytest.approx(2e-6 * left)


def test_an_edge_network_saves_on_every_edge() -> None:
    task, model, data = built("jedinet")
    dense = count_nonzero_mflop(task, model, data)
    model.fr2.weight.data[0] = 0  # 8 weights, used for all 36 pairs of 6 constituents
    assert dense - count_nonzero_mflop(task, model, data) == pytest.approx(2e-6 * 8 * 36)


def test_filters_save_at_every_place() -> None:
    task, model, data = built("jet_cnn")
    dense = count_nonzero_mflop(task, model, data)
    model.convolutions[0].weight.data[0] = 0
    assert dense - count_nonzero_mflop(task, model, data) == pytest.approx(2e-6 * 9 * 100 * 100)
