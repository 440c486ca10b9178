"""Operations of JEDI-net, whose blocks carry biases through products, counted as of every network."""

from __future__ import annotations

import pytest
import torch

from raysearch.data.tensors import TensorData
from raysearch.tasks import load_task
from raysearch.tasks.settings import make_settings
from raysearch.training.counting import REPEATS, count_mflop, measure_latency


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


def mflop_of_hits(name: str, sensors: int = 12, **settings: object) -> float:
    task = load_task(name)
    data = TensorData((torch.ones(2, sensors), torch.rand(2, sensors, 6), torch.ones(2, sensors, 2)))
    made = make_settings(task, settings)
    return count_mflop(task, task.model(made), data) * 1e6


def test_distances_and_what_is_gathered_of_neighbours_are_counted() -> None:
    sensors, small = 12, {"blocks": 1, "hidden": 8, "outputs": 8, "propagated": 5, "combined": 4}
    gravnet = {(k, s): mflop_of_hits("hits_gravnet", neighbours=k, space_dimensions=s, **small)
               for k, s in ((3, 2), (7, 2), (3, 4))}  # fmt: skip
    assert gravnet[7, 2] - gravnet[3, 2] == pytest.approx(4 * sensors * (1 + 2 * 5))
    dense = 2 * sensors * 8 * 2  # from 8 features to two more dimensions
    assert gravnet[3, 4] - gravnet[3, 2] == pytest.approx(dense + 3 * 2 * sensors**2)
    dgcnn = [mflop_of_hits("hits_dgcnn", blocks=1, hidden=4, neighbours=k) for k in (3, 7)]
    assert dgcnn[1] - dgcnn[0] == pytest.approx(4 * sensors * (4 + 2 * 2 * 4 * 4))


@pytest.mark.parametrize(("seconds", "times"), [(0.01, 1 + REPEATS), (4.0, 3), (60.0, 2)])
def test_a_model_that_takes_long_is_not_timed_again_and_again(
    monkeypatch: pytest.MonkeyPatch, seconds: float, times: int
) -> None:
    now, calls = [0.0], []

    class Slow:
        def predict(self, *_: object) -> None:
            calls.append(now[0])
            now[0] += seconds

    monkeypatch.setattr("raysearch.training.counting.time.perf_counter", lambda: now[0])
    found = measure_latency(Slow(), torch.nn.Linear(1, 1), TensorData((torch.zeros(3, 1),)))
    assert len(calls) == times
    assert found["ms"] == pytest.approx(1e3 * seconds)
