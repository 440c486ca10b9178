"""A study that was copied goes on as one of its own; one that was moved is what it was."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from cli_runs import raysearch
from toy import create_ledger, opened

from raysearch.ledger.copied import Copied
from raysearch.ledger.history import read_history
from raysearch.ledger.ledger import read_entries
from raysearch.ledger.place import copied_from, inode_of
from raysearch.tracking.view import study_key, views


@pytest.fixture
def original(toy_space: Path, tmp_path: Path) -> Path:
    result = raysearch(tmp_path, "tune", "toy.yaml", "--local", "--name", "a", "--trials", "3")
    assert result.code == 0, result.err
    return tmp_path / "runs/a"


def test_a_copy_that_goes_on_is_a_study_of_its_own(original: Path, tmp_path: Path) -> None:
    copy = tmp_path / "runs/b"
    shutil.copytree(original, copy)
    result = raysearch(tmp_path, "resume", "b", "--local", "--trials", "+1")
    assert result.code == 0, result.err
    assert result.err.count(f"b: a copy of {original}; from here on it is a study of its own\n") == 1
    ours, theirs = read_history(copy), read_history(original)
    assert (ours.name, theirs.name) == ("b", "a")
    assert study_key(ours) != study_key(theirs)
    keys = [{view.key for view in views(read_entries(each), is_held=False)} for each in (copy, original)]
    assert (len(keys[0]), len(keys[1])) == (1 + 4, 1 + 3)
    assert not keys[0] & keys[1]
    assert "raysearch resume b --trials" in (copy / "report/report.md").read_text()
    assert "Study b" in (copy / "report/report.md").read_text()
    again = raysearch(tmp_path, "resume", "b", "--local", "--trials", "+1")
    assert (again.code, "a copy of" in again.err) == (0, False)
    assert study_key(read_history(copy)) == study_key(ours)
    assert raysearch(tmp_path, "resume", "a", "--local", "--trials", "+1").code == 0
    assert study_key(read_history(original)) == study_key(theirs)


def test_two_copies_and_a_copy_of_a_copy_are_four_studies(original: Path, tmp_path: Path) -> None:
    for name, of in (("b", "a"), ("c", "a"), ("d", "b")):
        shutil.copytree(tmp_path / "runs" / of, tmp_path / "runs" / name)
        assert raysearch(tmp_path, "resume", name, "--local").code == 0
    assert len({study_key(read_history(tmp_path / "runs" / name)) for name in "abcd"}) == 4
    assert [read_history(tmp_path / "runs" / name).name for name in "abcd"] == [*"abcd"]


def test_one_that_has_not_gone_on_is_named_by_its_folder_as_well(original: Path, tmp_path: Path) -> None:
    shutil.copytree(original, tmp_path / "runs/b")
    rows = raysearch(tmp_path, "compare", "a", "b").out
    assert [line.split()[0] for line in rows.splitlines() if line.startswith(("a ", "b "))] == ["a", "b"]


def test_one_that_was_moved_goes_on_as_the_same(original: Path, tmp_path: Path) -> None:
    before = study_key(read_history(original))
    moved = original.rename(tmp_path / "runs/b")
    assert raysearch(tmp_path, "resume", "b", "--local", "--trials", "+1").code == 0
    assert study_key(read_history(moved)) == before
    assert not any(isinstance(entry.record, Copied) for entry in read_entries(moved))


@pytest.mark.parametrize(
    ("host", "same_file", "is_copy"), [("far", True, False), ("far", False, True)], ids=["shared", "another"]
)
def test_from_another_machine_the_same_file_is_the_same_study(
    tmp_path: Path, host: str, same_file: bool, is_copy: bool
) -> None:
    folder = tmp_path / "s"
    with create_ledger(folder) as ledger:
        there = replace(opened(), host=host, folder="/far/away/s", inode=inode_of(folder) + (not same_file))
        ledger.append([there])
    assert copied_from(folder, read_entries(folder)) == ("/far/away/s" if is_copy else "")


def test_of_a_ledger_that_knows_no_place_the_one_under_its_own_name_is_the_original(tmp_path: Path) -> None:
    with create_ledger(tmp_path / "a") as ledger:
        ledger.append([opened()])
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    assert copied_from(tmp_path / "a", read_entries(tmp_path / "a")) == ""
    assert copied_from(tmp_path / "b", read_entries(tmp_path / "b")) == str(tmp_path / "a")
    (tmp_path / "a").rename(tmp_path / "c")
    assert copied_from(tmp_path / "b", read_entries(tmp_path / "b")) == ""
