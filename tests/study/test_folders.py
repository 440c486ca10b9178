"""Names of studies, and what counts as one."""

from __future__ import annotations

from pathlib import Path

import pytest
from toy import create_ledger

from raysearch.errors import FolderError, InputError, StorageError
from raysearch.ledger.history import History
from raysearch.ledger.ledger import FILE_NAME, Ledger, read_entries
from raysearch.study.folders import check_writable, existing_study, has_begun, studies, study_folder


@pytest.mark.parametrize("name", ["../up", "a/b", "/abs", "", ".hidden", "a..b", "x" * 65])
def test_names_cannot_leave_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="study name"):
        study_folder(tmp_path, name)


def test_a_study_killed_before_its_first_record_is_none(tmp_path: Path) -> None:
    create_ledger(tmp_path / "whole").close()
    content = (tmp_path / "whole" / FILE_NAME).read_bytes()
    for name, part in (("empty", b""), ("torn", content[:-1])):
        (tmp_path / name).mkdir()
        (tmp_path / name / FILE_NAME).write_bytes(part)
        assert not has_begun(tmp_path / name)
        with pytest.raises(InputError, match=f"no study '{name}'"):
            existing_study(tmp_path, name)
        with pytest.raises(StorageError, match="killed before it began"):
            _ = History(read_entries(tmp_path / name)).created
        Ledger(tmp_path / name, create=True).close()  # and its name is free
    assert studies(tmp_path) == [tmp_path / "whole"]


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FolderError, match="cannot be written: Not a directory"):
        check_writable(tmp_path / "file" / "runs")
