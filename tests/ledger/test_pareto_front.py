"""The Pareto front of points."""

from __future__ import annotations

from raysearch.ledger.pareto_front import unbeaten


def test_points_that_no_other_one_beats_come_by_their_first_coordinate() -> None:
    points = [(3.0, 1.0), (2.0, 2.0), (2.0, 3.0), (1.0, 4.0), (4.0, 4.0)]
    assert unbeaten(points) == [3, 1, 0]


def test_equal_points_do_not_beat_each_other() -> None:
    assert unbeaten([(1.0, 1.0), (2.0, 1.0), (1.0, 1.0)]) == [0, 2]


def test_of_one_objective_the_least_is_left() -> None:
    assert unbeaten([(3.0,), (1.0,), (2.0,)]) == [1]
    assert unbeaten([]) == []
