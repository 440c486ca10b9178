"""The model of cost at its limits, its fit, and what it makes of published figures."""

from __future__ import annotations

import math

import numpy as np
import pytest

from raysearch.errors import InputError
from raysearch.scaling.cost_model import Constants, Layout, epoch_s, rate, ring_s, step_s, strong, weak
from raysearch.scaling.fit import Point, fit
from raysearch.scaling.published import CURVES, check, efficiency
from raysearch.scaling.stragglers import sigma_of, slowest_factor

ALL = Constants(step_s=2e-3, row_s=1e-4, sigma=0.2, latency_s=5e-5, message_s=3e-3, fixed_s=1.5)


def test_one_worker_waits_for_nobody() -> None:
    assert slowest_factor(1, 0.7) == 1.0
    assert ring_s(ALL, 1) == 0.0
    assert step_s(ALL, Layout(1, 16, 10)) == pytest.approx(2e-3 + 16e-4)


def test_workers_of_the_same_speed_wait_for_nobody() -> None:
    assert slowest_factor(256, 0.0) == 1.0
    # and as the spread goes to zero, the factor goes to one
    assert slowest_factor(256, 1e-6) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("sigma", [0.05, 0.3, 1.0])
def test_of_two_the_slower_is_known_in_closed_form(sigma: float) -> None:
    # of two lognormals of mean 1: E[max] = 2 Phi(sigma / sqrt 2) = 1 + erf(sigma / 2)
    assert slowest_factor(2, sigma) == pytest.approx(1.0 + math.erf(sigma / 2), rel=1e-9)


def test_the_slowest_of_many_is_what_draws_say() -> None:
    draws = np.exp(0.3 * np.random.default_rng(1).standard_normal((20_000, 64)) - 0.045)
    assert slowest_factor(64, 0.3) == pytest.approx(draws.max(axis=1).mean(), rel=5e-3)


def test_sigma_is_found_from_what_was_waited() -> None:
    assert sigma_of(8, slowest_factor(8, 0.4)) == pytest.approx(0.4)
    assert sigma_of(2, 0.99) == 0.0  # a measurement's noise is no negative spread
    assert sigma_of(2, 50.0) == 3.0


def test_a_perfect_network_scales_without_loss() -> None:
    perfect = Constants(row_s=1e-4)
    assert epoch_s(perfect, weak(64, 16, 640)) == pytest.approx(epoch_s(perfect, weak(1, 16, 640)) / 64)
    assert epoch_s(perfect, strong(16, 16, 640)) == pytest.approx(epoch_s(perfect, strong(1, 16, 640)) / 16)


def test_the_ring_carries_twice_the_gradients_however_many_workers() -> None:
    no_latency = Constants(message_s=0.5)
    assert ring_s(no_latency, 2) == pytest.approx(0.5)  # half there and half back
    assert ring_s(no_latency, 10_000) == pytest.approx(1.0, rel=1e-3)
    assert ring_s(Constants(latency_s=1.0), 9) == 16.0


def test_what_no_worker_takes_off_another_is_paid_once() -> None:
    assert epoch_s(Constants(fixed_s=7.0), weak(128, 16, 640)) == 7.0


def test_the_rate_counts_rows_of_all_workers() -> None:
    assert rate(Constants(row_s=1e-3), weak(4, 10, 100)) == pytest.approx(4_000)


def test_a_fit_finds_the_constants_that_points_were_made_with() -> None:
    layouts = [weak(p, rows, 6400 / rows) for p in (1, 2, 4, 16, 64) for rows in (8, 32)]
    points = [Point(layout, epoch_s(ALL, layout)) for layout in layouts]
    free = ("step_s", "row_s", "latency_s", "message_s", "fixed_s")
    fitted = fit(points, free, Constants(sigma=ALL.sigma))
    for name in free:
        assert getattr(fitted.constants, name) == pytest.approx(getattr(ALL, name), rel=1e-3)
        assert fitted.errors[name] < 1e-2 * getattr(ALL, name)


def test_the_errors_of_a_fit_cover_the_truth() -> None:
    chance = np.random.default_rng(3)
    within = 0
    for _ in range(40):
        layouts = [weak(p, 16, 400) for p in (1, 2, 4, 8, 16, 32, 64)]
        points = [Point(each, epoch_s(ALL, each) * (1 + 0.02 * chance.standard_normal())) for each in layouts]
        fitted = fit(points, ("step_s", "fixed_s"), ALL)
        within += abs(fitted.constants.fixed_s - ALL.fixed_s) < 2 * fitted.errors["fixed_s"]
    assert within >= 32  # 95 % of a normal; fewer where an error comes from five freedoms


def test_fewer_points_than_constants_are_refused() -> None:
    with pytest.raises(InputError, match="2 constants"):
        fit([Point(weak(1, 1, 1), 1.0)], ("step_s", "latency_s"))


def test_as_many_points_as_constants_have_no_error() -> None:
    assert math.isnan(fit([Point(weak(1, 1, 1), 1.0)], ("step_s",)).errors["step_s"])


@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.name)
def test_half_of_a_published_curve_predicts_the_other_half(curve) -> None:  # type: ignore[no-untyped-def]
    assert len(curve.fitted_on) <= len(curve.seconds) / 2 + 0.5
    deviations = check(curve).deviations
    assert set(deviations) == set(curve.seconds) - set(curve.fitted_on)
    assert all(abs(each) < 0.15 for each in deviations.values()), deviations


def test_the_published_98_percent_do_not_follow_from_the_published_times() -> None:
    endeavour = next(curve for curve in CURVES if "Endeavour" in curve.name)
    assert efficiency(endeavour.seconds, 256) == pytest.approx(0.87, abs=0.005)
    # they would from 2.02 hours on one node, where 1.8 are printed
    assert 0.98 * 256 * endeavour.seconds[256] / 3600 == pytest.approx(2.02, abs=0.005)
