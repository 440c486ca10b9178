"""The report of a study that estimates energies, of one run and of several seeds."""

from __future__ import annotations

import hashlib
import io
import re
from pathlib import Path

import numpy as np
import pytest
from report_ledgers import JEDINET_SPACE, Recipe, final_record, write_study

from raysearch.ledger import run_records
from raysearch.ledger.history import History, read_history
from raysearch.ledger.ledger import Ledger
from raysearch.report.blocks import Picture
from raysearch.report.build import content
from raysearch.report.curves import draw_learning_curves, draw_objective
from raysearch.report.final_part import final_evaluation
from raysearch.report.markdown import to_markdown
from raysearch.report.shown.deviations import bins_of
from raysearch.report.shown.estimates import EstimatesPart
from raysearch.report.shown.estimates_figures import draw_estimates, draw_relative_error, profile
from raysearch.report.style import hep_style, to_bytes
from raysearch.report.test_result import TestResult, read_result

PM = "\N{PLUS-MINUS SIGN}"
TOLD = "parameterised showers; their profile and resolution are its inputs"
DATA = {
    "classes": [],
    "units": "showers",
    "simulation": TOLD,
    "calibration": {"slope": 40.0, "offset_gev": 0.1, "train_error": 0.014, "validation_error": 0.015},
}
RUNS = 3


def study(folder: Path, **recipe: object) -> Path:
    given: dict[str, object] = {"n_trials": 3, "done": 3, "n_test": 1500, "resolution": 0.4, "data": DATA}
    return write_study(folder, Recipe(**(given | recipe)))  # type: ignore[arg-type]


def markdown_of(folder: Path) -> str:
    with hep_style():
        return to_markdown("Study", content(folder, read_history(folder)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("regression") / "s"
    return study(place, folds=RUNS, repeats=True, strategy="one-plus-lambda")


@pytest.fixture(scope="module")
def history(folder: Path) -> History:
    return read_history(folder)


@pytest.fixture(scope="module")
def result(folder: Path, history: History) -> TestResult:
    return read_result(folder, history)


@pytest.fixture(scope="module")
def markdown(folder: Path) -> str:
    return markdown_of(folder)


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> str:
    return markdown_of(study(tmp_path_factory.mktemp("single") / "s"))


def told_in(markdown: str) -> str:
    """The report in small letters, but for what has its own names: runs' paths, space file, budget."""
    report = re.sub(
        r"trials/\S+", "", markdown.split("The space file, complete with defaults", maxsplit=1)[0]
    )
    return "\n".join(line for line in report.splitlines() if not line.startswith("| budget |")).lower()


def part_of(result: TestResult) -> EstimatesPart:
    (part,) = result.of(EstimatesPart)
    return part


def relative_errors(result: TestResult) -> list[float]:
    return [float(np.mean(np.abs(each.estimated / each.true - 1))) for each in part_of(result).runs]


def test_kinds_of_predictions_are_told_apart_by_their_arrays(
    folder: Path, result: TestResult, tmp_path: Path
) -> None:
    assert len(part_of(result).runs) == RUNS
    assert part_of(result).runs[0].true.min() >= 10
    other = study(tmp_path / "s", done=1, n_trials=1)
    replace_predictions(
        other, {"outputs": np.ones(4), "targets": np.ones(4)}
    )  # of another task: kept, not shown
    unknown = read_result(other, read_history(other))
    assert unknown.parts == ()
    assert not any("does not hold" in str(told) for told in unknown.warnings)
    with hep_style():
        assert not any(isinstance(block, Picture) for block in final_evaluation(read_history(other), unknown))


def replace_predictions(folder: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write other predictions, and their hash into the ledger."""
    history = read_history(folder)
    assert history.best is not None
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    (folder / "test/other.npz").write_bytes(buffer.getvalue())
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()
    with Ledger(folder) as ledger:
        kept = {"predictions": "test/other.npz", "predictions_sha256": digest}
        ledger.append([run_records.Tested(trial=history.best.number, metrics={}, n_test=4, **kept)])


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({"outputs": np.ones(4), "targets": np.zeros(4), "calibrated": np.ones(4)}, "true ones above 0"),
        ({"outputs": np.full(4, np.nan), "targets": np.ones(4), "calibrated": np.ones(4)}, "must be finite"),
        ({"outputs": np.ones(3), "targets": np.ones(4), "calibrated": np.ones(4)}, r"estimated (3,)"),
        ({"outputs": np.ones((4, 1)), "targets": np.ones((4, 1)), "calibrated": np.ones((4, 1))}, r"(4, 1)"),
    ],
)
def test_estimates_that_make_no_sense_are_warned_of(
    tmp_path: Path, arrays: dict[str, np.ndarray], told: str
) -> None:
    folder = study(tmp_path / "s", done=1, n_trials=1)
    replace_predictions(folder, arrays)
    result = read_result(folder, read_history(folder))
    assert result.parts == ()
    assert told in str(result.warnings)


def test_figures_are_means_and_sds_of_the_runs(history: History, result: TestResult) -> None:
    figures, errors = result.figures, relative_errors(result)
    assert figures["relative_error"].value == pytest.approx(np.mean(errors))
    assert figures["relative_error"].error == pytest.approx(np.std(errors, ddof=1))
    spreads = [float(np.std(each.estimated / each.true - 1, ddof=1)) for each in part_of(result).runs]
    assert figures["resolution"].value == pytest.approx(np.mean(spreads))


def test_the_verdict_has_network_and_calibration(markdown: str, result: TestResult, single: str) -> None:
    start = markdown.split("## Best settings", maxsplit=1)[0]
    errors = relative_errors(result)
    mean, spread = 100 * np.mean(errors), 100 * np.std(errors, ddof=1)
    assert f"the relative error of its 3 models is ({mean:.3f} {PM} {spread:.3f}) %" in start
    each = part_of(result).runs[0]
    trivial = 100 * np.mean(np.abs(each.plain / each.true - 1))
    assert f"that of the calibrated energy sum is ({trivial:.3f} {PM} 0." in start
    assert f"| energy sum, calibrated | **({trivial:.3f} {PM}" in start
    assert "On 1,500 test showers that no training and no choice saw, its relative error is (" in single


def test_simulated_data_are_said_so_above_all_figures(markdown: str, tmp_path: Path) -> None:
    assert f"Simulated data: {TOLD}" in markdown.split("figures/", maxsplit=1)[0]
    assert markdown.count("Simulated data:") == 1
    assert "Simulated data" not in markdown_of(write_study(tmp_path / "s", Recipe(n_trials=1, done=1)))


def test_pictures_of_the_test_are_those_of_a_regression(history: History, result: TestResult) -> None:
    with hep_style():
        pictures = [block for block in final_evaluation(history, result) if isinstance(block, Picture)]
        assert [picture.name for picture in pictures] == [
            "relative-error",
            "estimated-energy",
            "bias-and-resolution",
        ]
        assert all(to_bytes(picture.drawing, "svg").startswith(b"<?xml") for picture in pictures)


def test_the_band_is_the_spread_over_repeats_and_the_bars_the_test_sets(result: TestResult) -> None:
    runs = part_of(result).results
    band = profile("network", bins_of(runs), lambda each: each.error)
    first = [run.bins[0].error for run in runs]
    assert band.value[0] == pytest.approx(np.mean([value for value, _ in first]))
    assert band.error[0] == pytest.approx(np.mean([error for _, error in first]))
    assert band.spread is not None
    assert band.spread[0] == pytest.approx(np.std([value for value, _ in first], ddof=1))
    assert profile("network", bins_of(runs[:1]), lambda each: each.error).spread is None
    with hep_style():
        axes = draw_relative_error(part_of(result).first, [band], None).axes[0]
        assert axes.get_title(loc="left") == "Simulation"
        assert axes.get_xlabel() == "true energy [GeV]"
        assert [line.get_ydata()[0] for line in axes.lines if line.get_linestyle() == ":"] == [10.0]
        density = draw_estimates(part_of(result).runs, "showers").axes[0]
    inside = np.asarray(density.images[0].get_array().filled(0)).sum()  # type: ignore[union-attr]
    assert inside == pytest.approx(len(part_of(result).first.true))


@pytest.mark.parametrize(
    ("resolution", "told"),
    [
        (0.1, "Here it is below 10 % in all"),
        (0.9, "GeV. Of the 3 repeats taken one by one, 0 stay below 10 % in every bin."),
        (9.0, "Here it is below 10 % in no bin of 10 to 500 GeV."),
    ],
)
def test_the_papers_claim_is_said_to_hold_or_not(tmp_path: Path, resolution: float, told: str) -> None:
    folder = study(tmp_path / "s", n_trials=1, done=1, folds=RUNS, repeats=True, resolution=resolution)
    markdown = markdown_of(folder)
    assert told in markdown
    result = read_result(folder, read_history(folder))
    bins = list(zip(*(run.bins for run in part_of(result).results), strict=True))
    means = [100 * np.mean([each.error[0] for each in column]) for column in bins]
    line = next(
        line for line in markdown.splitlines() if line.startswith("The largest binned relative error is")
    )
    assert float(line.split("(")[1].split()[0]) == pytest.approx(max(means), rel=0.02)
    if resolution == 0.9:
        below = [column[0] for column, mean in zip(bins, means, strict=True) if mean < 10]
        assert f"in {len(below)} of {len(bins)} bins: {below[0].low:g} to 500 GeV." in line


def test_repeats_are_called_so_wherever_folds_would_be(markdown: str, single: str) -> None:
    told = told_in(markdown)
    assert "fold" not in told
    assert markdown.count("the chance of initial weights and of the order of the data") == 1
    assert "mean and sample sd over 3 repeats" in told
    assert "one line a repeat" in told
    assert "| repeats | 3: a trial is 3 runs that differ in their seed alone" in markdown
    assert "| trained by | evolution of the weights: one-plus-lambda |" in markdown
    assert "| trained by | gradient |" in single
    assert "| folds | none: one run per trial |" in single


def test_legends_and_warnings_speak_of_repeats(tmp_path: Path, history: History) -> None:
    with hep_style():
        labels = draw_objective(history).axes[0].get_legend_handles_labels()[1]
    assert "finished (bar: sd over repeats)" in labels
    alike = study(tmp_path / "a", folds=RUNS, repeats=True, alike=True)
    assert "All 3 repeats predict the same: their seeds changed nothing" in markdown_of(alike)
    short = study(tmp_path / "b", folds=RUNS, repeats=True, tested=0)
    best = read_history(short).best
    assert best is not None
    with Ledger(short) as ledger:
        ledger.append([final_record(short, Recipe(folds=RUNS, resolution=0.4), best.number, 1)])
    assert "Only 1 of 3 repeats' models were tested." in markdown_of(short)


def test_a_classifier_of_several_seeds_speaks_of_repeats_too(tmp_path: Path) -> None:
    recipe = Recipe(
        n_trials=2, done=2, folds=RUNS, repeats=True, failed={0: ("error", "bad")}, space=JEDINET_SPACE
    )
    markdown = markdown_of(write_study(tmp_path / "s", recipe))
    assert "fold" not in told_in(markdown)
    assert "Mean over the models of 3 repeats." in markdown
    assert "| trial | repeat | attempt | kind |" in markdown


def test_learning_curves_have_the_calibration_beside_them(history: History) -> None:
    assert history.best is not None
    with hep_style():
        lines = {line.get_label(): line for line in draw_learning_curves(history, history.best).axes[0].lines}
    assert lines["energy sum, calibrated"].get_ydata()[0] == 0.015
