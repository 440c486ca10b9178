"""`raysearch doctor` as a user types it, on a machine where almost everything is wrong."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from toy import create_ledger
from waiting import FAR_AWAY_S

import raysearch.tracking.server
from raysearch.doctor import checks
from raysearch.ledger.ledger import FILE_NAME

ROOT = Path(__file__).parents[2]


def doctor(folder: Path, *arguments: str, **variables: str) -> tuple[int, str]:
    """Run it as a process with a home of its own, and check that it leaves everything as it was."""
    clean = {name: text for name, text in os.environ.items() if not name.startswith(("RAY_", "MLFLOW_"))}
    clean |= {"HOME": str(folder / "home"), "PYTHONPATH": str(ROOT), **variables}
    before = sorted(folder.rglob("*"))
    command = [sys.executable, "-m", "raysearch.cli.main", "doctor", *arguments]
    done = subprocess.run(
        command, cwd=folder, env=clean, capture_output=True, text=True, check=False, timeout=FAR_AWAY_S
    )
    assert done.stderr == ""
    assert sorted(folder.rglob("*")) == before
    return done.returncode, done.stdout


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    (home / ".ray").mkdir(parents=True, mode=0o700)
    (home / ".ray/auth_token").touch(mode=0o600)
    (home / ".ray/auth_token").write_text("s3cret")
    return home


def test_a_machine_that_is_well(tmp_path: Path, home: Path) -> None:
    code, out = doctor(tmp_path)
    torch_version = metadata.version("torch")
    levels = {line.split()[0] for line in out.splitlines()}
    assert (code, levels - {"warning"}) == (0, {"ok"})
    assert re.search(rf"^ok +torch +{re.escape(torch_version)}, ", out, re.MULTILINE)
    assert [line for line in out.splitlines() if line.startswith("warning") and " -> " not in line] == []


def test_all_faults_in_one_go(tmp_path: Path, home: Path) -> None:
    (home / ".ray/auth_token").chmod(0o644)
    create_ledger(tmp_path / "runs/night").close()
    ledger = tmp_path / "runs/night" / FILE_NAME
    ledger.write_bytes(ledger.read_bytes().replace(b"night", b"nighu", 1).replace(b"seed", b"sead", 1))
    (tmp_path / ("x" * 80)).mkdir()
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = f"127.0.0.1:{server.getsockname()[1]}"
    code, out = doctor(
        *(tmp_path, "--format", "json", "--address", closed, "--data", "gone.h5"),
        RAY_AUTH_MODE="disabled",
        RAY_TMPDIR=str(tmp_path / ("x" * 80)),
        MLFLOW_TRACKING_URI=f"http://me:hunter2@{closed}",
    )
    found = json.loads(out)
    faults = [(each["name"], each["exit_code"]) for each in found if each["level"] == "fault"]
    assert faults == [
        *(
            ("ray files", 73),
            ("token", 69),
            ("token", 69),
            ("mlflow", 69),
            ("ledgers", 74),
            ("address", 69),
            ("data", 69),
        ),
    ]
    assert code == 74
    assert all(bool(each["advice"]) == (each["level"] != "ok") for each in found)
    assert f"nothing answers at {closed}" in out
    assert "hunter2" not in out
    assert "s3cret" not in out


def test_a_taken_port_is_a_warning_that_names_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        monkeypatch.setattr(raysearch.tracking.server, "DEFAULT_PORT", taken)
        (found,) = checks._port()
    assert found.level == "warning"
    next_one = re.match(rf"{taken} is taken; raysearch dashboard takes (\d+)$", found.found)
    assert next_one
    assert int(next_one[1]) > taken
