import numpy as np
import pytest

from raysearch.data.source import DataSource
from raysearch.data.splitting import event_place, fold_numbers, part_examples, split_examples
from raysearch.errors import InputError


def parts(split):
    return split.train, split.validation, split.test


def test_event_place_is_splitmix64():
    # first output of the reference SplitMix64 seeded with 0 is 0xE220A8397B1DCDAF, with 1234567:
    # 6457827717110365317
    got = event_place(np.array([0, 1234567]))
    np.testing.assert_array_equal(
        got, [(0xE220A8397B1DCDAF >> 11) / 2**53, (6457827717110365317 >> 11) / 2**53]
    )


def test_both_jets_of_an_event_are_on_one_side_and_no_jet_is_lost():
    events = np.repeat(np.arange(5000), 2)
    split = split_examples(events, np.zeros(10_000, int))
    assert split.by == "event"
    assert sorted(np.concatenate(parts(split))) == list(range(10_000))
    sides = [set(events[rows]) for rows in parts(split)]
    assert sum(len(side) for side in sides) == 5000
    np.testing.assert_allclose([len(rows) / 10_000 for rows in parts(split)], [0.6, 0.2, 0.2], atol=0.02)


def test_the_side_of_an_event_depends_on_its_number_alone():
    rng = np.random.default_rng(0)
    events = np.repeat(rng.integers(-(2**62), 2**62, 1000), 2)
    order = rng.permutation(2000)
    split, other = (split_examples(numbers, np.zeros(2000, int)) for numbers in (events, events[order]))
    for rows, others in zip(parts(split), parts(other), strict=True):
        assert sorted(events[rows]) == sorted(events[order][others])
    fewer = split_examples(events[:500], np.zeros(500, int))
    assert set(fewer.test) == set(split.test[split.test < 500])


def test_neighbouring_event_numbers_are_spread():
    places = event_place(np.arange(100_000))
    np.testing.assert_allclose(np.histogram(places, bins=10, range=(0, 1))[0], 10_000, rtol=0.05)


def test_without_event_numbers_whole_files_are_kept_together():
    file_index = np.repeat(np.arange(10), [30, 10, 20, 20, 20, 20, 20, 20, 20, 20])
    split = split_examples(None, file_index)
    assert split.by == "file"
    assert [sorted(set(file_index[rows])) for rows in parts(split)] == [[0, 1, 2, 3, 4, 5], [6, 7], [8, 9]]


def test_few_files_without_event_numbers_are_cut_into_blocks_of_rows():
    split = split_examples(None, np.repeat(np.arange(4), 25), (0.5, 0.3, 0.2))
    assert split.by == "rows"
    assert [(rows[0], rows[-1], len(rows)) for rows in parts(split)] == [
        (0, 49, 50),
        (50, 79, 30),
        (80, 99, 20),
    ]
    assert all(rows.dtype == np.int64 for rows in parts(split))


def test_a_part_may_be_left_out_but_not_come_out_empty():
    assert len(split_examples(None, np.zeros(10, int), (0.8, 0.2, 0.0)).test) == 0
    with pytest.raises(InputError, match="test: 20% of 2 rows, split by rows, is no row"):
        split_examples(None, np.zeros(2, int), (0.4, 0.4, 0.2))
    with pytest.raises(InputError, match="sum to 1"):
        split_examples(None, np.zeros(10, int), (0.8, 0.3, 0.1))
    with pytest.raises(InputError, match="at least 0"):
        split_examples(None, np.zeros(10, int), (1.2, -0.3, 0.1))


def source(folds=4, fold=0, fold_by="event", limit=None, split=(0.6, 0.2, 0.2)):
    return DataSource(None, split, folds, fold, fold_by, limit)


def many_jets(n=12_000, files=7):
    events = np.random.default_rng(3).permutation(np.repeat(np.arange(n // 2), 2))
    return events, np.repeat(np.arange(files), -(-n // files))[:n]


def test_without_folds_the_parts_are_those_of_the_split():
    events, file_index = many_jets()
    plain = split_examples(events, file_index, (0.5, 0.3, 0.2))
    got = part_examples(events, file_index, source(folds=1, split=(0.5, 0.3, 0.2)))
    for rows, others in zip(parts(got), parts(plain), strict=True):
        np.testing.assert_array_equal(rows, others)


@pytest.mark.parametrize("fold_by", ["event", "file", "random"])
def test_folds_cover_all_but_the_test_part_once_and_are_of_one_size(fold_by):
    events, file_index = many_jets()
    plain = split_examples(events, file_index)
    folds = [part_examples(events, file_index, source(fold=fold, fold_by=fold_by)) for fold in range(4)]
    pool = np.union1d(plain.train, plain.validation)
    np.testing.assert_array_equal(np.sort(np.concatenate([fold.validation for fold in folds])), pool)
    for fold in folds:
        np.testing.assert_array_equal(fold.test, plain.test)
        np.testing.assert_array_equal(np.union1d(fold.train, fold.validation), pool)
        assert not np.intersect1d(fold.train, fold.validation).size
        assert (np.diff(fold.train) > 0).all()
    sizes = np.array([len(fold.validation) for fold in folds])
    slack = {"event": 0.06, "file": 0.25, "random": 0.0005}[fold_by]  # 7 files, so one fold has one, not two
    largest = sizes.max() if fold_by != "file" else np.sort(sizes)[-1]
    assert largest <= (1 + slack) * len(pool) / 4


def test_folds_by_event_keep_events_together_and_follow_from_the_number_alone():
    events, file_index = many_jets()
    for fold in range(4):
        got = part_examples(events, file_index, source(fold=fold))
        assert not np.isin(events[got.validation], events[got.train]).any()
        fewer = part_examples(events[:3000], file_index[:3000], source(fold=fold))
        np.testing.assert_array_equal(fewer.validation, got.validation[got.validation < 3000])


def test_the_fold_of_an_event_tells_nothing_of_its_part():
    events = np.arange(40_000)
    place, fold = event_place(events), fold_numbers(events, np.zeros(40_000, int), source(folds=5))
    inside = [np.histogram(place[fold == number], 5, (0, 1))[0] for number in range(5)]
    np.testing.assert_allclose(inside, 1600, rtol=0.1)


def test_folds_by_file_keep_files_whole_and_fill_folds_evenly():
    file_index = np.repeat(np.arange(6), [100, 20, 30, 50, 70, 30])
    number = fold_numbers(None, file_index, source(folds=3, fold_by="file"))
    assert all(len(set(number[file_index == file])) == 1 for file in range(6))
    assert np.bincount(number).tolist() == [100, 100, 100]


def test_folds_at_random_are_the_same_at_every_start():
    _, file_index = many_jets(n=50)
    one, two = (fold_numbers(None, file_index, source(fold_by="random")) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    assert np.bincount(one).tolist() == [13, 13, 12, 12]
    assert one.tolist() != sorted(one)


@pytest.mark.parametrize(
    ("changes", "n_files", "has_events", "expected"),
    [
        ({"fold_by": "event"}, 3, False, "data.fold_by: event needs event numbers, which these files lack"),
        ({"fold_by": "file"}, 3, True, "data.folds: 4 folds by file need as many files, there are 3"),
        ({"fold": 4}, 3, True, "data.fold: must be 0 to 3 with 4 folds, got 4"),
        ({"folds": 90, "fold_by": "random"}, 1, True, "leave fold 80, 81, .* of 90 without a row"),
    ],
)
def test_folds_that_cannot_be(changes, n_files, has_events, expected):
    events = np.arange(80) if has_events else None
    with pytest.raises(InputError, match=expected):
        fold_numbers(events, np.arange(80) % n_files, source(**changes))


def test_all_faults_of_folds_are_told_at_once():
    with pytest.raises(InputError) as caught:
        fold_numbers(None, np.zeros(10, int), source(fold=7))
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize("folds", [1, 4])
def test_a_smaller_limit_takes_some_of_what_a_larger_one_takes_and_leaves_the_rest_alone(folds):
    events, file_index = many_jets()
    full = part_examples(events, file_index, source(folds=folds))
    large, small = (
        part_examples(events, file_index, source(folds=folds, limit=limit)) for limit in (2000, 500)
    )
    assert (len(large.train), len(small.train)) == (2000, 500)
    assert set(small.train) < set(large.train) < set(full.train)
    assert (np.diff(small.train) > 0).all()
    np.testing.assert_array_equal(large.validation, full.validation)
    np.testing.assert_array_equal(large.test, full.test)
    every_part_of_the_files = np.histogram(large.train, 4, (0, 12_000))[0]
    np.testing.assert_allclose(every_part_of_the_files, 500, rtol=0.2)


def test_a_limit_of_all_leaves_all():
    events, file_index = many_jets()
    full = part_examples(events, file_index, source(folds=1))
    whole = part_examples(events, file_index, source(folds=1, limit=len(full.train)))
    np.testing.assert_array_equal(whole.train, full.train)


def test_a_limit_must_be_there_in_every_fold():
    """Or the study would fail once the folds before the smallest one had trained."""
    events, file_index = many_jets()
    sizes = [len(part_examples(events, file_index, source(fold=fold)).train) for fold in range(4)]
    assert len(set(sizes)) == 4
    for fold in range(4):
        got = part_examples(events, file_index, source(fold=fold, limit=min(sizes)))
        assert len(got.train) == min(sizes)
        with pytest.raises(
            InputError, match=f"must be 1 to {min(sizes)}, the rows to train on, in each of 4 folds"
        ):
            part_examples(events, file_index, source(fold=fold, limit=min(sizes) + 1))


@pytest.mark.parametrize("limit", [0, 10_000])
def test_a_limit_that_is_not_there(limit):
    events, file_index = many_jets()
    n = len(part_examples(events, file_index, source(folds=1)).train)
    with pytest.raises(InputError, match=f"data.limit: must be 1 to {n}, the rows to train on, got {limit}"):
        part_examples(events, file_index, source(folds=1, limit=limit))
