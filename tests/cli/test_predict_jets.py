"""predict --jets N is predict --number N."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cli_runs import raysearch

from raysearch.cli import predict


@pytest.mark.parametrize("option", ["--jets", "--number"])
def test_so_many_jets_are_asked_for(option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def generated(folder: Path, out: Path, **options: Any) -> str:
        asked.update(options, folder=folder.name)
        return "told"

    monkeypatch.setattr(predict, "_generated", generated)
    monkeypatch.setattr("raysearch.library.open.study_folder_of", lambda name, runs: runs / name)
    done = raysearch(tmp_path, "predict", "gan", option, "30", "--out", "made.h5")
    assert (done.code, done.out) == (0, "made.h5: told\n")
    assert (asked["folder"], asked["number"]) == ("gan", 30)
