"""A damaged ledger is cut before its damage, never more, with a copy; nothing is guessed."""

from __future__ import annotations

import dataclasses
import fcntl
from pathlib import Path

import pytest
from toy import create_ledger, finished, opened

from raysearch.errors import InputError, StorageError, StudyBusyError
from raysearch.ledger.asking_records import Asked
from raysearch.ledger.history import read_history
from raysearch.ledger.ledger import FILE_NAME, Ledger, read_entries
from raysearch.ledger.repair import cut, find_cut
from raysearch.ledger.scanning import seal
from raysearch.study.study import Study


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A study of twelve trials, one after another."""
    ledger = create_ledger(tmp_path / "s", sampler="random", options={})
    with ledger:
        study = Study(ledger, lambda *_: None)
        study.begin(opened())
        while (run := study.next_run()) is not None:
            study.started(run)
            study.report(run, 1, 0.1, {"val_loss": 1.0})
            study.end(finished(run, 1.0 / (run.trial + 1)))
    return tmp_path / "s"


def damage(folder: Path, record: int) -> tuple[bytes, int]:
    """Flip a bit in a record; the content as it is then, and where the record begins."""
    lines = (folder / FILE_NAME).read_bytes().splitlines(keepends=True)
    begin = sum(map(len, lines[:record]))
    content = bytearray(b"".join(lines))
    content[begin + 9] ^= 4
    (folder / FILE_NAME).write_bytes(content)
    return bytes(content), begin


@pytest.mark.parametrize("record", [1, 20, 43])
def test_what_is_before_the_damage_stays_and_all_of_it_is_kept_beside(folder: Path, record: int) -> None:
    sound = read_entries(folder)
    content, begin = damage(folder, record)
    with pytest.raises(StorageError, match=f"damaged at byte {begin}.*raysearch repair s --runs"):
        read_entries(folder)
    found = find_cut(folder)
    assert found.problem == f"damaged at byte {begin}, in record {record}"
    assert (found.kept_bytes, found.cut_bytes) == (begin, len(content) - begin)
    assert list(found.kept) == sound[:record]
    assert list(found.lost) == sound[record + 1 :]
    assert found.unreadable == 1
    assert (folder / FILE_NAME).read_bytes() == content, "a look changes nothing"
    copy = cut(found)
    assert copy.name.startswith("ledger.jsonl.damaged-")
    assert copy.read_bytes() == content
    assert read_entries(folder) == sound[:record]


def test_a_study_goes_on_after_it_to_the_same_end(folder: Path) -> None:
    expected = read_history(folder).hash
    damage(folder, 30)
    found = find_cut(folder)
    assert found.trials == list(range(min(found.trials), 12))
    cut(found)
    with Ledger(folder) as ledger:
        study = Study(ledger, lambda *_: None)
        study.begin(opened(2))
        while (run := study.next_run()) is not None:
            study.started(run)
            study.end(finished(run, 1.0 / (run.trial + 1)))
    assert read_history(folder).hash == expected


def test_fewer_may_be_kept_and_not_more(folder: Path) -> None:
    damage(folder, 20)
    assert len(find_cut(folder, 10).kept) == 11
    for wrong in (-1, 20, 99):
        with pytest.raises(InputError, match=f"--to-record {wrong}: the records 0 to 19 are good"):
            find_cut(folder, wrong)


def test_a_sound_one_has_nothing_to_cut(folder: Path) -> None:
    found = find_cut(folder)
    assert (found.problem, found.cut_bytes, found.lost) == ("", 0, ())


def test_a_record_that_does_not_follow_is_damage_too(folder: Path) -> None:
    entries = read_entries(folder)
    with (folder / FILE_NAME).open("ab") as file:
        file.write(
            seal(dataclasses.replace(entries[-1], seq=len(entries), record=Asked(trial=99, settings={})))
        )
    found = find_cut(folder)
    assert found.problem == f"record {len(entries)} does not follow from those before it"
    assert list(found.kept) == entries


def test_a_lost_line_is_damage_too(folder: Path) -> None:
    lines = (folder / FILE_NAME).read_bytes().splitlines(keepends=True)
    (folder / FILE_NAME).write_bytes(b"".join(lines[:7] + lines[8:]))
    assert len(find_cut(folder).kept) == 7


def test_without_a_first_record_nothing_can_be_kept(folder: Path) -> None:
    content, _ = damage(folder, 0)
    with pytest.raises(
        StorageError, match="no record before it is left to keep, restore the file from a copy"
    ):
        find_cut(folder)
    assert (folder / FILE_NAME).read_bytes() == content


def test_one_that_is_at_work_or_grew_is_left_alone(folder: Path) -> None:
    content, _ = damage(folder, 20)
    found = find_cut(folder)
    with (folder / FILE_NAME).open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(StudyBusyError):
            cut(found)
    with (folder / FILE_NAME).open("ab") as file:
        file.write(b"more")
    with pytest.raises(StorageError, match="was changed meanwhile; nothing was cut"):
        cut(found)
    assert (folder / FILE_NAME).read_bytes() == content + b"more"
    assert [path.name for path in folder.iterdir()] == [FILE_NAME]
