"""The studies that faults are made in, carried out as the library does, without mirror and report."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.faults.task import STEPS, STEPS_AN_EPOCH
from raysearch.cluster.open_executor import executor_for
from raysearch.launch.begin import create_study
from raysearch.launch.carry_out import carry_out
from raysearch.launch.executor import Executor
from raysearch.launch.prepare import Prepared, prepare
from raysearch.launch.request import Where
from raysearch.launch.stop_flag import StopFlag
from raysearch.launch.unchanged import check_unchanged
from raysearch.ledger.entries import Entry
from raysearch.ledger.history import History, read_history
from raysearch.ledger.ledger import FILE_NAME, Ledger, read_entries
from raysearch.ledger.run_records import Committed, Ended, Epoch, Lost
from raysearch.space.space_file import SpaceFile
from raysearch.study.folders import has_begun

TASK = f"{Path(__file__).with_name('task.py')}:Faulty"
HERE, ON_RAY = Where(in_process=True), Where()
Listener = Callable[[Entry, History], None]


def space(trials: int = 12, epochs: int = 3, search: dict[str, Any] | None = None, **more: Any) -> SpaceFile:
    """The reference study: a search by TPE, as all searches replayed from its ledger.

    Args:
        trials: how many.
        epochs: of each; a run has one batch of 16 rows in each of the four steps of an epoch.
        search: options of the search beside the usual ones.
        more: settings of the task that are held, such as ``pause_s``; with two underscores a value of another
            section, such as ``resources__cpus``.
    """
    found: dict[str, Any] = {
        "task": TASK,
        "space": {
            "learning_rate": {"type": "float", "low": 1e-3, "high": 0.3, "log": True},
            "width": {"type": "int", "low": 1, "high": 16},
            "activation": {"type": "choice", "values": ["relu", "elu"]},
        },
        "search": {
            "sampler": "tpe",
            "trials": trials,
            "window": 4,
            "options": {"n_startup_trials": 3},
            **(search or {}),
        },
        "budget": {"epochs": epochs},
        "seed": 1,
    }
    for name, value in more.items():
        section, _, key = name.rpartition("__")
        found.setdefault(section or "space", {})[key] = value
    return SpaceFile.model_validate(found)


def go_on(
    folder: Path, space_file: SpaceFile, where: Where = HERE, listen: Listener = lambda *_: None
) -> History:
    """Begin a study, or take it up where it is, with all checks that the library makes."""
    with StopFlag() as stop, ExitStack() as stack:
        with stop.breaking_off("the start"):
            checked = check(folder, space_file)
            os.environ[STEPS] = str(steps_file(folder))  # the rehearsal is behind: from here on steps count
            executor = stack.enter_context(executor_for(where, checked.space_file.resources))
        return carry(folder, checked, executor, listen, stop)


@dataclass(frozen=True)
class Checked:
    """A study that may be carried out: what it was prepared to begin with is None if it has begun."""

    space_file: SpaceFile
    prepared: Prepared | None


def check(folder: Path, space_file: SpaceFile) -> Checked:
    """Make all checks before a study begins or goes on."""
    if has_begun(folder):
        return Checked(check_unchanged(folder, allow_skew=False), None)
    prepared = prepare(space_file, folder.parent)
    return Checked(prepared.space_file, prepared)


def carry(
    folder: Path,
    checked: Checked,
    executor: Executor,
    listen: Listener = lambda *_: None,
    stop: StopFlag | None = None,
) -> History:
    """Carry a checked study out."""
    prepared = checked.prepared
    with Ledger(folder) if prepared is None else create_study(prepared, folder, executor.slots) as ledger:
        return carry_out(ledger, executor, listen, lambda _: None, stop=stop)


def steps_file(folder: Path) -> Path:
    """The file that counts a study's steps, beside its folder."""
    return folder.with_name(f"{folder.name}.steps")


def repeated_epochs(folder: Path) -> float:
    """How many epochs of a study were trained beyond those it has; 0 if nobody counted."""
    if not steps_file(folder).exists():
        return 0.0
    n_known = sum(len(run.epochs) for trial in read_history(folder).trials for run in trial.runs)
    n_steps = steps_file(folder).stat().st_size
    return n_steps / STEPS_AN_EPOCH - n_known


def n_records(folder: Path) -> int:
    """How many records a ledger has, also while it grows."""
    path = folder / FILE_NAME
    return path.read_bytes().count(b"\n") if path.exists() else 0


def essence(folder: Path) -> dict[str, Any]:
    """What must not change: the history, every trial's epochs, the best weights, the test figures."""
    history = read_history(folder)
    best = history.best and history.best.runs[0].ended
    return {
        "history": history.hash,
        "epochs": [
            {number: epoch.metrics for number, epoch in sorted(run.epochs.items())}
            for trial in history.trials
            for run in trial.runs
        ],
        "best": best and (best.trial, best.best_epoch, best.weights_sha256),
        "weights kept": sorted(
            (*path.relative_to(folder).parts[1:3], path.name) for path in folder.glob("trials/**/*.pt")
        ),
        "test figures": history.tests and history.tests[-1][0].metrics,
        "best model": json.loads((folder / "best/model.json").read_text())["weights_sha256"],
    }


def differences(folder: Path, straight: dict[str, Any]) -> list[str]:
    """What differs between a study and the same one that nothing happened to; empty if nothing does.

    Also what was committed or ended twice, and what an attempt that was lost wrote after all.
    """
    found = essence(folder)
    wrong = [f"{name} differ" for name, value in straight.items() if found[name] != value]
    records = [entry.record for entry in read_entries(folder)]
    for kind, verb in ((Committed, "committed"), (Ended, "ended")):
        places = [(r.trial, getattr(r, "fold", 0)) for r in records if isinstance(r, kind)]
        wrong += [f"{len(places) - len(set(places))} {verb} twice"] if len(places) > len(set(places)) else []
    n_late = len(late_records(folder))
    return wrong + ([f"{n_late} records of attempts that were lost"] if n_late else [])


def late_records(folder: Path) -> list[Epoch | Ended]:
    """Epochs and endings of an attempt that stand after the record of its loss."""
    lost, late = set(), []
    for entry in read_entries(folder):
        record = entry.record
        if isinstance(record, Lost):
            lost.add((record.trial, record.fold, record.attempt))
        elif isinstance(record, (Epoch, Ended)) and (record.trial, record.fold, record.attempt) in lost:
            # A run that was lost too often ends as failed, in the name of its last attempt.
            late += [] if isinstance(record, Ended) and record.failure == "lost" else [record]
    return late
