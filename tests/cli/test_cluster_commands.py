"""`raysearch cluster` as a user types it."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from cli_runs import raysearch

FILLED = ("--head", "10.1.0.1", "--worker", "10.1.0.2", "--user", "anna")
KINDS = ("local", "aws", "slurm")


@pytest.mark.parametrize("kind", KINDS)
def test_init_writes_over_nothing_unless_told(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "x"
    assert raysearch(tmp_path, "cluster", "init", kind, "--out", "x").code == 0
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text("mine")
    result = raysearch(tmp_path, "cluster", "init", kind, "--out", "x")
    assert (result.code, path.read_text()) == (2, "mine")
    assert "--force" in result.err
    assert raysearch(tmp_path, "cluster", "init", kind, "--out", "x", "--force").code == 0
    assert path.read_text() != "mine"


def test_init_with_values_passes_the_check(tmp_path: Path) -> None:
    assert raysearch(tmp_path, "cluster", "init", "local", *FILLED).code == 0
    result = raysearch(tmp_path, "cluster", "check", "cluster.yaml")
    assert (result.code, result.out) == (0, "cluster.yaml: good\n")
    assert all(line.startswith("warning: ") for line in result.err.splitlines())


def test_init_without_values_is_to_be_filled_in(tmp_path: Path) -> None:
    raysearch(tmp_path, "cluster", "init", "aws")
    result = raysearch(tmp_path, "cluster", "check", "aws.yaml")
    assert (result.code, result.out) == (2, "")
    faults = [line for line in result.err.splitlines() if not line.startswith("warning: ")]
    assert faults
    assert all("filled in" in line for line in faults)


def test_values_that_could_break_the_file_are_refused_all_at_once(tmp_path: Path) -> None:
    result = raysearch(
        tmp_path,
        "cluster",
        "init",
        "local",
        "--head",
        "a, b",
        "--worker",
        "x]",
        "--user",
        "u\nx: y",
        "--key",
        "k #",
    )
    assert result.code == 2
    assert [line.split()[1] for line in result.err.splitlines()] == ["--head", "--worker", "--user", "--key"]
    assert not (tmp_path / "cluster.yaml").exists()


def test_check_of_no_file(tmp_path: Path) -> None:
    result = raysearch(tmp_path, "cluster", "check", "none.yaml")
    assert (result.code, result.out) == (2, "")
    assert "none.yaml: cannot be read" in result.err


def test_slurm_takes_a_space_or_a_command(tmp_path: Path) -> None:
    asked = ("--nodes", "3", "--cpus", "4")
    assert raysearch(tmp_path, "cluster", "slurm", "jedinet", *asked, "--out", "a.sh").code == 0
    assert "raysearch tune jedinet --name jedinet-" in (tmp_path / "a.sh").read_text()
    command = ("--", "tune", "jedinet", "-n", "50", "--name", "x")
    assert raysearch(tmp_path, "cluster", "slurm", *asked, "--out", "b.sh", *command).code == 0
    assert "raysearch tune jedinet -n 50 --name x --resume --address" in (tmp_path / "b.sh").read_text()
    result = raysearch(
        tmp_path, "cluster", "slurm", *asked, "--out", "c.sh", "--", "tune", "jedinet", "--local"
    )
    assert (result.code, (tmp_path / "c.sh").exists()) == (2, False)


def test_wait_for_a_cluster_that_is_not_there(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    address = f"127.0.0.1:{port}"
    result = raysearch(tmp_path, "cluster", "wait", "--nodes", "2", "--address", address, "--timeout", "0")
    assert result.code == 69
    assert f"nothing answers at {address}" in result.err
    assert raysearch(tmp_path, "cluster", "wait", "--nodes", "2", "--address", "here").code == 2
