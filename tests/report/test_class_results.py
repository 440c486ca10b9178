"""Uncertainties and working points on the test set."""

from __future__ import annotations

import numpy as np
import pytest

from raysearch.metrics.shown import Scores
from raysearch.report.shown.class_results import class_results, delong_error
from raysearch.report.shown.scores_figures import draw_confusion, draw_roc, efficiency_band
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


def test_working_points_have_binomial_errors_of_the_signal() -> None:
    rng = np.random.default_rng(2)
    labels = np.repeat([0, 1], [400, 600])
    first = np.where(labels == 0, rng.normal(1, 1, 1000), rng.normal(-1, 1, 1000))
    result = class_results(Scores(labels, np.stack([first, -first], axis=1), ("a", "b")))[0]
    assert result.n_signal == 400
    for tpr, error in result.tprs:
        assert error == pytest.approx(np.sqrt(tpr * (1 - tpr) / 400))


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
