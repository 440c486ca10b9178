"""Several folds' models on one test set: means, honest bands, and a warning where there are none."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from report_ledgers import CLASSES, LATENCY, Recipe, draw_predictions, final_record, write_study
from sklearn.metrics import roc_curve

from raysearch.ledger.history import read_history
from raysearch.ledger.ledger import Ledger
from raysearch.metrics.classification import auc, published_fpr, read_tpr
from raysearch.metrics.shown import Scores
from raysearch.report.blocks import NONE, Picture, Table
from raysearch.report.build import content
from raysearch.report.markdown import to_markdown
from raysearch.report.measured import Measured, over_runs
from raysearch.report.shown.part import About
from raysearch.report.shown.scores import ScoresPart
from raysearch.report.shown.scores_figures import FPR_GRID, draw_rejection, efficiency_band, rejection_band
from raysearch.report.style import hep_style
from raysearch.report.test_result import read_result

PM = "\N{PLUS-MINUS SIGN}"
FOLDS = 3


def of_folds(folder: Path, **recipe: object) -> Path:
    return write_study(folder, Recipe(n_trials=3, done=3, folds=FOLDS, **recipe))  # type: ignore[arg-type]


def part_of(folder: Path) -> ScoresPart:
    (part,) = read_result(folder, read_history(folder)).of(ScoresPart)
    return part


def markdown_of(folder: Path) -> str:
    with hep_style():
        return to_markdown("Study", content(folder, read_history(folder)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return of_folds(tmp_path_factory.mktemp("folds") / "s", latency=LATENCY)


def test_really_different_folds_have_a_band_and_equal_ones_none_with_a_warning(
    folder: Path, tmp_path: Path
) -> None:
    alike = of_folds(tmp_path / "s", alike=True)
    for place, width in ((folder, 0.01), (alike, 0.0)):
        folds = part_of(place).results
        for column in zip(*folds, strict=True):
            bands = [efficiency_band("g", "", column), rejection_band("g", "", column)]
            for band in bands:
                spread = np.nanmax((band.high - band.low) / band.value)
                assert spread > width if width else spread == pytest.approx(0, abs=1e-12)
    told = "All 3 folds predict the same: that is no cross-validation"
    assert told in markdown_of(alike)
    assert told not in markdown_of(folder)


def curve(scores: np.ndarray, is_signal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    fpr, tpr, _ = roc_curve(is_signal, scores, drop_intermediate=False)
    return fpr, tpr


def test_the_band_is_the_sample_sd_over_the_models(folder: Path) -> None:
    folds = part_of(folder).results
    band = efficiency_band("q", "", [results[1] for results in folds])
    rates, at = [], 300
    for fold in range(FOLDS):
        arrays = draw_predictions(2000, fold)
        rates.append(
            read_tpr(*curve(arrays["scores"][:, 1].astype(float), arrays["labels"] == 1), FPR_GRID[at])
        )
    assert band.value[at] == pytest.approx(np.mean(rates))
    assert (band.high - band.low)[at] / 2 == pytest.approx(np.std(rates, ddof=1))


def test_rejection_is_on_a_logarithmic_axis_over_signal_efficiency_and_ends_with_the_background(
    folder: Path,
) -> None:
    (results, *_) = part_of(folder).results
    band = rejection_band("t", "AUC", [results[4]])
    with hep_style():
        axes = draw_rejection([band], "one against the rest", 13.0).axes[0]
    assert (axes.get_yscale(), axes.get_xlabel()) == ("log", "signal efficiency (TPR)")
    assert axes.get_title(loc="left") == "Simulation"
    assert np.nanmax(band.value) <= results[4].n_background
    assert np.isnan(band.value[0])
    assert np.nanmin(band.low) > 0


def test_figures_are_means_and_sds_of_the_folds(folder: Path) -> None:
    history = read_history(folder)
    figures = read_result(folder, history).figures
    for place, name in enumerate(CLASSES):
        arrays = [draw_predictions(2000, fold) for fold in range(FOLDS)]
        scores = [(each["scores"][:, place].astype(float), each["labels"] == place) for each in arrays]
        for metric, expected in {
            f"auc_{name}": [auc(*each) for each in scores],
            f"tpr10_{name}": [read_tpr(*curve(*each), 0.1) for each in scores],
            f"tpr1_grid_{name}": [read_tpr(*curve(*each), published_fpr(0.01)) for each in scores],
        }.items():
            assert figures[metric].value == pytest.approx(np.mean(expected))
            assert figures[metric].error == pytest.approx(np.std(expected, ddof=1))
    assert figures["val_loss"].value == pytest.approx(history.best.value)  # type: ignore[union-attr]
    assert figures["parameters"].error is None


def test_a_limit_among_folds_stays_a_limit() -> None:
    assert str(over_runs([Measured(90.0, 4.0), Measured(34.2, is_limit=True)])) == "> 34"
    assert over_runs([Measured(0.5, 0.1)]) == Measured(0.5, 0.1)
    both = over_runs([Measured(1.0, 9.0), Measured(3.0, 9.0)])
    assert (both.value, both.error) == (2.0, pytest.approx(np.sqrt(2)))


def left_over(n_passed: int) -> Scores:
    """Of a model that gives its highest score to all of 100 signal jets and to some of 1000 others."""
    labels = np.repeat([0, 1], [100, 1000])
    score = np.where(np.arange(1100) < 100 + n_passed, 1.0, 0.0)
    return Scores(labels, np.stack([score, 1 - score], axis=1), ("a", "b"))


@pytest.mark.parametrize(
    ("passed", "cells"),
    [
        ([0], ["> 334"]),  # 1 / (1 - 0.05 ** (1 / 1000)) = 334.3
        ([8], [f"125 {PM} 44"]),
        ([0, 8], ["> 125", NONE]),  # a model that measured 125 does not agree with more than 334
        ([8, 10], [f"112 {PM} 18", "38"]),
    ],
)
def test_rejection_without_background_left_is_the_least_that_any_model_says(
    folder: Path, passed: list[int], cells: list[str]
) -> None:
    about = part_of(folder).about
    part = ScoresPart.evaluate([[left_over(n)] for n in passed], About(about.history, about.tests, "jets"))
    with hep_style():
        row = next(block for block in part.blocks() if isinstance(block, Table)).rows[0]
    assert list(row[7 : 7 + len(cells)]) == cells


def test_the_page_says_which_uncertainty_is_which(folder: Path, tmp_path: Path) -> None:
    markdown = markdown_of(folder)
    assert "Uncertainties: 3 models, each trained on another 2 of 3 parts" in markdown
    assert "mean and sd over 3 models); the test set's own error, binomial for 2,000 jets: 0.0" in markdown
    assert re.search(rf"accuracy of its 3 models is 0\.\d+ {PM} 0\.\d+ \(mean {PM} sd\)", markdown)
    assert "The test set was looked at once; shown is trial" in markdown  # all folds are one look
    assert "no choice saw" in markdown
    one = markdown_of(write_study(tmp_path / "one", Recipe(n_trials=3, done=3)))
    assert "Uncertainties: one model." in one
    assert "`raysearch crossval jedinet-demo --folds 10`" in one


def test_true_positive_rates_are_read_twice_and_named(folder: Path) -> None:
    markdown = markdown_of(folder).replace("\N{NO-BREAK SPACE}", " ")
    head = next(line for line in markdown.splitlines() if line.startswith("| class | signal | AUC |"))
    assert "| TPR at FPR 10 % | TPR at FPR 1 % | TPR read at FPR 11.40 % | TPR read at FPR 1.11 % |" in head
    assert "| 1/FPR at TPR 30 % | its test error |" in head


def test_cost_is_that_of_the_real_model_with_the_device_named(folder: Path, tmp_path: Path) -> None:
    history = read_history(folder)
    markdown = markdown_of(folder)
    facts = history.best.runs[0].ended.facts  # type: ignore[union-attr]
    assert f"| parameters (trained weights) | {facts['parameters']:,} |" in markdown
    assert f"| MFLOP per example | {facts['mflop']:.4g} |" in markdown
    assert "12.5 ms for a batch of 1,000 on Some CPU @ 3 GHz, 1 thread(s)" in markdown
    assert "| inference |" not in markdown_of(of_folds(tmp_path / "old"))  # a ledger that does not say


def test_folds_of_other_test_sets_are_not_combined(tmp_path: Path) -> None:
    folder = of_folds(tmp_path / "s")
    recipe = Recipe(folds=FOLDS, test_seed=9)
    best = read_history(folder).best
    assert best is not None
    with Ledger(folder) as ledger:
        ledger.append([final_record(folder, Recipe(folds=FOLDS), best.number, 0)])
        ledger.append([final_record(folder, recipe, best.number, 1)])
    markdown = markdown_of(folder)
    assert "is of another test set than" in markdown
    assert "Only 2 of 3 folds' models were tested." in markdown
    assert "The test set was looked at 2 times" in markdown


def test_pictures_of_the_test_are_a_roc_a_rejection_and_a_confusion(folder: Path) -> None:
    with hep_style():
        blocks = content(folder, read_history(folder))
    names = [block.name for block in blocks if isinstance(block, Picture)]
    assert [name for name in names if name in {"roc", "rejection", "confusion"}] == [
        "roc",
        "rejection",
        "confusion",
    ]
