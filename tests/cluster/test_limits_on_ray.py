"""Limits on Ray: a run that hangs in whatever way is ended by the driver; one out of memory fails once.

Seconds are real here: the limits are far above what an honest epoch of the toy takes, some milliseconds.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from troubles import carry, failures, troubled_space

from raysearch.cluster.open_executor import executor_for
from raysearch.cluster.places import WorkerResources, group_slots
from raysearch.cluster.run_processes import SUFFIX, _end_here, training_stack
from raysearch.launch.request import Where
from raysearch.ledger.history import History
from raysearch.ledger.ledger import read_entries
from raysearch.ledger.run_records import Lost, Started
from raysearch.space.space_file import ResourcesSection

SILENCE_S = 20


def on_ray(folder: Path, troubles: str, trials: int, **options: Any) -> History:
    space_file = troubled_space(troubles, trials, **options)
    with executor_for(Where(), space_file.resources) as executor:
        return carry(space_file, folder, executor)


@pytest.mark.faults
def test_runs_that_sleep_spin_or_were_stopped_are_ended_and_the_study_goes_on(tmp_path: Path) -> None:
    history = on_ray(tmp_path / "s", "none,sleep,spin,stop", 4, budget={"silence": SILENCE_S})
    assert failures(history) == ["finished", "hung", "hung", "hung"]
    for trial, kind in ((1, "sleep"), (2, "spin")):
        assert f"in _{kind}" in history.trials[trial].failure
    # One that was stopped writes its stack when it goes on, where it then is.
    assert "raysearch/training" in history.trials[3].failure
    lost = [entry.record for entry in read_entries(tmp_path / "s") if isinstance(entry.record, Lost)]
    assert sorted(record.attempt for record in lost) == [1] * 3 + [2] * 3, "each is repeated once"
    assert not list((tmp_path / "s").rglob(f"*{SUFFIX}"))


@pytest.mark.ray_cluster
def test_a_worker_group_of_which_one_hangs_is_ended_and_another_has_its_place(tmp_path: Path) -> None:
    options: dict[str, Any] = {"budget": {"silence": SILENCE_S}, "resources": {"workers": 2}}
    history = on_ray(tmp_path / "s", "lock,none", 2, **options)
    assert failures(history) == ["hung", "finished"]
    assert "in _lock" in history.trials[0].failure


@pytest.mark.ray_cluster
def test_a_run_that_takes_too_long_fails_at_once(tmp_path: Path) -> None:
    history = on_ray(tmp_path / "s", "spin,none", 4, budget={"run_time": f"{SILENCE_S}s"})
    assert failures(history) == ["time", "finished"] * 2
    assert sum(isinstance(entry.record, Started) for entry in read_entries(tmp_path / "s")) == 4


@pytest.mark.ray_cluster
def test_of_forty_runs_the_twenty_that_ran_out_of_memory_fail_once_each(tmp_path: Path) -> None:
    history = on_ray(tmp_path / "s", "oom,none", 40, resources={"memory": "600 MB"})
    assert failures(history) == ["oom", "finished"] * 20
    assert sum(isinstance(entry.record, Started) for entry in read_entries(tmp_path / "s")) == 40


@pytest.mark.ray_cluster
def test_a_worker_group_out_of_memory_fails_once(tmp_path: Path) -> None:
    history = on_ray(tmp_path / "s", "oom,none", 2, resources={"memory": "600 MB", "workers": 2})
    assert failures(history) == ["oom", "finished"]


def test_runs_that_do_not_fit_into_memory_side_by_side_wait() -> None:
    each = WorkerResources.of(ResourcesSection(memory="4 GB"))
    assert each.bundle() == {"CPU": 1, "memory": 4 * 10**9}
    assert each.options() == {"num_cpus": 1, "num_gpus": 0, "memory": 4 * 10**9}
    assert group_slots(1, each, [{"CPU": 8, "memory": 9e9}, {"CPU": 8, "memory": 3e9}]) == 2


HANGS = """
import faulthandler, signal, sys, time
file = open(sys.argv[1], "w")
faulthandler.register(signal.SIGUSR2, file=file, all_threads=True, chain=False)
print("ready", flush=True)
time.sleep(1e6)
"""


@pytest.mark.parametrize("stopped", [False, True])
def test_the_process_that_holds_the_file_is_ended_and_no_other(tmp_path: Path, stopped: bool) -> None:
    script = tmp_path / "raysearch/training/hangs.py"
    script.parent.mkdir(parents=True)
    script.write_text(HANGS)
    held = tmp_path / "held"
    processes = [
        subprocess.Popen([sys.executable, script, path], stdout=subprocess.PIPE)
        for path in (held, tmp_path / "of-another")
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
        if stopped:
            os.kill(processes[0].pid, signal.SIGSTOP)
        mine = held.rename(tmp_path / f"node-{processes[0].pid}{SUFFIX}")
        # A file that is left behind, by a process whose number another one has now.
        left = tmp_path / f"node-{processes[1].pid}{SUFFIX}"
        left.touch()
        stack = _end_here([mine, left])
        assert f'"{script}", line' in stack
        assert processes[0].wait(60) == -signal.SIGKILL
        assert processes[1].poll() is None
        assert not list(tmp_path.glob(f"*{SUFFIX}"))
    finally:
        for process in processes:
            process.kill()
            process.wait()


def test_of_a_stack_only_the_threads_that_train_are_kept() -> None:
    waits = 'Thread 0x1 (most recent call first):\n  File "threading.py", line 1 in wait'
    trains = 'Thread 0x2 (most recent call first):\n  File "x/raysearch/training/loop.py", line 9 in run'
    assert training_stack(f"{waits}\n\n{trains}\n") == trains
    assert training_stack(f"{waits}\n") == ""
