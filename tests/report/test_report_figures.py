"""What the figures of the search show, read off the drawings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.collections import LineCollection
from report_ledgers import JEDINET_SPACE, Recipe, write_study

from raysearch.ledger.history import History
from raysearch.ledger.ledger import read_entries
from raysearch.report.curves import draw_learning_curves, draw_objective, fold_spread, running_best
from raysearch.report.settings_figures import coordinate, describe_domain, draw_parallel, importance
from raysearch.report.style import BEST, hep_style


def history_of(folder: Path, **recipe: object) -> History:
    return History(read_entries(write_study(folder, Recipe(**recipe))))  # type: ignore[arg-type]


@pytest.mark.parametrize("maximise", [False, True])
def test_running_best_never_gets_worse_and_skips_failures(tmp_path: Path, maximise: bool) -> None:
    history = history_of(tmp_path / "a", maximise=maximise, failed={3: ("error", "bad")})
    numbers, best = running_best(history)
    assert numbers == [0, 1, 2, *range(4, 12)]
    values = [trial.value for trial in history.trials if trial.value is not None]
    pick = max if maximise else min
    assert best == [pick(values[: end + 1]) for end in range(len(values))]


def test_objective_figure_has_every_trial(tmp_path: Path) -> None:
    history = history_of(tmp_path / "a", failed={3: ("error", "bad"), 7: ("error", "bad")})
    with hep_style():
        lines = {line.get_label(): line for line in draw_objective(history).axes[0].lines}
    assert list(lines["failed"].get_xdata()) == [3, 7]
    assert list(lines["best"].get_ydata()) == [history.best.value]  # type: ignore[union-attr]
    labels = {text.get_text() for text in draw_objective(history).axes[0].get_legend().get_texts()}
    assert labels == {"best so far", "best", "failed", "finished"}


def test_learning_curves_are_those_of_the_ledger(tmp_path: Path) -> None:
    history = history_of(tmp_path / "a", n_trials=3, done=3)
    best = history.best
    assert best is not None
    with hep_style():
        lines = {line.get_label(): line for line in draw_learning_curves(history, best).axes[0].lines}
    records = best.runs[0].epochs
    for name in ("train_loss", "val_loss"):
        assert list(lines[f"{name} (best)"].get_xdata()) == list(range(1, 9))
        assert list(lines[f"{name} (best)"].get_ydata()) == [records[e].metrics[name] for e in range(1, 9)]
    assert list(lines["kept epoch"].get_ydata()) == [best.value]


def test_importance_finds_the_setting_that_matters(tmp_path: Path) -> None:
    space = {
        "learning_rate": {"type": "float", "low": 1e-6, "high": 1.0, "log": True},
        "idle": {"type": "choice", "values": [True, "a", 3]},
        "only": {"type": "choice", "values": ["one"]},
    }
    history = history_of(tmp_path / "a", n_trials=60, done=60, space=space, epochs=2, tested=0)
    shares = importance(history)
    assert list(shares) == ["learning_rate", "idle"]
    assert shares["learning_rate"] > 0.8
    assert sum(shares.values()) == pytest.approx(1)


def test_importance_needs_trials(tmp_path: Path) -> None:
    assert importance(history_of(tmp_path / "a", n_trials=5, done=3)) == {}


def test_coordinates_place_numbers_logarithms_and_categories() -> None:
    assert coordinate("n", {"type": "int", "low": 10, "high": 30}).place(15) == 0.25
    rate = coordinate("rate", {"type": "float", "low": 1e-4, "high": 1e-2, "log": True})
    assert rate.place(1e-3) == pytest.approx(0.5)
    assert [label for _, label in rate.ticks] == ["0.0001", "0.001", "0.01"]
    choice = coordinate("c", {"type": "choice", "values": [True, 1, "1"]})
    assert [choice.place(value) for value in (True, 1, "1")] == pytest.approx([1 / 6, 1 / 2, 5 / 6])


def test_parallel_coordinates_draw_the_best_last_and_on_top(tmp_path: Path) -> None:
    history = history_of(tmp_path / "a", failed={3: ("error", "bad")})
    with hep_style():
        axes = draw_parallel(history).axes[0]
    unfinished, others = (each for each in axes.collections if isinstance(each, LineCollection))
    n_columns = len(JEDINET_SPACE) - 2 + 1
    _, best = (line for line in axes.lines if len(line.get_xdata()) == n_columns)  # on its white edge
    assert best.get_color() == BEST
    assert best.get_ydata()[-1] == 0  # the least loss is at the foot of its axis
    assert others.get_zorder() < best.get_zorder()
    assert [len(line) for line in others.get_segments()] == [n_columns] * 10
    (failed,) = unfinished.get_segments()
    assert len(failed) == n_columns - 1  # ends before the objective


def test_one_finished_trial_can_be_drawn(tmp_path: Path) -> None:
    history = history_of(tmp_path / "a", n_trials=1, done=1, epochs=2)
    with hep_style():
        draw_parallel(history)
        draw_objective(history)
    assert fold_spread(history.trials[0]) is None


def test_domains_in_words() -> None:
    assert describe_domain({"type": "int", "low": 4, "high": 14, "step": 2}) == "4 to 14, step 2"
    assert describe_domain({"type": "float", "low": 1e-4, "high": 0.1, "log": True}) == "0.0001 to 0.1, log"
    assert describe_domain({"type": "choice", "values": ["relu", 3, True]}) == "relu | 3 | True"
    assert describe_domain(100) == "held"


def test_importance_sees_a_choice_that_is_hopeless(tmp_path: Path) -> None:
    """One value far off makes its setting matter, although no good trial has it."""
    history = history_of(tmp_path / "a", n_trials=24, done=24, epochs=2, tested=0)
    for trial in history.trials:
        for run in trial.runs:
            assert run.ended is not None
            value = 5.0 if trial.settings["optimizer"] == "adadelta" else 1.0 + trial.number / 100
            run.ended = replace(run.ended, value=value)
    shares = importance(history)
    assert max(shares, key=lambda name: shares[name]) == "optimizer"
    assert shares["optimizer"] > 0.5
