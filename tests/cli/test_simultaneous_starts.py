"""Of those that begin or take up one study at once one goes on; the others know it before their checks."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from cli_runs import raysearch
from toy import start

from raysearch.errors import StudyBusyError
from raysearch.ledger.ledger import read_entries
from raysearch.study.claim import claimed


@pytest.mark.parametrize(
    "what", [["tune", "toy.yaml", "--name", "s"], ["resume", "s"]], ids=["tune", "resume"]
)
def test_losers_know_it_at_once(toy_space: Path, tmp_path: Path, what: list[str]) -> None:
    if what[0] == "resume":
        assert raysearch(tmp_path, "tune", "toy.yaml", "--name", "s", "--local").code == 0
        what = [*what, "--trials", "+1"]
    with claimed(tmp_path / "runs/s"):
        loser = raysearch(tmp_path, *what, "--local")
    assert loser.code == 75
    assert "runs/s: held by another process: process " in loser.err
    assert "checking" not in loser.err
    assert raysearch(tmp_path, *what, "--local").code == 0, "and it is free again"
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["s"], "nothing of it stays"


def test_one_of_three_goes_on(toy_space: Path, tmp_path: Path) -> None:
    command = ("tune", "toy.yaml", "--name", "s", "--local")
    processes = [start(tmp_path, *command, stderr=subprocess.STDOUT) for _ in range(3)]
    outputs = [process.communicate()[0] for process in processes]
    codes = sorted(process.returncode for process in processes)
    # One that came when the winner was done is asked whether to go on, and has no terminal to say so.
    assert codes.count(0) == 1, outputs
    assert {*codes} <= {0, 2, 75}
    assert sum(entry.record.kind == "created" for entry in read_entries(tmp_path / "runs/s")) == 1


def test_a_claim_that_went_with_its_holder_holds_nobody_up(tmp_path: Path) -> None:
    folder = tmp_path / "runs/s"
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs/.s.claim").write_text("process 1 on nowhere")  # of one that was killed
    with claimed(folder), pytest.raises(StudyBusyError), claimed(folder):
        pass
    with claimed(folder):
        pass
