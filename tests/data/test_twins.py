"""The same example twice, and the same file twice."""

import shutil

import numpy as np
import pytest

from raysearch.data.jets.files import check_jets
from raysearch.data.source import DataSource
from raysearch.data.twins import TwinSearch, same_files, shared_between_parts
from raysearch.errors import InputError

SOURCE = DataSource(None, (0.6, 0.2, 0.2))


def found(*pieces, empty=()):
    search, start = TwinSearch(), 0
    for piece in pieces:
        search.add(np.array(piece, float), np.isin(np.arange(start, start + len(piece)), empty))
        start += len(piece)
    return search.found()


def test_equal_rows_are_found_over_all_pieces_and_empty_ones_are_none():
    assert found([[1, 2], [3, 4]], [[1, 2], [5, 6], [1, 2]]) == ((2, 0), (4, 0))
    assert found([[1, 2], [3, 4]]) == ()
    assert found([[0, 0], [0, 0], [1, 1]], empty=(0, 1)) == ()
    assert found([[0.0, -0.0]], [[-0.0, 0.0]]) == ((1, 0),)


def test_copies_of_files_are_told_by_name():
    assert list(same_files({"a": "1", "b": "2", "c": "1"})) == [
        "c: is a copy of a, byte for byte; leave one of them out"
    ]


def test_a_copy_of_a_file_is_refused(write_public):
    path = write_public()
    shutil.copy(path, path.with_name("other.h5"))
    with pytest.raises(InputError, match=r"other.h5: is a copy of jetImage_0_8p_0_20.h5, byte for byte"):
        check_jets(path.parent)


def test_equal_jets_of_two_files_are_counted(write_public):
    write_public("one.h5", first=0)
    path = write_public("two.h5", first=12)
    # Rows 12 to 19 of the first are 0 to 7 of the second but for their other columns.
    assert check_jets(path.parent).twins == tuple((20 + row, 12 + row) for row in range(8))


@pytest.mark.parametrize("shuffled", [False, True])
def test_a_jet_in_half_precision_or_another_order_is_the_same_jet(write_public, shuffled):
    write_public("one.h5", first=0)

    def change(datasets):
        order = np.random.default_rng(1).permutation(5) if shuffled else np.arange(5)
        x = datasets["jetConstituentList"].astype(np.float32)
        x[:, :5] = x[:, order]
        datasets["jetConstituentList"] = x if shuffled else x.astype(np.float16)

    path = write_public("two.h5", first=12, change=change)
    assert check_jets(path.parent).twins == tuple((20 + row, 12 + row) for row in range(8))


def told(twins, n=1000, source=SOURCE, events=None):
    return list(shared_between_parts(tuple(twins), events, np.zeros(n, int), source, "jet"))


def test_copies_in_other_parts_are_told_with_counts():
    # By rows: 0 to 599 train, 600 to 799 validate, the others test.
    assert told([]) == []
    assert told([(5, 1)]) == ["1 jet is equal to another one"]
    assert told([(600, 1), (5, 1), (900, 3), (901, 650)])[1:] == [
        (
            "1 of 200 jets of the validation part are equal to ones of training: its figures are too good; "
            "leave copies out"
        ),
        (
            "2 of 200 jets of the test part are equal to ones of training or validation: its figures are too "
            "good; leave copies out"
        ),
    ]


def test_more_than_a_tenth_of_a_part_is_refused():
    with pytest.raises(InputError, match=r"data: 21 of 200 jets of the test part are equal to ones of"):
        told([(800 + row, row) for row in range(21)])


def test_copies_with_the_event_number_of_the_first_stay_in_its_part():
    events = np.arange(1000)
    events[700:] = events[:300]
    assert told([(700 + row, row) for row in range(300)], events=events) == [
        "300 jets are equal to another one"
    ]


def test_all_folds_are_looked_at():
    source = DataSource(None, (0.6, 0.2, 0.2), folds=4, fold_by="random")
    assert [line for line in told([(1, 0)], source=source) if "fold" in line] or told(
        [(2, 0)], source=source
    )[1:]
    lines = [line for row in range(1, 8) for line in told([(row, 0)], source=source)]
    assert any("of the validation part of fold" in line for line in lines)
