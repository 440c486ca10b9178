"""The script for machines with a GPU runs whole on a CPU, and pretends nothing where there is none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "gpu.py"


def carried_out(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def rehearsed(folder: Path, *parts: str) -> dict[str, Any]:
    done = carried_out(folder, "--device", "cpu", "--only", *parts)
    assert done.returncode == 0, done.stdout + done.stderr
    told: dict[str, Any] = json.loads((folder / "gpu.json").read_text())
    assert told["rehearsal"]
    assert told["failures"] == {}
    for row in told["rows"]:
        assert row["what"] in done.stdout
    return told


def test_all_forms_are_measured_in_all_precisions(tmp_path: Path) -> None:
    rows = rehearsed(tmp_path, "jedinet", "gravnet")["rows"]
    measured = {(row["part"], row["what"], row["precision"]) for row in rows if row["milliseconds"]}
    forms = {"jedinet": ("textbook", "fast", "recompute"), "gravnet": ("textbook", "torch")}
    assert measured == {
        (part, f"{form}, {work}", precision)
        for part in forms
        for form in forms[part]
        for work in ("step", "inference")
        for precision in ("float32", "bfloat16")
    }


@pytest.mark.ray_cluster
def test_two_workers_reduce_and_two_trials_share_the_machine(tmp_path: Path) -> None:
    rows = rehearsed(tmp_path, "nccl", "shares")["rows"]
    assert [row["part"] for row in rows] == ["nccl", "shares"]
    assert all(row["milliseconds"] > 0 for row in rows)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a device")
def test_without_a_device_nothing_is_measured(tmp_path: Path) -> None:
    done = carried_out(tmp_path)
    assert done.returncode == 2
    assert done.stdout.startswith("gpu.py: torch finds no CUDA device here; nothing was measured")
    assert not list(tmp_path.iterdir())


@pytest.mark.gpu
@pytest.mark.slow
def test_it_runs_whole_on_a_device(tmp_path: Path) -> None:
    done = carried_out(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
