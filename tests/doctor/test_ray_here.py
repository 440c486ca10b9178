"""What `raysearch doctor` says of Ray's token, and of a Ray that runs here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from found import only

from raysearch.cluster import environment
from raysearch.doctor import ray_here
from raysearch.doctor.findings import ok


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / ".ray/auth_token"
    path.parent.mkdir(mode=0o700)
    path.touch(mode=0o600)
    path.write_text("s3cret")
    monkeypatch.setattr(environment, "TOKEN", path)
    return path


def test_a_token_that_is_ones_own_is_well(token: Path) -> None:
    assert only(ray_here.token(None)) == ok("token", f"{token}, yours alone")


@pytest.mark.parametrize(
    ("mode", "folder_mode", "level", "advice"),
    [
        (0o640, 0o700, "fault", "chmod 600 {token}"),
        (0o604, 0o700, "fault", "chmod 600 {token}"),
        (0o600, 0o770, "fault", "chmod 700 {token.parent}"),
        (0o600, 0o755, "warning", "chmod 700 {token.parent}"),
    ],
)
def test_what_others_may_do_with_the_token(
    token: Path, mode: int, folder_mode: int, level: str, advice: str
) -> None:
    token.chmod(mode)
    token.parent.chmod(folder_mode)
    found = only(ray_here.token(None))
    assert (found.level, found.advice) == (level, advice.format(token=token))
    assert "s3cret" not in str(found)


def test_an_empty_token(token: Path) -> None:
    token.write_text("\n")
    assert "holds no token" in only(ray_here.token(None)).found


def test_no_token(token: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token.unlink()
    assert only(ray_here.token(None)).level == "ok"
    assert "copy it from the head of 10.0.0.1:6379" in only(ray_here.token("10.0.0.1:6379")).advice
    (tmp_path / "home").write_text("")
    monkeypatch.setattr(environment, "TOKEN", tmp_path / "home/.ray/auth_token")
    assert only(ray_here.token(None)).exit_code == 73
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "other"))
    assert "RAY_AUTH_TOKEN_PATH" in only(ray_here.token(None)).advice


def test_a_token_that_is_switched_off(token: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    assert next((each.level, each.advice) for each in ray_here.token(None)) == (
        "fault",
        "unset RAY_AUTH_MODE",
    )


def test_a_ray_that_runs_here_is_named(tmp_path: Path) -> None:
    program = tmp_path / "raylet"
    program.symlink_to(sys.executable)
    words = [program, "-c", "print(flush=True); input()"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()  # from here on it has its name
        found = only(ray_here.running())
        process.communicate(b"\n")
    assert f"raylet {process.pid} of " in found.found
    assert f"raylet {process.pid} " not in only(ray_here.running()).found
