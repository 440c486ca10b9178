"""Learning curves continued: known laws are found again, and the error says how well they are known."""

from __future__ import annotations

import numpy as np
import pytest

from raysearch.report.extrapolation import fitted
from raysearch.report.measured import Measured, over_runs

SIZES = (7500, 30000, 120000)


def curve(
    sizes: tuple[int, ...], *, limit: float, gain: float, exponent: float, error: float | None = 1e-4
) -> list[tuple[float, Measured]]:
    return [(n, Measured(limit - gain * n**-exponent, error)) for n in sizes]


@pytest.mark.parametrize("exponent", [0.25, 0.5, 1.0])
def test_a_law_without_noise_is_found_again(exponent: float) -> None:
    gain = 0.04 * 7500**exponent
    law = fitted(curve(SIZES, limit=0.96, gain=gain, exponent=exponent))
    assert law is not None
    for n in (120_000, 600_000, 1_200_000):
        expected = law.at(n)
        assert expected.value == pytest.approx(0.96 - gain * n**-exponent, abs=2e-5)
        assert expected.low < expected.value < expected.high


def test_a_figure_that_falls_has_a_law_too() -> None:
    law = fitted(curve(SIZES, limit=0.5, gain=-20.0, exponent=0.5))
    assert law is not None
    assert law.at(480_000).value == pytest.approx(0.5 + 20 * 480_000**-0.5, abs=1e-5)


def test_the_error_covers_the_truth_about_as_often_as_it_says() -> None:
    gain, error, n_tries = 0.04 * 7500**0.5, 5e-4, 60
    truth = 0.96 - gain * 600_000**-0.5
    noise = np.random.default_rng(3).standard_normal((n_tries, 4)) * error
    covered = 0
    for moved in noise:
        points = curve((7500, 15000, 30000, 120000), limit=0.96, gain=gain, exponent=0.5)
        law = fitted([(n, Measured(v.value + d, error)) for (n, v), d in zip(points, moved, strict=True)])
        assert law is not None
        expected = law.at(600_000)
        covered += expected.low <= truth <= expected.high
    assert 0.5 < covered / n_tries < 0.9


@pytest.mark.parametrize(("n_models", "fall"), [(2, 0.0), (2, 0.7), (5, 0.0), (5, 0.7)])
def test_so_does_the_error_of_means_over_few_models(n_models: int, fall: float) -> None:
    """Whether their spread falls with size or not, and though two models hardly tell it."""
    gain, n_tries = 0.04 * 7500**0.5, 150
    truth, sizes = 0.96 - gain * 600_000**-0.5, np.array(SIZES)
    spread = 1e-3 * (sizes / 7500) ** -fall
    rng, covered = np.random.default_rng(4), 0
    for _ in range(n_tries):
        models = 0.96 - gain * sizes**-0.5 + spread * rng.standard_normal((n_models, 3))
        points = [over_runs([Measured(value) for value in column]) for column in models.T.tolist()]
        law = fitted(list(zip(SIZES, points, strict=True)))
        assert law is not None
        expected = law.at(600_000)
        covered += expected.low <= truth <= expected.high
    assert covered / n_tries == pytest.approx(0.68, abs=0.1)


def test_further_away_is_less_well_known() -> None:
    law = fitted(curve(SIZES, limit=0.96, gain=1.0, exponent=0.4, error=1e-3))
    assert law is not None
    widths = [law.at(n).high - law.at(n).low for n in (120_000, 240_000, 600_000, 1_200_000)]
    assert widths == sorted(widths)


def test_two_sizes_or_figures_without_error_say_nothing_of_more_data() -> None:
    assert fitted(curve(SIZES[:2], limit=0.96, gain=1.0, exponent=0.4)) is None
    assert fitted(curve(SIZES, limit=0.96, gain=1.0, exponent=0.4, error=None)) is None
