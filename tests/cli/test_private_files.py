"""What any command writes is for its owner alone, even where the umask would let everybody read it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from after_studies import JEDINET, TOY, tune
from cli_runs import raysearch
from toy import TOY_TASK

from raysearch.data.jets.files import SAMPLE

SERIES = TOY.format(task=TOY_TASK, folds=2) + "vary: {space: {activation: [elu, relu]}}\n"
STUDIES = (("jedi", JEDINET), ("series", SERIES), ("toy", TOY.format(task=TOY_TASK, folds=1)))
COMMANDS = (
    ["resume", "toy", "--trials", "+1"],
    ["report", "jedi"],
    ["predict", "jedi", "--data", str(SAMPLE), "--out", "scores.h5"],
    ["export", "toy", "--to", "torch"],
    ["bundle", "jedi"],
    ["compare", "jedi", "toy", "--out", "compared"],
    ["unbundle", "jedi.raysearch.tar.gz", "--runs", "again"],
    ["cluster", "init", "local"],
    ["cluster", "init", "aws", "--out", "aws.yaml"],
    ["cluster", "slurm", "--nodes", "2", "--cpus", "2", "--", "tune", "jedinet"],
)


def readable_by_others(folder: Path) -> list[str]:
    return [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if not path.is_symlink() and path.stat().st_mode & 0o077
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tmp_path.chmod(0o700)
    return tmp_path


@pytest.mark.slow
def test_others_read_nothing_of_what_is_written(folder: Path) -> None:
    for name, text in STUDIES:
        tune(folder, text, name)
    for path in folder.glob("*.yaml"):  # made by this test
        path.unlink()
    for command in COMMANDS:
        result = raysearch(folder, *command)
        assert result.code == 0, result.err
    assert len(list(folder.rglob("*"))) > 50
    assert readable_by_others(folder) == []


def test_the_commands_were_carried_out_with_an_open_umask(folder: Path) -> None:
    before = os.umask(0o022)
    try:
        raysearch(folder, "cluster", "init", "local")
        (folder / "open").touch()
    finally:
        os.umask(before)
    assert readable_by_others(folder) == ["open"]
