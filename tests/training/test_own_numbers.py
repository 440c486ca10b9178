"""What a task gives back: metrics that are no numbers are left out and told, outputs are by row."""

from __future__ import annotations

from pathlib import Path

import pytest
from gan_runs import SOURCE, order, own_task, run
from killing import Killed, kill_after

from raysearch.errors import InputError
from raysearch.training.attempt import attempt_run
from raysearch.training.final import evaluate_on_test
from raysearch.training.rehearsal import rehearse
from raysearch.training.workers import OneWorker

ODD = """
import math
class Mine(ToyGan):
    def metrics(self, outputs, data):
        found = super().metrics(outputs, data)
        self.epochs = getattr(self, "epochs", 0) + 1
        return {**found, "ratio": math.nan if self.epochs in (2, 3) else 1.5, "worst": math.inf}
"""


def test_only_the_objective_must_be_a_number(tmp_path: Path) -> None:
    task = own_task(tmp_path, ODD)
    outcome, reports = run(order(tmp_path, task=task))
    assert [("val_ratio" in report.metrics, "val_worst" in report.metrics) for report in reports] == [
        (True, False),
        (False, False),
        (False, False),
        (True, False),
    ]
    assert outcome.message == (
        "val_worst is no finite number and left out in 4 of 4 epochs; "
        "val_ratio is no finite number and left out in 2 of 4 epochs"
    )
    tested = evaluate_on_test(order(tmp_path, task=task), outcome.weights, outcome.weights_sha256)
    assert set(tested.metrics) == {"test_loss", "test_ratio"}
    assert tested.message == "test_worst is no finite number and left out"
    for changes in ({"objective": "val_ratio"}, {"others": ("val_ratio", "parameters")}):
        failed = attempt_run(
            order(tmp_path / next(iter(changes)), task=task, **changes), OneWorker(), lambda _: None
        )
        assert (failed.failure, failed.message) == ("nonfinite", "val_ratio is nan in epoch 2")


def test_what_was_left_out_before_a_kill_is_told_after_it(tmp_path: Path) -> None:
    task = own_task(tmp_path, ODD)
    with pytest.raises(Killed):
        attempt_run(order(tmp_path, task=task), OneWorker(), kill_after(3))
    outcome, _ = run(order(tmp_path, task=task, attempt=2))
    assert "val_worst is no finite number and left out in 4 of 4 epochs" in outcome.message


@pytest.mark.parametrize(
    ("method", "given", "message"),
    [
        ("predict", "3", "Mine.predict must give a tensor, or tensors by name, got int"),
        (
            "predict",
            "torch.ones(2)",
            r"Mine.predict gives 'outputs' of shape \(2,\) for a batch of 1000 rows",
        ),
        (
            "kept",
            "{'mean': torch.ones(())}",
            r"Mine.kept gives 'mean' of shape \(\) for a batch of 1000 rows",
        ),
    ],
)
def test_outputs_that_are_not_by_row_are_told(tmp_path: Path, method: str, given: str, message: str) -> None:
    body = f"class Mine(ToyGan):\n    def {method}(self, *_):\n        return {given}\n"
    with pytest.raises(InputError, match=message):
        rehearse(own_task(tmp_path, body), SOURCE, {}, [])
