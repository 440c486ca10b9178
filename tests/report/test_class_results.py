"""Uncertainties and working points on the test set."""

from __future__ import annotations

import numpy as np
import pytest

from raysearch.metrics.shown import Scores
from raysearch.metrics.working_point import error_of_cut
from raysearch.report.shown.class_results import ClassResult, class_results, delong_error
from raysearch.report.shown.scores_figures import (
    FPR_GRID,
    TPR_GRID,
    draw_confusion,
    draw_roc,
    efficiency_band,
    rejection_band,
)
from raysearch.report.style import hep_style


def test_delong_error_is_the_spread_of_the_auc_over_samples() -> None:
    rng = np.random.default_rng(1)
    n_signal, n_background, n_samples = 60, 140, 1500
    signal = np.sort(rng.normal(1.0, 1.0, (n_samples, n_signal)), axis=1)
    background = rng.normal(0.0, 1.0, (n_samples, n_background))
    aucs = [np.mean(np.searchsorted(s, b)) / n_signal for s, b in zip(signal, background, strict=True)]
    is_signal = np.arange(n_signal + n_background) < n_signal
    errors = [
        delong_error(np.append(s, b), is_signal) for s, b in zip(signal[:300], background[:300], strict=True)
    ]
    assert np.mean(errors) == pytest.approx(np.std(aucs), rel=0.08)


def test_delong_error_of_perfect_scores_is_zero_and_of_one_jet_unknown() -> None:
    assert delong_error(np.array([0.1, 0.2, 0.8, 0.9]), np.array([False, False, True, True])) == 0
    assert np.isnan(delong_error(np.array([0.1, 0.2, 0.8]), np.array([False, False, True])))


def test_delong_error_counts_ties_as_half() -> None:
    scores, is_signal = np.array([0.0, 1, 1, 0, 1, 1]), np.array([False, False, False, True, True, True])
    of_signal = np.array([1 / 6, 2 / 3, 2 / 3])  # share of background below each signal, ties half
    of_background = np.array([1 / 6, 2 / 3, 2 / 3])
    assert delong_error(scores, is_signal) == pytest.approx(
        np.sqrt(of_signal.var(ddof=1) / 3 + of_background.var(ddof=1) / 3)
    )


def samples(n: int) -> list[ClassResult]:
    """Results of a class at AUC 0.91 on test sets of 400 signal and 1,600 background jets."""
    rng, labels = np.random.default_rng(2), np.repeat([0, 1], [400, 1600])
    found = []
    for _ in range(n):
        first = rng.normal(0.0, 1.0, 2000) + 1.896 * (labels == 0)
        found.append(class_results(Scores(labels, np.stack([first, -first], axis=1), ("a", "b")))[0])
    return found


def test_errors_of_working_points_are_their_spread_over_test_sets() -> None:
    """The cut is set by a finite sample, too: at 1 % FPR the signal's counts alone are half of the spread."""
    found = samples(300)
    for place in range(2):
        for tprs in ([each.tprs[place] for each in found], [each.tprs_published[place] for each in found]):
            values, errors = np.transpose(tprs)
            assert np.median(errors) == pytest.approx(np.std(values), rel=0.15)
    rejections = [each.rejections[1] for each in found]
    values, errors = [each.value for each in rejections], [each.error for each in rejections]
    low, high = np.quantile(values, [0.16, 0.84])  # rejections have a long tail
    assert np.median(errors) == pytest.approx((high - low) / 2, rel=0.15)


def test_a_curve_has_the_errors_of_the_working_points_on_it() -> None:
    (result,) = samples(1)
    band, place = efficiency_band("a", "", [result]), np.searchsorted(FPR_GRID, 0.1)
    assert (band.high - band.value)[place] == pytest.approx(result.tprs[0][1], rel=0.1)
    band, place = rejection_band("a", "", [result]), np.searchsorted(TPR_GRID, 0.5)
    rejection = result.rejections[1]
    assert np.log(band.high / band.value)[place] == pytest.approx(rejection.error / rejection.value, rel=0.1)


def test_a_cut_at_an_end_of_the_curve_adds_no_error_and_one_near_it_some() -> None:
    rate, signal = np.array([0.0, 0.0, 0.02, 1.0]), np.array([0.0, 0.2, 0.8, 1.0])
    assert error_of_cut(np.array([0.0, 1.0]), rate, signal, 50).tolist() == [0.0, 0.0]
    # One of 50 passes, give or take one: the curve below zero is not there, its slope is that of what is.
    near = error_of_cut(0.01, rate, signal, 50)
    sigma = np.sqrt(0.01 * 0.99 / 50)
    assert near == pytest.approx(sigma * (np.interp(0.01 + sigma, rate, signal) - 0.2) / (0.01 + sigma))


def test_roc_figure_has_background_on_a_logarithmic_x_axis_and_the_energy_only_if_told() -> None:
    labels = np.arange(300) % 3
    scores = np.random.default_rng(3).random((300, 3)) + 0.5 * np.eye(3)[labels]
    results = class_results(Scores(labels, scores, ("g", "q", "t$")))
    bands = [efficiency_band(result.name, f"AUC {result.auc[0]:.3f}", [result]) for result in results]
    with hep_style():
        axes = draw_roc(bands, "one against the rest", None).axes[0]
        told = draw_roc(bands, "one against the rest", 13).axes[0]
    assert axes.get_xscale() == "log"
    assert axes.get_xlim() == (5e-4, 1.0)
    assert axes.get_title(loc="left") == "Simulation"
    assert axes.get_title(loc="right") == ""
    assert told.get_title(loc="right") == "\N{SQUARE ROOT}s = 13 TeV"
    legend = [entry.get_text() for entry in axes.get_legend().get_texts()]
    assert [entry.split(":")[0] for entry in legend] == ["g", "q", r"t\$"]
    assert f"{results[0].auc[0]:.3f}" in legend[0]


def test_confusion_figure_has_truth_in_rows() -> None:
    with hep_style():
        axes = draw_confusion(np.array([[0.9, 0.1], [0.4, 0.6]]), ("g", "q")).axes[0]
    written = {entry.get_position(): entry.get_text() for entry in axes.texts}
    assert written[(1, 0)] == "10.0"  # x = predicted q, y = true g
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted class", "true class")
