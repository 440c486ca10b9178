"""The fault campaign in its short form: each goal at a small count, as its command tries it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.faults.goals import Goal
from benchmarks.faults.results import Results
from benchmarks.faults.rows import GOALS

ROOT = Path(__file__).parents[2]


# Tried by the marker of clusters: machines of their own beside a busy machine's work, and a Ray for each way
# to hang, three of which tests/cluster/test_limits_on_ray.py tries on one.
MARKS = {"R6": pytest.mark.ray_cluster, "R8": pytest.mark.ray_cluster}


@pytest.mark.parametrize(
    "goal",
    [pytest.param(goal, marks=MARKS.get(goal.name, pytest.mark.faults), id=goal.name) for goal in GOALS],
)
def test_nothing_is_lost(goal: Goal, tmp_path: Path) -> None:
    """How long something takes is told and not judged: the machine may be a slow one."""
    if why := goal.missing():
        pytest.skip(why)
    # A process of its own: drivers are forked, which torch allows only where nothing has trained yet.
    command = [sys.executable, "-m", "benchmarks.faults", goal.name, "--tries", str(goal.short)]
    subprocess.run([*command, "--results", str(tmp_path)], cwd=ROOT, check=True)
    found = Results(tmp_path).sum(goal.name)
    assert found.tries >= goal.short
    assert found.survived == found.tries, found.notes
