"""Operations of JEDI-net, whose blocks carry biases through products, counted as of every network."""

from __future__ import annotations

import pytest
import torch

from raysearch.data.tensors import TensorData
from raysearch.tasks import load_task
from raysearch.tasks.settings import make_settings
from raysearch.training.counting import count_mflop


@pytest.mark.parametrize("kernel", ["torch", "fused"])
@pytest.mark.parametrize("aggregation", ["flatten", "sum"])
def test_an_interaction_network_by_hand(aggregation: str, kernel: str) -> None:
    n, hidden, second, effect, output = 7, 9, 4, 3, 5
    activations = dict.fromkeys(("activation_relation", "activation_object", "activation_classifier"), "elu")
    task = load_task("jedinet")
    settings = make_settings(
        task,
        {
            "constituents": n, "hidden": hidden, "effect_size": effect, "output_size": output,
            "aggregation": aggregation, "kernel": kernel, "optimizer": "adam", "learning_rate": 0.01,
            **activations,
        },
    )  # fmt: skip
    model = task.model(settings)
    model.train()
    data = TensorData((torch.zeros(2, n, 16), torch.zeros(2, dtype=torch.int64)))
    state, weights = torch.random.get_rng_state(), [weight.clone() for weight in model.parameters()]
    carried = output * (n if aggregation == "flatten" else 1)
    products = (
        2 * n * 16 * hidden + n * n * (hidden * second + second * effect)  # all pairs, once split
        + n * ((16 + effect) * hidden + hidden * second + second * output)
        + carried * hidden + hidden * second + second * 5
    )  # fmt: skip
    assert count_mflop(task, model, data) * 1e6 == pytest.approx(2 * products)
    assert torch.equal(torch.random.get_rng_state(), state), "a run counts before it trains"
    assert all(map(torch.equal, model.parameters(), weights))
    assert model.training
