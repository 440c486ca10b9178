"""Mixed precision: close to float32, float32 weights, the same bits continued, no steps that overflow."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from killing import Killed, kill_after
from torch import multiprocessing
from toy import TOY_TASK

from raysearch.data.source import DataSource
from raysearch.launch.orders import way_of
from raysearch.seeds import generator
from raysearch.space.space_file import read_space_file
from raysearch.tasks import load_task
from raysearch.tasks.settings import make_settings
from raysearch.training.attempt import attempt_run
from raysearch.training.checkpoint import load_checkpoint, weights_sha256
from raysearch.training.evaluation import evaluate
from raysearch.training.final import evaluate_on_test
from raysearch.training.loop import Trainer
from raysearch.training.order import Order, Outcome
from raysearch.training.precision import widened
from raysearch.training.settings import divide
from raysearch.training.workers import OneWorker, TorchWorkers

SPACES = Path(__file__).parents[2] / "searchspaces"
SMALL = {
    "jet-dnn": {},
    "jet-gru": {"units": 10, "constituents": 10},
    "jet-cnn": {"conv_layers": 1, "filters": 2, "kernel": 3},
    "jedinet": {"constituents": 10, "kernel": "torch"},
    "jedinet fused": {"constituents": 10, "kernel": "fused"},
    "calo-regressor": {},
}
LOUD = f"""
import sys
sys.path.insert(0, {str(TOY_TASK.parent)!r})
import torch
from toy_task import Toy

class Loud(Toy):
    def loss(self, model, batch):
        return 1e4 * super().loss(model, batch)

class Infinite(Toy):
    def loss(self, model, batch):
        weight = next(model.parameters())
        return super().loss(model, batch) + torch.sqrt(0 * weight.square().sum())
"""


def toy_order(folder: Path, precision: str, **changes: Any) -> Order:
    plain: dict[str, Any] = {
        "task": f"{TOY_TASK}:Toy",
        "study_folder": str(folder),
        "trial": 0,
        "fold": 0,
        "attempt": 1,
        "settings": {"learning_rate": 0.03, "width": 8},
        "seed": 5,
        "source": DataSource(None, (0.6, 0.2, 0.2)),
        "epochs": 6,
        "precision": precision,
    }
    return Order(**(plain | changes))


def shipped_order(folder: Path, name: str, precision: str) -> Order:
    space_file = read_space_file(SPACES / f"{name.partition(' ')[0]}.yaml")
    space = space_file.searched
    point = space.complete(space.sample(generator(3, "test")))
    return toy_order(
        folder,
        precision,
        task=space_file.task,
        settings=divide(way_of(space_file), point).task | SMALL[name],
        source=DataSource(None, (0.02, 0.01, 0.97), limit=150),
        epochs=1,
    )


def run(order: Order) -> Outcome:
    return attempt_run(order, OneWorker(), lambda _: None)


def checkpoint(order: Order, outcome: Outcome) -> dict[str, Any]:
    content = load_checkpoint(Path(order.study_folder) / outcome.weights)
    assert content is not None
    return content


def essence(outcome: Outcome) -> dict[str, object]:
    return {k: v for k, v in asdict(outcome).items() if k not in {"seconds", "weights"}}


@pytest.mark.parametrize("name", SMALL)
def test_every_shipped_task_trains_in_each_precision_about_as_well(tmp_path: Path, name: str) -> None:
    """Losses and outputs differ from float32's in the third digit, which also shows that autocast was on."""
    losses = {}
    for precision in ("float32", "bfloat16", "float16"):
        order = shipped_order(tmp_path / precision, name, precision)
        outcome = run(order)
        assert outcome.state == "finished", outcome.message
        assert {tensor.dtype for tensor in checkpoint(order, outcome)["model"].values()} <= {
            torch.float32,
            torch.int64,
        }
        losses[precision] = outcome.metrics["train_loss"]
    assert losses["bfloat16"] != losses["float32"]
    assert losses["float16"] != losses["float32"]
    assert losses["bfloat16"] == pytest.approx(losses["float32"], rel=0.05)
    assert losses["float16"] == pytest.approx(losses["float32"], rel=0.05)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_gradients_and_moments_are_those_of_float32_weights(tmp_path: Path, precision: str) -> None:
    order = toy_order(tmp_path, precision, breeds=True)
    content = checkpoint(order, run(order))
    moments = [value for state in content["optimizers"]["loss"]["state"].values() for value in state.values()]
    assert {tensor.dtype for tensor in (*content["model"].values(), *moments)} == {torch.float32}
    fresh = load_task(order.task).model(make_settings(load_task(order.task), order.settings))
    assert all(not torch.equal(tensor, content["model"][name]) for name, tensor in fresh.state_dict().items())


def loud(folder: Path, kind: str) -> str:
    folder.mkdir(exist_ok=True)
    (folder / "loud.py").write_text(LOUD)
    return f"{folder}/loud.py:{kind}"


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_a_killed_run_goes_on_to_the_same_bits(tmp_path: Path, precision: str) -> None:
    """In float16 with the loss's scale, which overflows have lowered by then; a fresh one gives others."""
    task = loud(tmp_path, "Loud")
    straight = run(toy_order(tmp_path / "straight", precision, task=task))
    with pytest.raises(Killed):
        attempt_run(toy_order(tmp_path / "killed", precision, task=task), OneWorker(), kill_after(3))
    again = run(toy_order(tmp_path / "killed", precision, task=task, attempt=2))
    assert essence(again) == essence(straight)
    assert straight.state == "finished"


def test_steps_whose_gradients_overflow_are_left_out_and_the_scale_falls(tmp_path: Path) -> None:
    order = toy_order(tmp_path, "float16", task=loud(tmp_path, "Loud"), breeds=True)
    outcome = run(order)
    assert outcome.state == "finished", outcome.message
    content = checkpoint(order, outcome)
    assert 1 <= content["scalers"]["loss"]["scale"] < 65536
    n_steps = next(iter(content["optimizers"]["loss"]["state"].values()))["step"]
    assert 0 < n_steps < 4 * order.epochs
    assert all(tensor.isfinite().all() for tensor in content["model"].values())


def test_gradients_that_overflow_at_any_scale_end_the_run(tmp_path: Path) -> None:
    outcome = run(toy_order(tmp_path, "float16", task=loud(tmp_path, "Infinite")))
    assert (outcome.state, outcome.failure) == ("failed", "nonfinite")
    assert outcome.message == "the gradients overflow float16 even unscaled in epoch 5, batch 1"


def test_the_test_set_is_judged_in_the_precision_of_training(tmp_path: Path) -> None:
    order = toy_order(tmp_path, "bfloat16")
    outcome = run(order)
    done = evaluate_on_test(order, outcome.weights, outcome.weights_sha256)
    task = load_task(order.task)
    model = task.model(make_settings(task, order.settings))
    model.load_state_dict(checkpoint(order, outcome)["model"])
    parts = task.load(order.source, make_settings(task, order.settings))
    validation, test, precise = (
        task.metrics(evaluate(task, model, part, OneWorker(), seed=order.seed, precision=precision), part)[
            "loss"
        ]
        for part, precision in (
            (parts.validation, "bfloat16"),
            (parts.test, "bfloat16"),
            (parts.test, "float32"),
        )
    )
    assert outcome.value == validation
    assert done.metrics["test_loss"] == test != precise
    assert json.loads((tmp_path / "best/model.json").read_text())["precision"] == "bfloat16"


def test_outputs_are_float32_and_what_is_wider_stays() -> None:
    for given, expected in (("bfloat16", "float32"), ("float16", "float32"), ("float64", "float64")):
        assert widened(torch.ones(1, dtype=getattr(torch, given))).dtype == getattr(torch, expected)


def work(rank: int, folder: str) -> None:
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    for precision in ("bfloat16", "float16"):
        order = toy_order(Path(folder, precision), precision, task=f"{folder}/loud.py:Loud", workers=2)
        trainer = Trainer(load_task(order.task), order, TorchWorkers(torch.device("cpu")), lambda _: None)
        outcome = trainer.run()
        own = weights_sha256(trainer.model.state_dict())
        Path(folder, f"{precision}-{rank}").write_text(f"{outcome.state} {own}")
    dist.destroy_process_group()


@pytest.mark.slow
def test_workers_leave_out_the_same_steps(tmp_path: Path) -> None:
    """Or their weights would part."""
    loud(tmp_path, "Loud")
    multiprocessing.spawn(work, (str(tmp_path),), nprocs=2)
    for precision in ("bfloat16", "float16"):
        first, second = ((tmp_path / f"{precision}-{rank}").read_text() for rank in (0, 1))
        assert first == second
        assert first.startswith("finished")


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_on_a_gpu_a_run_goes_on_to_the_same_bits(tmp_path: Path, precision: str) -> None:
    device = torch.device("cuda")
    outcomes = []
    for name in ("straight", "killed"):
        order = dataclasses.replace(shipped_order(tmp_path / name, "jet-dnn", precision), epochs=3)
        if name == "killed":
            with pytest.raises(Killed):
                attempt_run(order, OneWorker(device), kill_after(2))
            order = dataclasses.replace(order, attempt=2)
        outcomes.append(attempt_run(order, OneWorker(device), lambda _: None))
    assert outcomes[0].state == "finished", outcomes[0].message
    assert essence(outcomes[0]) == essence(outcomes[1])
    done = evaluate_on_test(order, outcomes[1].weights, outcomes[1].weights_sha256, device)
    assert done.latency["device"] != "cpu"
