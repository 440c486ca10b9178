"""Pruned, refused and given trials, and several objectives, as the report of a study shows them."""

from __future__ import annotations

from pathlib import Path

import pytest
from matplotlib.collections import LineCollection
from report_ledgers import Recipe, write_study

from raysearch.ledger.endings import count_states
from raysearch.ledger.history import History, read_history
from raysearch.report.build import content
from raysearch.report.curves import draw_objective
from raysearch.report.front_part import draw_front, front_part
from raysearch.report.markdown import to_markdown
from raysearch.report.settings_figures import draw_parallel
from raysearch.report.states import reached
from raysearch.report.style import hep_style

PRUNED, REFUSED, FAILED = {1: 2, 4: 3}, (2,), {5: ("error", "bad")}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    recipe = Recipe(
        n_trials=8, done=8, pruned=PRUNED, refused=REFUSED, failed=FAILED, others={"mflop": False}
    )
    return write_study(tmp_path_factory.mktemp("states") / "s", recipe)


@pytest.fixture
def history(folder: Path) -> History:
    return read_history(folder)


@pytest.fixture(scope="module")
def markdown(folder: Path) -> str:
    with hep_style():
        return to_markdown("Study", content(folder, read_history(folder)))


def test_only_failed_counts_as_failed(history: History, markdown: str) -> None:
    assert count_states(history.trials) == "4 finished, 2 pruned, 1 refused, 1 failed (1 error)"
    assert "8 of 8 trials done: 4 finished, 2 pruned, 1 refused, 1 failed (1 error)." in markdown
    assert markdown.count("\n## Failures") == 1
    assert "| 5 | 0 | 1 | error | bad |" in markdown.split("## Failures")[1].split("##", maxsplit=1)[0]
    assert (
        "| 2 | 0 | 1 | limit | mflop is 9.3, the limit is 5 |"
        in markdown.split("## Refused")[1].split("##", maxsplit=1)[0]
    )


def test_a_pruned_trial_stands_where_it_had_come_to(history: History, markdown: str) -> None:
    trial = history.trials[4]
    assert trial.value is None
    assert reached(trial) == trial.committed.value  # type: ignore[union-attr]
    assert f"| 4 | pruned | {reached(trial):.4g} |" in markdown
    assert "Pruned: stopped early" in markdown
    with hep_style():
        lines = {line.get_label(): line for line in draw_objective(history).axes[0].lines}
    assert list(lines["pruned"].get_xdata()) == [1, 4]
    assert list(lines["pruned"].get_ydata()) == [reached(history.trials[number]) for number in (1, 4)]
    assert list(lines["refused"].get_xdata()) == [2]
    assert list(lines["failed"].get_xdata()) == [5]


def test_unfinished_trials_do_not_reach_the_objective_in_parallel_coordinates(history: History) -> None:
    with hep_style():
        collections = draw_parallel(history).axes[0].collections
    dotted, _ = (each for each in collections if isinstance(each, LineCollection))
    assert [len(line) for line in dotted.get_segments()] == [len(history.created.settings)] * 4


def test_a_study_of_pruned_trials_alone_says_so(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s", Recipe(n_trials=2, done=2, refused=(0, 1), tested=0))
    with hep_style():
        markdown = to_markdown("Study", content(folder, read_history(folder)))
    assert "No trial has finished so far" in markdown
    assert "Every trial so far failed" not in markdown


def test_the_front_is_a_table_and_a_figure(history: History, markdown: str) -> None:
    numbers = [trial.number for trial in history.front]
    part = markdown.split("## Pareto front")[1].split("\n## ", maxsplit=1)[0]
    rows = [
        int(line.split("|")[1]) for line in part.splitlines() if line.startswith("| ") and line[2].isdigit()
    ]
    assert rows == numbers
    assert "val_loss: lower is better and mflop: lower is better" in part
    with hep_style():
        axes = draw_front(history, 1).axes[0]
    line = next(line for line in axes.lines if line.get_label() == "Pareto front")
    points = [history.objectives(trial) for trial in history.front]
    assert [list(point) for point in zip(line.get_xdata(), line.get_ydata(), strict=True)] == points
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("val_loss", "mflop")
    others = next(line for line in axes.lines if line.get_label() == "other trials")
    assert len(others.get_xdata()) == 4 - len(numbers)


def test_one_objective_has_no_front(tmp_path: Path) -> None:
    history = read_history(write_study(tmp_path / "s", Recipe(n_trials=2, done=2)))
    assert front_part(history) == []
