"""A study does not go on with another version of what decides bits, unless that is wanted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from raysearch.errors import InputError
from raysearch.launch import unchanged
from raysearch.launch.begin import create_study
from raysearch.launch.prepare import prepare
from raysearch.launch.unchanged import DECIDES_BITS, check_unchanged
from raysearch.launch.versions import versions
from raysearch.ledger.study_records import Opened
from raysearch.space.space_file import read_space_file


@pytest.mark.parametrize("package", DECIDES_BITS)
def test_another_version_is_refused_and_may_be_accepted(
    toy_space: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    folder = tmp_path / "runs/s"
    with create_study(prepare(read_space_file(toy_space), folder.parent), folder, 1) as ledger:
        opened = Opened(session=1, host="here", pid=os.getpid(), slots=1, versions=versions(), cpu="a cpu")
        ledger.append([opened])
    check_unchanged(folder, allow_skew=False)
    monkeypatch.setattr(unchanged, "versions", lambda: versions() | {package: "9.9.9"})
    with pytest.raises(InputError) as caught:
        check_unchanged(folder, allow_skew=False)
    assert [problem.partition(" now")[0] for problem in caught.value.problems] == [
        f"{package}: {versions()[package]} when the study began, 9.9.9"
    ]
    check_unchanged(folder, allow_skew=True)
