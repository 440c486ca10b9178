"""Studies to mirror: real records in a real ledger, made-up numbers."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from raysearch.ledger.asking_records import Asked
from raysearch.ledger.ledger import Ledger
from raysearch.ledger.mending_records import Retried
from raysearch.ledger.record import Record
from raysearch.ledger.run_records import Committed, Ended, Epoch, Lost, Started, Tested
from raysearch.ledger.study_records import Closed, Created, Opened

START_MS = 1_700_000_000_000


@dataclass(frozen=True, kw_only=True)
class Recipe:
    name: str = "jedinet-demo"
    n_trials: int = 3
    done: int = 3
    failed: tuple[int, ...] = ()
    pruned: tuple[int, ...] = ()
    refused: tuple[int, ...] = ()
    others: tuple[str, ...] = ()
    series: str = ""
    folds: int = 1
    repeats: bool = False  # the runs of a trial are repeats, not folds
    strategy: str | None = None
    epochs: int = 3
    n_metrics: int = 2
    task: str = "jedinet"
    closed: str = "finished"
    identity: str = "1d" * 32
    host: str = "node"
    pid: int = 1


class Clock:
    """Each group of records is 10 s later than the one before."""

    def __init__(self, start_ms: int = START_MS) -> None:
        self.now_ms = start_ms - 10_000

    def __call__(self) -> float:
        self.now_ms += 10_000
        return self.now_ms / 1000


def created(recipe: Recipe) -> Created:
    space_file = {
        "task": recipe.task,
        "strategy": recipe.strategy,
        "description": "Jets, small.",
        "demonstration_of": "jedinet-lhc.yaml",
        "space": {"hidden": {"type": "int", "low": 5, "high": 50}, "batch_size": 100},
        "search": {"sampler": "tpe", "trials": recipe.n_trials, "window": 2, "order": "fixed", "options": {}},
        "budget": {"epochs": recipe.epochs, "patience": None, "max_failed": 5}
        | ({"repeats": recipe.folds} if recipe.repeats else {}),
        "resources": {"cpus": 1, "gpus": 0, "workers": 1, "threads": 1},
        "seed": 7,
    }
    return Created(
        study=recipe.name, space_file=space_file, identity=recipe.identity, task_sha256="",
        objective="val_loss", maximise=False, window=2, folds=recipe.folds,
        data={"path": "jets", "files": {"jets.h5": "da7a" * 16}},
        settings=["hidden"], others=dict.fromkeys(recipe.others, False), series=recipe.series,
    )  # fmt: skip


def opened(session: int = 1, host: str = "node", pid: int = 1) -> Opened:
    versions = {"raysearch": "0.1.0"}
    return Opened(session=session, host=host, pid=pid, slots=2, versions=versions, cpu="a cpu")


def epoch(trial: int, fold: int, number: int, attempt: int = 1, n_metrics: int = 2) -> Epoch:
    metrics = {"val_loss": 1.0 / number + trial + fold / 10, "val_auc": 0.9}
    metrics |= {f"val_auc_{index}": 0.5 + number / 100 for index in range(n_metrics - 2)}
    return Epoch(trial=trial, fold=fold, attempt=attempt, epoch=number, seconds=0.5, metrics=metrics)


def run_end(recipe: Recipe, trial: int, fold: int, attempt: int = 1) -> Ended:
    shared: dict[str, Any] = {
        "trial": trial,
        "fold": fold,
        "attempt": attempt,
        "epochs": recipe.epochs,
        "seconds": 1.5,
    }
    if trial in recipe.failed:
        return Ended(
            **shared, state="failed", value=None, metrics={}, best_epoch=None, weights="", weights_sha256="",
            failure="nonfinite", message="the loss is nan in epoch 3",
        )  # fmt: skip
    if trial in recipe.refused:
        return Ended(
            **shared | {"epochs": 0}, state="refused", value=None, metrics={}, best_epoch=None, weights="",
            weights_sha256="", failure="limit", message="parameters: 8,329, the limit is 5,000",
        )  # fmt: skip
    last = epoch(trial, fold, recipe.epochs, n_metrics=recipe.n_metrics)
    return Ended(
        **shared, state="pruned" if trial in recipe.pruned else "finished",
        value=last.metrics["val_loss"], metrics=last.metrics, best_epoch=recipe.epochs,
        weights="w.pt", weights_sha256="0" * 64,
        facts={"parameters": 8329 - trial, "mflop": 1.0 + trial, "device": "cpu"},
    )  # fmt: skip


def trial_groups(recipe: Recipe, trial: int) -> Iterator[list[Record]]:
    yield [Asked(trial=trial, settings={"hidden": 5 + trial})]
    values = []
    for fold in range(recipe.folds):
        yield [Started(trial=trial, fold=fold, attempt=1)]
        for number in range(1, recipe.epochs + 1 if trial not in recipe.refused else 0):
            yield [epoch(trial, fold, number, n_metrics=recipe.n_metrics)]
        end = run_end(recipe, trial, fold)
        values.append(end.value)
        yield [end]
        if end.state in {"pruned", "refused"}:
            break  # the other folds are left out
    if end.value is None:
        yield [Committed(trial=trial, state=end.state, value=None)]
    else:
        others = {name: float(end.facts[name]) for name in recipe.others if end.state == "finished"}
        mean = sum(values) / len(values)  # type: ignore[arg-type]
        yield [Committed(trial=trial, state=end.state, value=mean, others=others)]


def groups(recipe: Recipe) -> Iterator[list[Record]]:
    yield [created(recipe), opened(host=recipe.host, pid=recipe.pid)]
    for trial in range(recipe.done):
        yield from trial_groups(recipe, trial)
    if recipe.done == recipe.n_trials:
        for fold in range(recipe.folds):
            metrics = {"test_auc": 0.93 + fold / 100}
            yield [
                Tested(
                    trial=0,
                    fold=fold,
                    metrics=metrics,
                    predictions="p.npz",
                    predictions_sha256="0" * 64,
                    n_test=9,
                )
            ]
    if recipe.closed:
        yield [Closed(reason=recipe.closed)]


def write_study(folder: Path, recipe: Recipe | None = None, *, start_ms: int = START_MS) -> Path:
    recipe = recipe or Recipe()
    with Ledger(folder, create=True, clock=Clock(start_ms)) as ledger:
        for group in groups(recipe):
            ledger.append(group)
    (folder / "space.yaml").write_text("task: jedinet\n")
    (folder / "best").mkdir()
    (folder / "best" / "model.pt").write_bytes(b"weights")
    (folder / "best" / "model.json").write_text(json.dumps({"hidden": 5}))
    (folder / "report").mkdir()
    (folder / "report" / "report.md").write_text("# Report\n")
    return folder


def write_series(folder: Path, members: dict[str, Recipe]) -> list[Path]:
    """Write a series of studies; the first one begins first."""
    folder.mkdir()
    (folder / "series.yaml").write_text(yaml.safe_dump({"members": {name: {} for name in members}}))
    return [
        write_study(
            folder / name,
            replace(recipe, name=f"{folder.name}/{name}", series=folder.name, identity=f"{place:064d}"),
            start_ms=START_MS + 10_000_000 * place,
        )
        for place, (name, recipe) in enumerate(members.items())
    ]


def interrupted(folder: Path) -> Path:
    """Trial 0 done; trial 1 killed after two epochs of attempt 1; trial 2 asked and waiting."""
    recipe = Recipe(n_trials=4, done=1, closed="")
    with Ledger(folder, create=True, clock=Clock()) as ledger:
        for group in groups(recipe):
            ledger.append(group)
        ledger.append([Asked(trial=1, settings={"hidden": 6}), Asked(trial=2, settings={"hidden": 7})])
        ledger.append([Started(trial=1, fold=0, attempt=1)])
        ledger.append([epoch(1, 0, 1)])
        ledger.append([epoch(1, 0, 2)])
    return folder


def resume(folder: Path) -> None:
    """Carry :func:`interrupted` on, in a second session, to its end."""
    recipe = Recipe(n_trials=4, done=4)
    with Ledger(folder, clock=Clock(START_MS + 3_600_000)) as ledger:
        ledger.append([opened(session=2), Lost(trial=1, fold=0, attempt=1, reason="its process was killed")])
        ledger.append([Started(trial=1, fold=0, attempt=2)])
        ledger.append([epoch(1, 0, 2, attempt=2)])  # trained again, the same bits: known already
        ledger.append([epoch(1, 0, 3, attempt=2)])
        ledger.append([run_end(recipe, 1, 0, attempt=2), Committed(trial=1, state="finished", value=4 / 3)])
        for trial in (2, 3):
            for group in trial_groups(recipe, trial):
                if not (trial == 2 and isinstance(group[0], Asked)):
                    ledger.append(group)
        ledger.append([Closed(reason="finished")])


def out_of_order(folder: Path) -> list[list[Record]]:
    """Begin a study of four trials that are asked at once; return groups to come, committed as 3, 1, 0, 1, 2.

    Trial 1 fails, as memory ran out in its last epoch, and is tried again in a second session.
    """
    recipe = Recipe(n_trials=4, done=4, epochs=5)
    with Ledger(folder, create=True, clock=Clock()) as ledger:
        ledger.append([created(recipe), opened()])
        ledger.append([Asked(trial=trial, settings={"hidden": 5 + trial}) for trial in range(4)])
    of_trials = [list(trial_groups(recipe, trial))[1:] for trial in range(4)]
    failed = replace(run_end(replace(recipe, failed=(1,)), 1, 0), failure="oom", facts={"peak_mb": 900})
    ended = replace(run_end(recipe, 1, 0, attempt=2), best_epoch=2, facts={"peak_mb": 500})
    again: list[list[Record]] = [
        [opened(session=2), Retried(trials=[1])],
        [Started(trial=1, fold=0, attempt=2)],
        [ended, Committed(trial=1, state="finished", value=ended.value)],
    ]
    once = [*of_trials[1][:-2], [failed, Committed(trial=1, state="failed", value=None)]]
    return [*of_trials[3], *once, *of_trials[0], *again, *of_trials[2], [Closed(reason="finished")]]


def n_runs(database: Path) -> int:
    """How many runs are there, 0 before MLflow has made its tables."""
    try:
        return sum(contents(database)["runs"].values())
    except sqlite3.OperationalError:
        return 0


def contents(database: Path) -> dict[str, Counter[tuple[Any, ...]]]:
    """Everything active in the database, by our keys instead of MLflow's random ids."""
    with sqlite3.connect(database) as connection:
        keys = dict(
            connection.execute(
                "select t.run_uuid, t.value from tags t join runs r on r.run_uuid = t.run_uuid "
                "where t.key = 'raysearch.key' and r.lifecycle_stage = 'active'"
            )
        )
        tables = {
            "runs": "select run_uuid, name, status, start_time, end_time from runs",
            "params": "select run_uuid, key, value from params",
            "metrics": "select run_uuid, key, value, timestamp, step from metrics",
            "tags": "select run_uuid, key, value from tags where key != 'raysearch.artifacts'",
        }
        return {
            name: Counter(
                (keys[row[0]], *(keys.get(cell, cell) for cell in row[1:]))
                for row in connection.execute(query)
                if row[0] in keys
            )
            for name, query in tables.items()
        }
