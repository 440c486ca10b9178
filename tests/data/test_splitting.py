import numpy as np
import pytest

from raysearch.data.splitting import event_place, split_jets
from raysearch.errors import InputError


def parts(split):
    return split.train, split.validation, split.test


def test_event_place_is_splitmix64():
    # first output of the reference SplitMix64 seeded with 0 is 0xE220A8397B1DCDAF, with 1234567: 6457827717110365317
    got = event_place(np.array([0, 1234567]))
    np.testing.assert_array_equal(
        got, [(0xE220A8397B1DCDAF >> 11) / 2**53, (6457827717110365317 >> 11) / 2**53]
    )


def test_both_jets_of_an_event_are_on_one_side_and_no_jet_is_lost():
    events = np.repeat(np.arange(5000), 2)
    split = split_jets(events, np.zeros(10_000, int), 10_000)
    assert split.by == "event"
    assert sorted(np.concatenate(parts(split))) == list(range(10_000))
    sides = [set(events[rows]) for rows in parts(split)]
    assert sum(len(side) for side in sides) == 5000
    np.testing.assert_allclose([len(rows) / 10_000 for rows in parts(split)], [0.6, 0.2, 0.2], atol=0.02)


def test_the_side_of_an_event_depends_on_its_number_alone():
    rng = np.random.default_rng(0)
    events = np.repeat(rng.integers(-(2**62), 2**62, 1000), 2)
    order = rng.permutation(2000)
    split, other = (split_jets(numbers, np.zeros(2000, int), 2000) for numbers in (events, events[order]))
    for rows, others in zip(parts(split), parts(other), strict=True):
        assert sorted(events[rows]) == sorted(events[order][others])
    fewer = split_jets(events[:500], np.zeros(500, int), 500)
    assert set(fewer.test) == set(split.test[split.test < 500])


def test_neighbouring_event_numbers_are_spread():
    places = event_place(np.arange(100_000))
    np.testing.assert_allclose(np.histogram(places, bins=10, range=(0, 1))[0], 10_000, rtol=0.05)


def test_without_event_numbers_whole_files_are_kept_together():
    file_index = np.repeat(np.arange(10), [30, 10, 20, 20, 20, 20, 20, 20, 20, 20])
    split = split_jets(None, file_index, 200)
    assert split.by == "file"
    assert [sorted(set(file_index[rows])) for rows in parts(split)] == [[0, 1, 2, 3, 4, 5], [6, 7], [8, 9]]


def test_few_files_without_event_numbers_are_cut_into_blocks_of_rows():
    split = split_jets(None, np.repeat(np.arange(4), 25), 100, (0.5, 0.3, 0.2))
    assert split.by == "rows"
    assert [(rows[0], rows[-1], len(rows)) for rows in parts(split)] == [
        (0, 49, 50),
        (50, 79, 30),
        (80, 99, 20),
    ]
    assert all(rows.dtype == np.int64 for rows in parts(split))


def test_a_part_may_be_left_out_but_not_come_out_empty():
    assert len(split_jets(None, np.zeros(10, int), 10, (0.8, 0.2, 0.0)).test) == 0
    with pytest.raises(InputError, match="test: 20% of 2 jets, split by rows, is no jet"):
        split_jets(None, np.zeros(2, int), 2, (0.4, 0.4, 0.2))
    with pytest.raises(InputError, match="sum to 1"):
        split_jets(None, np.zeros(10, int), 10, (0.8, 0.3, 0.1))
    with pytest.raises(InputError, match="at least 0"):
        split_jets(None, np.zeros(10, int), 10, (1.2, -0.3, 0.1))
