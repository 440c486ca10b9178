"""Studies that train in different ways side by side: loss over epochs, presentations and seconds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from report_ledgers import Recipe, write_series, write_study

from raysearch.ledger.history import read_history
from raysearch.report.blocks import Heading, Picture, Table
from raysearch.report.comparison import content as comparison
from raysearch.report.effort import EPOCHS, PRESENTATIONS, SECONDS, search_course
from raysearch.report.markdown import to_markdown
from raysearch.report.members import read_members, tells_apart, varied_keys
from raysearch.report.models import Model, read_model
from raysearch.report.search_part import search_figures
from raysearch.report.series_report import content, series_lines
from raysearch.report.states import PlainLoss
from raysearch.report.style import hep_style
from raysearch.report.training_part import course, draw_courses, training_part

DATA = {
    "classes": [],
    "units": "showers",
    "simulation": "a parameterisation",
    "calibration": {"validation_error": 0.3},
}
RATE = {"type": "float", "low": 1e-3, "high": 0.3, "log": True}
GENETIC = Recipe(
    n_trials=2, done=2, folds=3, repeats=True, epochs=6, n_test=600, resolution=0.9, data=DATA,
    strategy="one-plus-lambda", presentations=900, space={"rate": RATE, "power": RATE, "filters": 16},
)  # fmt: skip
GRADIENT = replace(
    GENETIC, strategy=None, presentations=100, epochs=4, shift=-0.3, resolution=0.3,
    space={"learning_rate": RATE, "optimizer": "rmsprop", "filters": 16},
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_series(tmp_path_factory.mktemp("evolve") / "calo", {"ga": GENETIC, "rmsprop": GRADIENT})


@pytest.fixture(scope="module")
def models(folder: Path) -> list[Model]:
    return [read_model(folder / name, folder, name) for name in ("ga", "rmsprop")]


@pytest.fixture(scope="module")
def markdown(folder: Path) -> str:
    with hep_style():
        return to_markdown("Series", content(folder, read_members(folder, folder / "report")))


def rows_of(part: str) -> list[dict[str, str]]:
    lines = [line for line in part.splitlines() if line.startswith("| ")]
    table = [[cell.strip().strip("*") for cell in line.split("|")[1:-1]] for line in lines]
    return [dict(zip(table[0], row, strict=True)) for row in table[2:]]


def test_variants_are_known_by_their_names(folder: Path, markdown: str) -> None:
    members = read_members(folder, folder / "report")
    assert [dict(member.varied) for member in members] == [{}, {}]
    assert tells_apart(["0.1-sum", "0.2-flatten"], [{"a": "sum", "b": 0.1}, {"a": "flatten", "b": 0.2}])
    assert not tells_apart(["adam", "ga"], [{"epochs": 4}, {"epochs": 6}])
    files = [
        {"space": space, "data": {}, "search": {}, "budget": {}} for space in (GENETIC.space, GRADIENT.space)
    ]
    assert varied_keys(files) == []
    rows = rows_of(markdown.split("## Best settings")[1].split("\n## ", maxsplit=1)[0])
    assert [row["member"] for row in rows] == ["ga", "rmsprop"]
    assert rows[0]["learning_rate"] == "\N{EN DASH}"
    assert "over epochs" not in markdown.split("## Best settings", maxsplit=1)[0]
    assert series_lines(folder)[1].split()[:2] == ["ga", "2/2"]


def test_losses_stand_over_epochs_presentations_and_seconds(markdown: str) -> None:
    part = markdown.split("## How they train")[1].split("\n### ", maxsplit=1)[0]
    for axis in ("epochs", "presentations", "seconds"):
        assert f"figures/loss-over-{axis}.svg" in part
    genetic, gradient = rows_of(part)
    assert (genetic["study"], genetic["epochs a run"], genetic["presentations a run"]) == ("ga", "6", "5,400")
    assert (gradient["epochs a run"], gradient["presentations a run"]) == ("4", "400")
    assert gradient["seconds a run"] == "5.6"
    assert gradient["best settings"].startswith("learning_rate = ")
    assert "\N{PLUS-MINUS SIGN}" in gradient["test_loss"]


def test_equal_effort_is_the_least_that_all_came_to(markdown: str, models: list[Model]) -> None:
    genetic, gradient = rows_of(markdown.split("## How they train")[1].split("\n### ", maxsplit=1)[0])
    assert genetic["val_loss by 400 presentations"] == "\N{EN DASH}"  # its first epoch took more
    assert genetic["val_loss by 5.6 s"] == genetic["val_loss by 4 epochs"]
    for model, row in zip(models, (genetic, gradient), strict=True):
        best = model.history.best
        assert best is not None
        least = [min(run.epochs[epoch].metrics["val_loss"] for epoch in range(1, 5)) for run in best.runs]
        assert float(row["val_loss by 4 epochs"].split()[0]) == pytest.approx(np.mean(least), abs=1e-4)
    assert gradient["val_loss by 400 presentations"] == gradient["val_loss by 4 epochs"]


def test_mean_and_band_are_those_of_the_logarithm_as_far_as_all_runs_went() -> None:
    runs = [[(1.0, 1.0), (2.0, 0.5), (4.0, 0.1)], [(1.0, 4.0), (2.0, 2.0)], [(1.5, 3.0), (4.0, 1.0)]]
    grid, mean, spread = course(runs)
    assert (grid[0], grid[-1]) == (pytest.approx(1.5), pytest.approx(2.0))
    logs = np.log([0.5, 2.0, 3 * (1 / 3) ** (np.log(2 / 1.5) / np.log(4 / 1.5))])
    assert mean[-1] == pytest.approx(logs.mean())
    assert spread[-1] == pytest.approx(logs.std(ddof=1))


def test_one_run_has_a_line_and_no_band() -> None:
    with hep_style():
        axes = draw_courses(
            {"a": [[(1.0, 1.0), (2.0, 0.5)]], "b": [[(1.0, 0.7)]]},
            "epoch",
            "val_loss",
            PlainLoss("energy sum, calibrated", 0.3),
        ).axes[0]
    assert not axes.collections
    assert [line.get_label() for line in axes.lines] == ["a", "b", "energy sum, calibrated"]
    assert axes.lines[1].get_marker() == "o"  # one point has no line
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")


def test_it_is_there_only_for_studies_about_training_that_can_be_compared(
    tmp_path: Path, models: list[Model]
) -> None:
    def read(name: str, recipe: Recipe) -> Model:
        return read_model(
            write_study(tmp_path / name, replace(recipe, n_trials=1, done=1, n_test=100)), tmp_path
        )

    assert training_part(models[:1]) == []
    plain = [read(name, Recipe(name=name, metrics={"test_loss": 1.0}, data={"classes": []})) for name in "ab"]
    assert training_part(plain) == []  # neither evolved nor repeated: the eight searches stay as they were
    assert training_part([models[0], plain[0]]) == []  # another task
    assert training_part([models[0], read("higher", replace(GENETIC, maximise=True))]) == []
    assert training_part([models[0], read("begun", replace(GENETIC, failed={0: ("error", "bad")}))]) == []
    negative = read("negative", replace(GENETIC, shift=-2.0))
    assert training_part([models[0], negative]) == []  # no logarithm


def test_without_presentations_the_other_axes_are_there(tmp_path: Path) -> None:
    recipes = {name: replace(GENETIC, presentations=0, n_trials=1, done=1) for name in "ab"}
    folder = write_series(tmp_path / "s", recipes)
    with hep_style():
        blocks = training_part([read_model(folder / name, folder, name) for name in "ab"])
    markdown = to_markdown("Series", blocks)
    assert "presentations" not in markdown
    assert "search-effort" in markdown
    assert "loss-over-epochs" in markdown
    assert "loss-over-seconds" in markdown


def test_a_run_that_went_on_has_its_ancestors_effort_behind_it(tmp_path: Path) -> None:
    """Trial 2 is the best and goes on from 1, as that from 0: of each the kept epoch is the third of four."""
    line = replace(GRADIENT, name="line", n_trials=3, done=3, parents={1: 0, 2: 1}, repeats=False, folds=1)
    found = {name: read_model(write_study(tmp_path / name, recipe), tmp_path, name) for name, recipe in {
        "line": line, "alone": replace(line, parents={}, n_trials=1, done=1)}.items()}  # fmt: skip
    history = found["line"].history
    assert history.best is not None
    age = len(history.lineage(history.best.number))
    assert age > 1
    with hep_style():
        blocks = training_part([*found.values()])
    table = next(block for block in blocks if isinstance(block, Table))
    row, other = (dict(zip(table.head, row, strict=True)) for row in table.rows)
    assert (row["epochs a run"], row["epochs behind the run"]) == ("4", str(3 * (age - 1)))
    assert (row["presentations a run"], row["presentations behind the run"]) == ("400", str(300 * (age - 1)))
    assert float(row["seconds behind the run"]) == pytest.approx(1.4 * 3 * (age - 1))
    assert other["epochs behind the run"] == other["presentations behind the run"] == "0"
    first, second = (
        history.trials[number].runs[0].epochs for number in history.lineage(history.best.number)[:2]
    )
    by_then = [*(first[epoch] for epoch in (1, 2, 3)), second[1]]  # the fourth is its child's first
    least = min(record.metrics["val_loss"] for record in by_then)
    assert float(row["val_loss by 4 epochs"]) == pytest.approx(least, abs=1e-4)
    pictures = {block.name: block for block in blocks if isinstance(block, Picture)}
    for axis, unit in (("epochs", 1.0), ("presentations", 100.0), ("seconds", 1.4)):
        drawn = pictures[f"loss-over-{axis}"].drawing.axes[0].lines[0]
        assert list(drawn.get_xdata()) == pytest.approx(
            [unit * place for place in range(1, 3 * (age - 1) + 4 + 1)]
        )
        own = [history.best.runs[0].epochs[epoch].metrics["val_loss"] for epoch in range(1, 5)]
        assert list(drawn.get_ydata())[-4:] == own
        assert "The best trial of line went on" in pictures[f"loss-over-{axis}"].caption
    assert "behind the run" not in str(training_part([found["alone"], found["alone"]]))


def test_searches_are_compared_over_all_that_their_runs_took(markdown: str, models: list[Model]) -> None:
    part = markdown.split("### What the searches took")[1].split("\n## ", maxsplit=1)[0]
    assert "figures/search-effort.svg" in part
    genetic, gradient = rows_of(part)
    # two trials of three runs each: six epochs of 900 presentations, four of 100
    assert (genetic["trials"], genetic["epochs in all"], genetic["presentations in all"]) == (
        "2",
        "36",
        "32,400",
    )
    assert (gradient["epochs in all"], gradient["presentations in all"]) == ("24", "2,400")
    assert float(gradient["seconds in all"]) == pytest.approx(24 * 1.4, rel=0.01)
    assert genetic["best by 2,400 presentations"] == "\N{EN DASH}"  # its first trial took 16,200
    values = [trial.value for trial in models[0].history.commit_order]
    assert all(value is not None for value in values)
    assert genetic["best by 33.6 s"] == f"{values[0]:.4g}"  # its second trial ended after 50.4 s
    assert genetic["best val_loss"] == f"{min(value for value in values if value is not None):.4g}"
    assert gradient["best by 2,400 presentations"] == gradient["best by 33.6 s"] == gradient["best val_loss"]


def test_effort_of_a_search_holds_trials_that_came_to_nothing(tmp_path: Path) -> None:
    recipe = replace(
        GRADIENT,
        n_trials=5,
        done=5,
        repeats=False,
        folds=1,
        pruned={0: 2, 3: 1},
        failed={1: ("error", "bad")},
    )
    history = read_history(write_study(tmp_path / "s", recipe))
    values = {trial.number: trial.value for trial in history.trials if trial.value is not None}
    assert sorted(values) == [2, 4]
    best = min(values[2], values[4])
    # trial 0 was pruned after two epochs, trial 1 failed before its first, trial 3 was pruned after one
    assert search_course(history, PRESENTATIONS) == [(600, values[2]), (700, values[2]), (1100, best)]
    assert search_course(history, EPOCHS) == [(6, values[2]), (7, values[2]), (11, best)]
    silent = read_history(write_study(tmp_path / "t", replace(recipe, presentations=0)))
    assert search_course(silent, PRESENTATIONS) == []
    assert [spent for spent, _ in search_course(silent, SECONDS)] == pytest.approx([8.4, 9.8, 15.4])


def test_trials_that_go_on_from_others_are_about_training(tmp_path: Path) -> None:
    plain = replace(GRADIENT, name="plain", repeats=False, folds=1)
    bred = replace(plain, name="bred", parents={1: 0})
    first, second, third = (
        read_model(write_study(tmp_path / name, recipe), tmp_path, name)
        for name, recipe in {"plain": plain, "other": plain, "bred": bred}.items()
    )
    with hep_style():
        assert training_part([first, second]) == []
        assert training_part([first, third])[0] == Heading("How they train")


def test_what_a_training_loss_is_when_weights_evolve_is_said(tmp_path: Path) -> None:
    with hep_style():
        evolved, trained = (
            next(
                block.caption
                for block in search_figures(read_history(write_study(tmp_path / name, recipe)))
                if isinstance(block, Picture) and block.name == "learning-curves"
            )
            for name, recipe in {"ga": GENETIC, "rmsprop": GRADIENT}.items()
        )
    assert "Weights evolve (one-plus-lambda): the training loss is the mean over" in evolved
    assert "evolve" not in trained


def test_relative_errors_of_all_members_stand_in_one_figure_with_the_calibration(
    markdown: str, folder: Path
) -> None:
    part = markdown.split("## Test set")[1].split("\n## ", maxsplit=1)[0]
    assert "All models were applied to the same 600 test showers." in markdown
    assert part.count("figures/relative-error.svg") == 1
    rows = rows_of(part)
    assert [row["model"] for row in rows] == ["ga", "rmsprop", "energy sum, calibrated"]
    assert [row["runs"] for row in rows] == ["3", "3", "1"]
    assert rows[1]["below 10 %"] == "everywhere"
    assert rows[0]["below 10 %"].endswith("to 500 GeV")
    assert float(rows[1][r"relative error \[%\]"].split()[0]) < float(
        rows[0][r"relative error \[%\]"].split()[0]
    )
    assert markdown.count("Simulated data: a parameterisation") == 1
    overview = rows_of(markdown.split("## Members side by side")[1].split("\n### ", maxsplit=1)[0])
    assert overview[0]["uncertainty"] == "sd of 3"
    assert "over the models of K repeats" in markdown


def test_a_comparison_shows_the_same_and_other_calibrations_apart(
    models: list[Model], tmp_path: Path
) -> None:
    other = read_model(write_study(tmp_path / "o", replace(GRADIENT, name="other", test_seed=8)), tmp_path)
    with hep_style():
        markdown = to_markdown("Comparison", comparison([models[0], other]))
    assert "were not applied to the same test set" in markdown
    rows = rows_of(markdown.split("### Relative error over energy")[1].split("\n## ")[0])
    assert [row["model"] for row in rows] == [
        "ga",
        "ga: energy sum, calibrated",
        "other",
        "other: energy sum, calibrated",
    ]
    assert "## How they train" in markdown
