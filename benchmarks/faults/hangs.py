"""R7: runs that take more memory than they may. R8: runs that hang, in four ways."""

from __future__ import annotations

import math
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.faults.goals import Bench, Goal, Result
from benchmarks.faults.outcome import end_of, start
from benchmarks.faults.sessions import wait_for
from benchmarks.faults.study import ON_RAY, n_records, space
from raysearch.ledger.entries import Entry
from raysearch.ledger.history import read_history
from raysearch.ledger.ledger import read_entries
from raysearch.ledger.run_records import Ended, Epoch, Started
from raysearch.space.space_file import SpaceFile

MEMORY, TAKEN_MB = "400 MB", 1000
DRIVER_GROWTH_MB = 50
STOPPED_WITHIN_S = 5
HANGS = ("sleeps", "spins", "stops", "deadlocks")


def troubled(troubles: list[str], **more: Any) -> SpaceFile:
    """A study whose trials are given, each with a trouble of its own or ``none``."""
    given = [
        {"learning_rate": 0.01 + place / 1000, "width": 4, "activation": "relu", "trouble": trouble}
        for place, trouble in enumerate(troubles)
    ]
    choices = {"type": "choice", "values": sorted({"none", *troubles})}
    return space(trials=len(given), search={"enqueue": given}, trouble=choices, **more)


def out_of_memory(bench: Bench, first: int, n: int) -> Iterator[Result]:
    """One study on Ray, of which every other run takes too much."""
    folder, began = bench.folder / f"s{first}", time.monotonic()
    asked = troubled(["none", "takes memory"] * n, megabytes=TAKEN_MB, resources__memory=MEMORY)
    session = start(folder, asked, ON_RAY)
    # What a driver loads for its first runs is no growth.
    wait_for(lambda: _has_committed(folder) or not session.is_running, "the first result")
    megabytes = [_megabytes(session.pid)]
    while session.is_running:
        megabytes.append(_megabytes(session.pid) or megabytes[-1])
        time.sleep(0.2)  # to look from time to time
    problem = end_of(session)
    trials = read_history(folder).trials
    n_oom = sum(trial.failure.startswith("oom") for trial in trials)
    n_finished = sum(trial.state == "finished" for trial in trials)
    growth = max(megabytes) - megabytes[0]
    wrong = [
        problem,
        "" if (n_oom, n_finished) == (n, n) else f"{n_oom} failed as oom, {n_finished} finished",
        "" if growth <= DRIVER_GROWTH_MB else "too much",
    ]
    note = "; ".join([f"the driver grew by {growth:.0f} MB", *filter(None, wrong)])
    survived = 0 if any(wrong) else n
    yield Result(n, survived, n - n_finished, 0, time.monotonic() - began, note)


def _has_committed(folder: Path) -> bool:
    return n_records(folder) > 0 and read_history(folder).n_committed > 0


def _megabytes(pid: int) -> float:
    """Memory of a process, 0 if it has ended."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / 2**20
    except (OSError, IndexError):
        return 0.0


def sound_silence_s() -> int:
    """A limit of silence, in seconds, that the start of a run's process does not reach on this machine."""
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", "import ray.tune, torch"], check=True)
    return 5 + math.ceil(5 * (time.monotonic() - began))


def hangs(bench: Bench, first: int, n: int) -> Iterator[Result]:
    """Studies on Ray, one for each way to hang; a run of each study does not."""
    n_kind = -(-(first + n) // len(HANGS))
    silence_s = sound_silence_s()
    for place, kind in enumerate(HANGS):
        if first >= (place + 1) * n_kind:
            continue
        folder, began = bench.folder / kind, time.monotonic()
        n_workers = 2 if kind == "deadlocks" else 1  # of a group that waits for each other
        asked = troubled([*[kind] * n_kind, "none"], budget__silence=silence_s, resources__workers=n_workers)
        problem = end_of(start(folder, asked, ON_RAY))
        trials = read_history(folder).trials
        n_hung = sum(trial.failure.startswith("hung") for trial in trials)
        wrong = [
            problem,
            "" if n_hung == n_kind else f"{n_hung} of {n_kind} ended as hung",
            "" if trials[-1].state == "finished" else "the sound run did not finish",
        ]
        silent = _seconds_of_silence(folder)
        n_late = sum(each > silence_s + STOPPED_WITHIN_S for each in silent)
        told = f"{kind}: ended {max(silent, default=0):.1f} s after the last word at a limit of {silence_s} s"
        note = "; ".join([told, *filter(None, wrong)])
        survived = 0 if any(wrong) else n_kind
        yield Result(n_kind, survived, 0, 0, time.monotonic() - began, note, late=n_late)


def _seconds_of_silence(folder: Path) -> list[float]:
    """How long each run that hung was left alone, from its start or last epoch to its end."""
    heard: dict[int, Entry] = {}
    silences = []
    for entry in read_entries(folder):
        if isinstance(entry.record, (Epoch, Started)):
            heard[entry.record.trial] = entry
        elif isinstance(entry.record, Ended) and entry.record.failure == "hung":
            silences.append((entry.time_ms - heard[entry.record.trial].time_ms) / 1000)
    return silences


GOALS = (
    Goal(
        "R7",
        f"20 of 40 runs on Ray take {TAKEN_MB} MB where {MEMORY} are allowed: each fails as `oom`, the "
        f"others finish, the driver grows by less than {DRIVER_GROWTH_MB} MB",
        20,
        2,
        out_of_memory,
    ),
    Goal(
        "R8",
        "a run sleeps, spins, is stopped (SIGSTOP) or its workers are deadlocked: ended as `hung` at most "
        f"{STOPPED_WITHIN_S} s after the limit of silence, the study goes on",
        20,
        4,
        hangs,
    ),
)
