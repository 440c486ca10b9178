"""Relative error, bias and resolution of an energy estimate: against showers whose deviations are known."""

from __future__ import annotations

import numpy as np
import pytest
from report_ledgers import draw_estimates

from raysearch.metrics.shown import Estimates, calorimeter_energy
from raysearch.report.shown.deviations import (
    ENOUGH,
    FEWEST,
    bin_edges,
    estimate_result,
    fit_resolution,
    result_against,
)


def estimates(
    n: int, fold: int = 0, resolution: float = 0.4, constant: float = 0.02, seed: int = 3
) -> Estimates:
    arrays = draw_estimates(n, fold, resolution, constant, seed)
    columns = (arrays[name].astype(float) for name in ("targets", "outputs", "calibrated"))
    return calorimeter_energy(*columns)


def test_figures_are_those_of_the_showers_in_the_range() -> None:
    energy = np.array([10.0, 20.0, 40.0, 50.0])
    overall = estimate_result(energy, energy * [1.1, 0.9, 1.3, 1.0]).overall
    relative = np.array([0.1, -0.1, 0.3, 0.0])
    assert overall.error == pytest.approx((0.125, np.abs(relative).std(ddof=1) / 2))
    assert overall.bias == pytest.approx((0.075, relative.std(ddof=1) / 2))
    assert overall.resolution[0] == pytest.approx(relative.std(ddof=1))
    assert (overall.low, overall.high, overall.n) == (10, 50, 4)


def test_bins_of_another_quantity_hold_every_row_and_its_deviations() -> None:
    energy, share = np.linspace(10, 50, 900), np.append(np.repeat([0.0, 0.02, 0.31], 299), [0.6, 0.7, 0.75])
    bins = result_against(share, energy, energy * (1 + share))
    assert sum(each.n for each in bins) == 900
    assert [each.bias[0] for each in bins] == pytest.approx([each.mean for each in bins])
    assert bins[0].mean == pytest.approx(0.01)
    assert bins[-1].n == 302, "three rows alone are no bin"


def test_errors_are_those_that_other_test_sets_show() -> None:
    results = [
        estimate_result(each.true, each.estimated) for each in (estimates(1000, seed=s) for s in range(200))
    ]
    for read in (lambda d: d.error, lambda d: d.bias, lambda d: d.resolution):
        values, errors = zip(*(read(each.overall) for each in results), strict=True)
        assert np.mean(errors) == pytest.approx(np.std(values), rel=0.15)


def test_every_shower_is_in_one_bin_and_low_energies_have_narrow_ones() -> None:
    each = estimates(8000)
    bins = estimate_result(each.true, each.estimated).bins
    assert sum(one.n for one in bins) == 8000
    assert [one.high for one in bins[:-1]] == [one.low for one in bins[1:]]
    assert (bins[0].low, bins[-1].high) == (10, 500)
    assert bins[0].high - bins[0].low < 0.5 * (bins[-1].high - bins[-1].low)
    assert bins[0].n >= ENOUGH
    inside = (each.true >= bins[0].low) & (each.true < bins[0].high)
    relative = np.abs(each.estimated / each.true - 1)[inside]
    assert bins[0].error[0] == pytest.approx(relative.mean())


@pytest.mark.parametrize(("low", "high"), [(48.3, 501.0), (10.0, 500.0), (0.3, 2.1), (9.99, 10.01)])
def test_bins_with_too_few_showers_are_joined(low: float, high: float) -> None:
    energy = np.random.default_rng(5).uniform(low, high, 400)
    counts = np.histogram(energy, bin_edges(energy))[0]
    assert counts.min() >= FEWEST
    assert counts.sum() == 400
    assert len(bin_edges(energy[:4])) == 2


def test_equal_energies_are_one_bin() -> None:
    result = estimate_result(np.full(30, 50.0), np.linspace(45, 55, 30))
    assert len(result.bins) == 1
    assert result.fit is None


def test_the_fit_finds_the_terms_that_went_in() -> None:
    pulls = []
    for seed in range(60):
        each = estimates(3000, seed=seed)
        fit = estimate_result(each.true, each.estimated).fit
        assert fit is not None
        for (value, error), true in ((fit.stochastic, 0.4), (fit.constant, 0.02)):
            assert error is not None
            pulls.append((value - true) / error)
        assert fit.ndf == len(estimate_result(each.true, each.estimated).bins) - 2
    assert abs(np.mean(pulls)) < 0.5
    assert 0.6 < np.std(pulls) < 1.5
    assert fit.at(np.array([100.0]))[0] == pytest.approx(np.hypot(0.04, 0.02), rel=0.05)


def test_a_term_that_would_be_imaginary_is_zero_without_an_error() -> None:
    energy = np.random.default_rng(1).uniform(10, 500, 4000)
    rising = energy * (1 + 0.0005 * energy * np.random.default_rng(2).normal(size=4000))
    fit = estimate_result(energy, rising).fit  # it grows with energy: nothing like a / sqrt(E)
    assert fit is not None
    assert fit.stochastic == (0.0, None)
    assert fit.chi2 > 10 * fit.ndf
    exact = estimate_result(energy, energy)
    assert exact.fit is None  # no spread, nothing to fit
    assert fit_resolution(exact.bins[:2]) is None


def test_only_energies_are_fitted_as_a_calorimeters() -> None:
    each = estimates(2000)
    assert estimate_result(each.true, each.estimated, fit=False).fit is None


def test_runs_share_bins() -> None:
    runs = [estimates(2000, fold) for fold in range(3)]
    results = [estimate_result(each.true, each.estimated) for each in runs]
    assert len({tuple(one.low for one in result.bins) for result in results}) == 1
    assert len({result.overall.error for result in results}) == 3
