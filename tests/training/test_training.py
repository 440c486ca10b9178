"""A run: the same bits when repeated or continued, honest endings, checkpoints that cannot lie."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from killing import Killed, kill_after
from toy import TOY_TASK

from raysearch.data.source import DataSource
from raysearch.errors import InputError, StorageError
from raysearch.tasks import load_task
from raysearch.tasks.settings import make_settings, watched
from raysearch.tasks.task import Task
from raysearch.training.attempt import attempt_run
from raysearch.training.checkpoint import Checkpoints, load_checkpoint, weights_sha256
from raysearch.training.early_stopping import EarlyStopping
from raysearch.training.final import evaluate_on_test
from raysearch.training.order import EpochReport, Order, Outcome
from raysearch.training.rehearsal import rehearse
from raysearch.training.workers import OneWorker

SOURCE = DataSource(None, (0.6, 0.2, 0.2))
SETTINGS = {"learning_rate": 0.03, "width": 8, "activation": "relu"}


def order(
    folder: Path, *, attempt: int = 1, epochs: int = 6, patience: int | None = None, **settings: object
) -> Order:
    return Order(
        task=f"{TOY_TASK}:Toy",
        study_folder=str(folder),
        trial=0,
        fold=0,
        attempt=attempt,
        settings={**SETTINGS, **settings},
        seed=5,
        source=SOURCE,
        epochs=epochs,
        patience=patience,
    )


def run(what: Order) -> tuple[Outcome, list[EpochReport]]:
    reports: list[EpochReport] = []
    return attempt_run(what, OneWorker(), reports.append), reports


def essence(outcome: Outcome) -> dict[str, object]:
    return {k: v for k, v in dataclasses.asdict(outcome).items() if k not in {"seconds", "weights"}}


def test_settings_a_b_a_give_as_bits_twice(tmp_path: Path) -> None:
    first, _ = run(order(tmp_path / "1"))
    other, _ = run(order(tmp_path / "2", width=3))
    again, _ = run(order(tmp_path / "3"))
    assert essence(first) == essence(again)
    assert other.weights_sha256 != first.weights_sha256
    assert first.state == "finished"
    assert first.facts["parameters"] == 8 + 8 + 8 + 1


@pytest.mark.parametrize("epoch", [1, 2, 3, 5])
def test_a_killed_run_goes_on_to_the_same_bits(tmp_path: Path, epoch: int) -> None:
    straight, reports = run(order(tmp_path / "straight"))
    with pytest.raises(Killed):
        attempt_run(order(tmp_path / "killed"), OneWorker(), kill_after(epoch))
    outcome, resumed = run(order(tmp_path / "killed", attempt=2))
    assert essence(outcome) == essence(straight)
    assert [(r.epoch, r.metrics) for r in resumed] == [(r.epoch, r.metrics) for r in reports]
    assert outcome.weights.startswith("trials/0/fold-0/attempt-")


def test_without_its_optimizer_a_continued_run_would_differ(tmp_path: Path) -> None:
    """The test above can fail: a checkpoint of weights alone gives other bits."""
    straight, _ = run(order(tmp_path / "straight"))
    with pytest.raises(Killed):
        attempt_run(order(tmp_path / "killed"), OneWorker(), kill_after(3))
    checkpoints = Checkpoints(tmp_path / "killed/trials/0/fold-0", 1)
    found = checkpoints.newest("last")
    assert found is not None
    content = found[1]
    content["optimizers"]["loss"]["state"] = {}
    checkpoints.save("last", 3, content)
    found[0].unlink()
    assert run(order(tmp_path / "killed", attempt=2))[0].weights_sha256 != straight.weights_sha256


def test_damaged_checkpoints_are_set_aside(tmp_path: Path) -> None:
    straight, _ = run(order(tmp_path / "straight"))
    for damage in ("flip", "cut", "empty"):
        folder = tmp_path / damage
        with pytest.raises(Killed):
            attempt_run(order(folder), OneWorker(), kill_after(4))
        newest = sorted(folder.rglob("last-*.pt"))[-1]
        content = bytearray(newest.read_bytes())
        content[len(content) // 2] ^= 1
        newest.write_bytes({"flip": bytes(content), "cut": bytes(content[:-9]), "empty": b""}[damage])
        assert load_checkpoint(newest) is None
        assert newest.with_suffix(".corrupt").exists()
        assert run(order(folder, attempt=2))[0].weights_sha256 == straight.weights_sha256


def test_a_loss_that_is_no_number_fails_the_run_with_its_epoch(tmp_path: Path) -> None:
    outcome, reports = run(order(tmp_path, trouble="diverges"))
    assert (outcome.state, outcome.failure, outcome.value) == ("failed", "nonfinite", None)
    assert outcome.message == "the loss is nan in epoch 1, batch 1"
    assert reports == []


def test_an_error_of_the_task_fails_the_run_with_its_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYSEARCH_TEST_REHEARSED", "1")
    outcome, _ = run(order(tmp_path, trouble="raises"))
    assert outcome.failure == "error"
    assert outcome.message.rstrip().endswith("RuntimeError: this model cannot be built")
    assert "toy_task.py" in outcome.message


def test_a_full_disk_is_no_fault_of_the_settings(tmp_path: Path) -> None:
    (tmp_path / "trials").write_text("in the way")
    with pytest.raises(StorageError, match="cannot be written"):
        run(order(tmp_path))


def test_early_stopping_is_the_papers_rule() -> None:
    rule = EarlyStopping(patience=3)
    assert not rule.should_stop([3, 2, 1])
    assert not rule.should_stop([5, 4, 3, 2, 1])
    assert rule.should_stop([1, 2, 2, 2]), "the last three never beat the best before them"
    assert rule.should_stop([3, 3, 3, 9, 9, 2]), (
        "the mean of the last three is worse than that of the three before"
    )
    assert not rule.should_stop([3, 3, 3, 3.1, 2, 2])


def test_patience_reaches_the_run(tmp_path: Path) -> None:
    outcome, _ = run(order(tmp_path, epochs=200, patience=3, learning_rate=0.3))
    assert outcome.epochs < 200


def test_best_epoch_is_of_the_smallest_loss(tmp_path: Path) -> None:
    outcome, reports = run(order(tmp_path, epochs=12, learning_rate=0.3))
    losses = [report.metrics["val_loss"] for report in reports]
    assert outcome.value == min(losses)
    assert outcome.best_epoch == losses.index(min(losses)) + 1
    content = load_checkpoint(tmp_path / outcome.weights)
    assert content is not None
    assert weights_sha256(content["model"]) == outcome.weights_sha256


def test_final_evaluation_is_of_the_best_weights(tmp_path: Path) -> None:
    outcome, _ = run(order(tmp_path))
    test = evaluate_on_test(order(tmp_path), outcome.weights, outcome.weights_sha256)
    assert test.n_test == 32
    assert (tmp_path / test.predictions).exists()
    assert set(torch.load(tmp_path / "best/model.pt", weights_only=True)) == {
        "0.weight",
        "0.bias",
        "2.weight",
        "2.bias",
    }
    with pytest.raises(StorageError, match="gone or damaged"):
        evaluate_on_test(order(tmp_path), outcome.weights, "0" * 64)


def test_rehearsal_refuses_what_would_fail_every_run() -> None:
    task = f"{TOY_TASK}:Toy"
    for settings, message in [
        ({**SETTINGS, "widht": 3}, "space.widht: Toy has no such setting; .* Did you mean 'width'"),
        ({"learning_rate": 0.1}, "space.width: is missing, Toy needs it"),
        ({**SETTINGS, "width": 0}, "space.width: needs at least 1, got 0"),
        ({**SETTINGS, "activation": "gelu"}, "space.activation: one of relu, elu, got 'gelu'"),
    ]:
        with pytest.raises(InputError, match=message):
            rehearse(task, SOURCE, settings, [])
    with pytest.raises(InputError, match="space.activation: one of relu, elu"):
        rehearse(task, SOURCE, SETTINGS, [{**SETTINGS, "activation": "tanh"}])


USER_TASK = """
from dataclasses import dataclass
from toy_task import Toy, ToySettings

@dataclass(frozen=True)
class MySettings(ToySettings):
    momentum: float = 0.9

class Silent(Toy):
    Settings = MySettings

class WrongRate(Toy):
    def optimizer(self, settings, parameters):
        settings.learning_rate
        settings.pause_s, settings.trouble
        self._pause_s, self._trouble = 0, "none"
        import torch
        return torch.optim.Adam(parameters)

class Broken(Toy):
    def loss(self, model, batch):
        return model(batch[1][:, :0]).mean()
"""


def test_settings_that_do_nothing_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(USER_TASK)
    with pytest.raises(InputError, match="space.momentum: the task never reads this setting"):
        rehearse(f"{path}:Silent", SOURCE, {**SETTINGS, "momentum": 0.5}, [])
    with pytest.raises(
        InputError, match=r"space.learning_rate: 0.03 did not reach the optimiser, which has 0.001"
    ):
        rehearse(f"{path}:WrongRate", SOURCE, SETTINGS, [])
    with pytest.raises(InputError, match="fails in its first training step"):
        rehearse(f"{path}:Broken", SOURCE, SETTINGS, [])


def test_watched_settings_are_settings() -> None:
    task: Task[object] = load_task(f"{TOY_TASK}:Toy")
    settings, unread = watched(make_settings(task, SETTINGS))
    assert unread == {"learning_rate", "width", "activation", "batch_size", "pause_s", "trouble"}
    assert settings.width == 8  # type: ignore[attr-defined]
    assert isinstance(settings, task.Settings)
    assert "width" not in unread


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("jedynet", "unknown task 'jedynet'; one of jedinet, .* Did you mean 'jedinet'"),
        ("nowhere.py:Mine", "nowhere.py: no such file"),
        (f"{TOY_TASK}:Toi", "has no task 'Toi'; it has Toy"),
    ],
)
def test_unknown_tasks(reference: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_task(reference)


USES_GLOBAL_GENERATORS = """
import random
import numpy as np
import torch
from toy_task import Toy

class Noisy(Toy):
    def load(self, source, settings):
        parts = super().load(source, settings)
        self.first_row = torch.randperm(100)[0].item()
        return parts

    def loss(self, model, batch):
        x, y = batch
        scale = 1 + 0.1 * np.random.randn() + 0.1 * random.random() + 0.01 * self.first_row
        return super().loss(model, (x, y * scale))

    def metrics(self, outputs, data):
        return {"loss": np.float32(super().metrics(outputs, data)["loss"]), "tensor": torch.tensor(1.5)}
"""


def noisy(folder: Path, path: Path, **settings: object) -> Order:
    return dataclasses.replace(order(folder, **settings), task=f"{path}:Noisy")  # type: ignore[arg-type]


def test_what_a_task_draws_from_global_generators_is_the_runs_own(tmp_path: Path) -> None:
    path = tmp_path / "noisy.py"
    path.write_text(USES_GLOBAL_GENERATORS)
    first, _ = run(noisy(tmp_path / "1", path))
    assert first.state == "finished", first.message
    run(noisy(tmp_path / "2", path, width=3))
    again, _ = run(noisy(tmp_path / "3", path))
    assert essence(again) == essence(first)
    with pytest.raises(Killed):
        attempt_run(noisy(tmp_path / "4", path), OneWorker(), kill_after(3))
    torch.rand(1)
    assert essence(run(noisy(tmp_path / "4", path, attempt=2))[0]) == essence(first)


def test_metrics_of_numpy_and_torch_become_plain_numbers(tmp_path: Path) -> None:
    path = tmp_path / "noisy.py"
    path.write_text(USES_GLOBAL_GENERATORS)
    outcome, reports = run(noisy(tmp_path / "1", path))
    assert {type(value) for report in reports for value in report.metrics.values()} == {float}
    assert outcome.metrics["val_tensor"] == 1.5
    test = evaluate_on_test(noisy(tmp_path / "1", path), outcome.weights, outcome.weights_sha256)
    assert {type(value) for value in test.metrics.values()} == {float}


def test_a_run_whose_best_weights_are_damaged_begins_anew(tmp_path: Path) -> None:
    changes: dict[str, float] = {"learning_rate": 0.3, "width": 16}
    straight, _ = run(order(tmp_path / "straight", epochs=12, **changes))
    best = straight.best_epoch
    assert best is not None
    assert best < 11, "else a later epoch would write the best weights anew"
    folder = tmp_path / "killed"
    with pytest.raises(Killed):
        attempt_run(order(folder, epochs=12, **changes), OneWorker(), kill_after(best + 1))
    for path in folder.rglob("best-*.pt"):
        path.write_bytes(b"damaged")
    outcome, _ = run(order(folder, epochs=12, attempt=2, **changes))
    assert essence(outcome) == essence(straight)


def test_who_hears_the_reports_may_fail_and_it_is_not_the_tasks_fault(tmp_path: Path) -> None:
    def closed_pipe(_: EpochReport) -> None:
        raise BrokenPipeError("nobody reads")

    with pytest.raises(BrokenPipeError, match="nobody reads"):
        attempt_run(order(tmp_path), OneWorker(), closed_pipe)


def test_a_run_gives_the_processs_threads_back(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    run(dataclasses.replace(order(tmp_path), threads=before + 1))
    assert torch.get_num_threads() == before


def test_rehearsal_refuses_a_description_of_data_that_the_ledger_cannot_hold(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "import numpy as np\nfrom toy_task import Toy\n"
        "class Silent(Toy):\n    def inspect(self, source, settings):\n        return {'n_train': 1}\n"
        "class Odd(Toy):\n    def inspect(self, source, settings):\n"
        "        return {**super().inspect(source, settings), 'n_train': np.int64(3)}\n"
    )
    with pytest.raises(InputError, match="inspect must tell files, n_validation, n_test, split_by too"):
        rehearse(f"{path}:Silent", SOURCE, SETTINGS, [])
    with pytest.raises(InputError, match="inspect must give plain values: .*int64"):
        rehearse(f"{path}:Odd", SOURCE, SETTINGS, [])
