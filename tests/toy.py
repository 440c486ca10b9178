"""A toy study for many tests: a small space file, and ledgers of studies that nothing trains."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from raysearch.ledger.history import History
from raysearch.ledger.ledger import Ledger, read_entries
from raysearch.ledger.run_records import Ended
from raysearch.ledger.study_records import Created, Opened
from raysearch.space.space_file import SpaceFile
from raysearch.study.run import Run
from raysearch.study.study import Study

TOY_TASK = Path(__file__).parent / "toy_task.py"
PROGRAM = (str(Path(__file__).parent / "unmirrored.py"),)
MIRRORED = ("-m", "raysearch.cli.main")
TOY_SPACE = """\
task: {task}:Toy
space:
  learning_rate: {{type: float, low: 1.0e-3, high: 0.3, log: true}}
  width: {{type: int, low: 1, high: 16}}
  activation: {{type: choice, values: [relu, elu]}}
search: {{sampler: tpe, trials: 8, window: 4, options: {{n_startup_trials: 3}}}}
budget: {{epochs: 4}}
seed: 1
"""
QUICK_SPACE = """\
task: {task}
space:
  learning_rate: {{type: float, low: 1.0e-3, high: 0.3, log: true}}
  width: {{type: int, low: 1, high: 16}}
search: {{sampler: random, trials: 4, window: 2}}
budget: {{epochs: 2}}
seed: 1
"""


def toy_space_file(folds: int = 1, **search: Any) -> SpaceFile:
    return SpaceFile.model_validate(
        {
            "task": "toy",
            "space": {
                "learning_rate": {"type": "float", "low": 1e-3, "high": 0.3, "log": True},
                "width": {"type": "int", "low": 1, "high": 16},
                "batch_size": 16,
            },
            "search": {"sampler": "tpe", "trials": 12, "options": {"n_startup_trials": 4}, **search},
            "budget": {"epochs": 3, "folds": folds},
            "seed": 7,
        }
    )


def create_ledger(
    folder: Path, *, folds: int = 1, window: int = 4, maximise: bool = False, **search: Any
) -> Ledger:
    """Make the ledger of a study of the toy task that nothing will train."""
    return ledger_of(folder, toy_space_file(folds, **search), window=window, maximise=maximise)


def ledger_of(folder: Path, space_file: SpaceFile, *, window: int = 4, maximise: bool = False) -> Ledger:
    """Make the ledger of a study that nothing will train."""
    ledger = Ledger(folder, create=True)
    ledger.append(
        [
            Created(
                study=folder.name,
                space_file=space_file.model_dump(mode="json"),
                identity=space_file.identity,
                task_sha256="",
                objective="val_loss",
                maximise=maximise,
                window=window,
                folds=space_file.budget.runs,
                data={"files": {}},
                settings=list(space_file.searched.domains),
            )
        ]
    )
    return ledger


def in_random_order(
    study: Study,
    rng: random.Random,
    train: Callable[[Run], None],
    n_slots: int,
    crash_after: int | None,
) -> bool:
    """Finish runs in random order; stop dead after some ledger records. True if the study is over.

    ``train`` tells the study what a run came to.
    """
    running: list[Run] = []
    while not study.is_over:
        while len(running) < n_slots and (run := study.next_run()) is not None:
            study.started(run)
            running.append(run)
        train(running.pop(rng.randrange(len(running))))
        if crash_after is not None and len(study.ledger.entries) >= crash_after:
            study.ledger.close()
            return False
    study.ledger.close()
    return True


def opened(session: int = 1) -> Opened:
    return Opened(session=session, host="here", pid=1, slots=2, versions={}, cpu="a cpu")


def finished(run: Run, value: float) -> Ended:
    """An ending as training would report it."""
    return Ended(
        trial=run.trial,
        fold=run.fold,
        attempt=run.attempt,
        state="finished",
        value=value,
        metrics={"val_loss": value},
        best_epoch=1,
        epochs=1,
        weights=f"trials/{run.trial}/fold-{run.fold}/attempt-{run.attempt}/best-00001-0.pt",
        weights_sha256="0",
        seconds=0.1,
    )


def failed(run: Run, failure: str = "error", message: str = "ValueError: no") -> Ended:
    return Ended(
        trial=run.trial,
        fold=run.fold,
        attempt=run.attempt,
        state="failed",
        value=None,
        metrics={},
        best_epoch=None,
        epochs=0,
        weights="",
        weights_sha256="",
        seconds=0.1,
        failure=failure,
        message=message,
    )


def surroundings(folder: Path) -> dict[str, str]:
    """Environment of a process that keeps MLflow's records in ``folder``."""
    return {**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db"}


def start(
    folder: Path, *arguments: str, program: Sequence[str] = PROGRAM, **options: Any
) -> subprocess.Popen[str]:
    """Start one command as a process of its own, in ``folder``; as ``MIRRORED`` it feeds MLflow, too."""
    return subprocess.Popen(
        [sys.executable, *program, *arguments],
        **{
            "cwd": folder,
            "text": True,
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.STDOUT,
            "env": surroundings(folder),
            **options,
        },
    )


def essence(folder: Path) -> list[Any]:
    """What two studies must have alike to be the same: history, number of commits, weights of all runs."""
    history = History(read_entries(folder))
    endings = [run.ended for trial in history.trials for run in trial.runs]
    return [history.hash, history.n_committed, [ended and ended.weights_sha256 for ended in endings]]
