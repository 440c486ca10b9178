from raysearch.search.searcher import Worst


def test_a_value_is_passed_on():
    assert Worst().stand_in([0.25, 4.0]) == [0.25, 4.0]


def test_a_failure_is_barely_worse_than_all_values_so_far():
    worst = Worst()
    for values in ([0.25, 7.0], [3.0, 2.0], [-1.0, 5.0]):
        worst.stand_in(values)
    first, second = worst.stand_in(None)
    assert 3.0 < first < 3.0 + 1e-12
    assert 7.0 < second < 7.0 + 1e-12
    assert worst.stand_in(None) == worst.stand_in(None), "failures do not push each other up"


def test_a_failure_before_any_value_has_no_stand_in():
    assert Worst().stand_in(None) is None
