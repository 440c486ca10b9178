"""A study on Ray without any network and with a careless umask: the same history, nothing others can read."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from toy import TOY_SPACE, TOY_TASK, surroundings
from waiting import FAR_AWAY_S

from raysearch.ledger.history import History
from raysearch.ledger.ledger import read_entries

ALONE = 'ip link set lo up && umask 000 && exec "$@"'


@pytest.fixture
def alone() -> list[str]:
    """What carries a command out where there is loopback and no other network."""
    if os.geteuid() or not shutil.which("unshare") or not shutil.which("ip"):
        pytest.skip("needs root, unshare and iproute2")
    return ["unshare", "--net", "bash", "-c", ALONE, "alone"]


def others_may_read(folder: Path) -> list[str]:
    return [
        str(path.relative_to(folder))
        for path in [folder, *folder.rglob("*")]
        if not path.is_symlink() and stat.S_IMODE(path.stat().st_mode) & 0o077
    ]


def tune(folder: Path, prefix: list[str], *options: str) -> History:
    command = [
        *prefix,
        sys.executable,
        "-m",
        "raysearch.cli.main",
        "tune",
        "toy.yaml",
        "--name",
        "s",
        *options,
    ]
    env = {name: value for name, value in surroundings(folder).items() if name != "MLFLOW_TRACKING_URI"}
    done = subprocess.run(
        command, cwd=folder, env=env, text=True, capture_output=True, check=False, timeout=FAR_AWAY_S
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return History(read_entries(folder / "runs/s"))


@pytest.mark.ray_cluster
def test_a_study_needs_no_network_and_shows_others_nothing(tmp_path: Path, alone: list[str]) -> None:
    for name in ("alone", "here"):
        (tmp_path / name).mkdir(mode=0o700)
        (tmp_path / name / "toy.yaml").write_text(TOY_SPACE.format(task=TOY_TASK))
    there, here = tune(tmp_path / "alone", alone), tune(tmp_path / "here", [], "--local")
    assert there.hash == here.hash
    assert others_may_read(tmp_path / "alone/runs") == []
    assert others_may_read(tmp_path / "alone/mlflow.db") == []
    token = Path.home() / ".ray/auth_token"
    assert others_may_read(token) == []
    assert not token.parent.stat().st_mode & 0o077
