"""A training loss of another definition than the others, and metrics that nothing can be searched by."""

from __future__ import annotations

from pathlib import Path

import pytest
from toy import TOY_SPACE, TOY_TASK
from yaml import safe_load

import raysearch
from raysearch.cli.summary import print_summary
from raysearch.data.source import DataSource
from raysearch.errors import InputError
from raysearch.metrics.clustering.figures import OF_OVERLAP
from raysearch.tasks import load_task
from raysearch.tasks.hits_gravnet import HitsGravnetSettings
from raysearch.training.rehearsal import Wanted, rehearse

OWN = f"""\
import sys
sys.path.insert(0, {str(TOY_TASK.parent)!r})
from toy_task import Toy
class Own(Toy):
    no_objectives = frozenset({{"response_mean"}})
    def training_loss(self, settings):
        return "of elephants; others: of mice" if settings.width > 1 else ""
    def metrics(self, outputs, data):
        more = {{"response_mean": 0.9, "loss_variance": 0.1, "auc": 0.5, "auc_a": 0.4}}
        return {{**super().metrics(outputs, data), **more}}
    def inspect(self, source, settings):
        return {{**super().inspect(source, settings), "classes": ["a", "b"]}}
"""


@pytest.fixture
def own_task(tmp_path: Path) -> str:
    path = tmp_path / "own.py"
    path.write_text(OWN)
    return f"{path}:Own"


@pytest.mark.parametrize("width", [1, 4])
def test_what_the_training_loss_is_stands_beside_table_and_curves(
    own_task: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], width: int
) -> None:
    space = {**safe_load(TOY_SPACE.format(task=TOY_TASK)), "task": own_task}
    space["space"] = {"learning_rate": {"type": "float", "low": 0.01, "high": 0.1}, "width": width}
    study = raysearch.tune(
        space, runs=tmp_path / "runs", name="s", local=True, trials=1, **{"budget.epochs": 2}
    )
    print_summary(tmp_path / "runs" / "s")
    table = capsys.readouterr().out
    raysearch.open("s", runs=tmp_path / "runs").report()
    report = (tmp_path / "runs" / "s" / "report" / "report.md").read_text()
    assert ("  training loss: of elephants; others: of mice\n" in table) == (width > 1)
    assert ("of another definition: of elephants; others: of mice" in report) == (width > 1)
    rows = [line.split()[0] for line in table.splitlines() if line.startswith("  ")]
    assert "loss_variance" in rows, "a figure of its own, whose name begins with another's"
    assert "auc_a" not in rows, "of one class: it stands in the report"
    assert study.state == "finished"


def test_what_has_no_better_direction_is_refused_as_an_objective(own_task: str) -> None:
    source, settings = DataSource(None, (0.6, 0.2, 0.2)), {"learning_rate": 0.03, "width": 8}
    with pytest.raises(InputError) as caught:
        rehearse(own_task, source, settings, [], Wanted(objectives=["val_loss", "val_response_mean"]))
    (told,) = caught.value.problems
    assert told.startswith(
        "objectives: neither less nor more of 'val_response_mean' is better; one of val_loss"
    )
    assert "response" not in told.partition("one of")[2]


def test_means_of_a_response_and_a_bias_are_no_objectives() -> None:
    of_hits = {"response_mean", "kernel_mean"}
    assert load_task("hits_gravnet").no_objectives == of_hits | {OF_OVERLAP + name for name in of_hits}
    assert load_task("calo_regressor").no_objectives == {"bias"}
    assert not load_task("jedinet").no_objectives


def test_the_weight_of_the_code_is_told() -> None:
    task = load_task("hits_gravnet")
    small = {"blocks": 1, "hidden": 8, "outputs": 8, "neighbours": 5}
    assert task.training_loss(HitsGravnetSettings(**small)) == ""
    assert "t sqrt(E)" in task.training_loss(HitsGravnetSettings(**small, loss_weight="code"))
