"""What was read of a ledger is not read again, unless a bit of it has changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from raysearch.errors import StorageError
from raysearch.ledger import scanning
from raysearch.ledger.asking_records import Asked
from raysearch.ledger.entries import Entry
from raysearch.ledger.ledger import FILE_NAME, Ledger, read_entries


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with Ledger(tmp_path / "study", create=True) as ledger:
        ledger.append(Asked(trial=number, settings={"x": number}) for number in range(20))
    return tmp_path / "study"


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The lines that were parsed."""
    lines: list[bytes] = []
    unseal = scanning.unseal

    def noted(line: bytes) -> Entry | None:
        lines.append(line)
        return unseal(line)

    monkeypatch.setattr(scanning, "unseal", noted)
    return lines


def test_only_what_was_written_since_is_parsed(folder: Path, parsed: list[bytes]) -> None:
    before = read_entries(folder)
    with Ledger(folder) as ledger:
        ledger.append([Asked(trial=20, settings={"x": 20})])
        parsed.clear()
        after = read_entries(folder)
    assert len(parsed) == 1
    assert after[:20] == before
    assert after[20].record == Asked(trial=20, settings={"x": 20})


def test_a_torn_last_line_is_read_when_it_is_whole(folder: Path, parsed: list[bytes]) -> None:
    whole = (folder / FILE_NAME).read_bytes()
    (folder / FILE_NAME).write_bytes(whole[:-9])
    assert len(read_entries(folder)) == 19
    parsed.clear()
    (folder / FILE_NAME).write_bytes(whole)
    assert len(read_entries(folder)) == 20
    assert len(parsed) == 1


def test_a_shorter_ledger_and_another_one_are_read_anew(folder: Path, tmp_path: Path) -> None:
    lines = (folder / FILE_NAME).read_bytes().splitlines(keepends=True)
    read_entries(folder)
    (folder / FILE_NAME).write_bytes(b"".join(lines[:7]))
    assert len(read_entries(folder)) == 7
    with Ledger(tmp_path / "other", create=True) as ledger:
        ledger.append(Asked(trial=number, settings={"y": number}) for number in range(9))
    (folder / FILE_NAME).write_bytes((tmp_path / "other" / FILE_NAME).read_bytes())
    assert [entry.record for entry in read_entries(folder)] == [
        Asked(trial=number, settings={"y": number}) for number in range(9)
    ]


def test_damage_to_what_was_read_already_is_told(folder: Path) -> None:
    read_entries(folder)
    content = bytearray((folder / FILE_NAME).read_bytes())
    content[50] ^= 1
    (folder / FILE_NAME).write_bytes(content)
    with pytest.raises(StorageError, match="damaged at byte 0"):
        read_entries(folder)


def test_what_a_reader_does_to_its_entries_is_its_own(folder: Path) -> None:
    read_entries(folder).clear()
    assert len(read_entries(folder)) == 20
