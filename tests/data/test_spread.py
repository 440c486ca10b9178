"""Quantities of other data beside those that a study was trained on."""

import numpy as np
import pytest

from raysearch.data.spread import Departure, Spread

NAME = "pT of a jet in GeV"


def spread(*pieces):
    found = Spread()
    for piece in pieces:
        found.add({NAME: np.asarray(piece)})
    return found.found()


def told(values, trained_on=None):
    departure = Departure(trained_on or spread(np.linspace(900, 1100, 101)), "jet")
    for piece in np.array_split(np.asarray(values, float), 3):
        departure.add({NAME: piece, "unknown": piece})
    return list(departure.told())


def test_mean_deviation_and_range_are_those_of_all_pieces():
    values = 1e6 + np.random.default_rng(1).normal(size=1000)
    found = spread(*np.array_split(values, 7), [np.nan, np.inf], [])[NAME]
    assert found["mean"] == pytest.approx(values.mean(), rel=1e-12)
    assert found["sd"] == pytest.approx(values.std(ddof=1), rel=1e-9)
    assert (found["low"], found["high"]) == (values.min(), values.max())


def test_what_is_like_it_is_not_told():
    assert told(np.linspace(880, 1150, 50)) == []
    assert told(np.full(9, 1090.0)) == []


@pytest.mark.parametrize("scale", [1000, 0.001])
def test_other_units_are_told(scale):
    (line,) = told(scale * np.linspace(900, 1100, 50))
    assert line.startswith(f"{NAME}: {1000 * scale:.4g} on average, ")
    assert line.endswith(
        "standard deviations from the 1000 +- 59 that the study was trained on; are units and definitions "
        "the same?"
    )


def test_a_few_rows_far_away_are_counted():
    (line,) = told([*np.linspace(900, 1100, 50), 5000, 0.0])
    assert line == (
        f"{NAME}: 2 jets more than 5 standard deviations beyond all that the study was trained on (900 to "
        "1100), the farthest at 5000"
    )


def test_a_quantity_that_was_always_the_same_allows_for_rounding_alone():
    always = spread(np.full(10, 7.0))
    assert told(np.full(10, 7.0), always) == []
    assert len(told(np.full(10, 7.1), always)) == 1
