"""What MLflow should show of a study: a pure function of its ledger. Knows nothing of MLflow's client.

One run for the study, one per trial below it and, with several folds, one per fold below that. Times
are those of the records, so that the same ledger gives the same runs whenever it is read.
"""

from __future__ import annotations

import hashlib
import math
import re
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from raysearch.ledger.history import History, RunHistory, TrialHistory
from raysearch.ledger.records import Committed, Entry, Epoch, Lost

KEY = "raysearch.key"
STUDY = "raysearch.study"
_STATUS = {"finished": "FINISHED", "failed": "FAILED", "gave up": "FAILED"}


class Point(NamedTuple):
    """One value of a metric; ``(key, step, time_ms, value)`` is its identity in MLflow."""

    key: str
    value: float
    time_ms: int
    step: int


@dataclass(frozen=True, kw_only=True)
class RunView:
    """One MLflow run as it should be; ``end_ms`` is None while it goes on."""

    key: str
    parent: str | None
    name: str
    status: str
    start_ms: int
    end_ms: int | None
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    points: list[Point] = field(default_factory=list)


def experiment_name(history: History) -> str:
    """Name of the study's task; of a user's task file the class."""
    return str(history.created.space_file["task"]).rpartition(":")[2]


def study_key(history: History) -> str:
    """Tell studies apart, also two of the same name: name, identity and the first record's time."""
    return f"{history.created.study}/{history.created.identity[:16]}/{history.first_ms}"


def views(entries: Sequence[Entry], *, is_held: bool) -> list[RunView]:
    """Return the study's run and after it each trial's and fold's, parents first.

    Args:
        entries: the ledger.
        is_held: whether a process holds the study; if none does, what has not ended never will.
    """
    study = _Study(entries, is_held=is_held)
    return [study.view(), *(view for trial in study.history.trials for view in study.trial_views(trial))]


class _Study:
    def __init__(self, entries: Sequence[Entry], *, is_held: bool) -> None:
        self.history = History(entries)
        self.key = study_key(self.history)
        self.goes_on = is_held and self.history.closed is None
        self.time_ms: dict[tuple[Any, ...], int] = {}  # of records whose time the history does not keep
        for entry in entries:
            if isinstance(entry.record, Committed):
                self.time_ms["committed", entry.record.trial] = entry.time_ms
            elif isinstance(entry.record, Epoch):
                self.time_ms.setdefault(
                    (entry.record.trial, entry.record.fold, entry.record.epoch), entry.time_ms
                )
        self.lost = [entry.record for entry in entries if isinstance(entry.record, Lost)]
        self.settings = _settings(self.history)
        self.common = _common_tags(self.history, self.key)

    def view(self) -> RunView:
        history = self.history
        closed = history.closed.reason if history.closed else "left"
        search, budget = history.created.space_file["search"], history.created.space_file["budget"]
        about = {
            "objective": history.created.objective,
            "folds": history.created.folds,
            "sampler": search["sampler"],
        }
        params = {**self.settings, **about, **{f"budget.{name}": value for name, value in budget.items()}}
        return RunView(
            key=self.key,
            parent=None,
            name=history.created.study,
            status="RUNNING" if self.goes_on else _STATUS.get(closed, "KILLED"),
            start_ms=history.first_ms,
            end_ms=None if self.goes_on else history.last_ms,
            params=_texts(params),
            tags={**self.common, KEY: self.key, **_texts(self._progress(closed))},
            points=list(self._study_points()),
        )

    def _progress(self, closed: str) -> dict[str, Any]:
        history, best = self.history, self.history.best
        finished = history.n_committed - history.n_failed
        tags: dict[str, Any] = {
            "mlflow.note.content": _note(history),
            "trials": f"{finished} finished, {history.n_failed} failed of {history.n_trials}",
            "ended": "no" if self.goes_on else closed,
            "sessions": len(history.sessions),
        }
        if best and best.committed:
            tags |= {"best_trial": best.number, "best_value": best.committed.value}
            tags |= {f"best.{name}": value for name, value in best.settings.items()}
        return tags

    def _study_points(self) -> Iterator[Point]:
        best: float | None = None
        for trial in self.history.committed:
            assert trial.committed is not None
            value = trial.committed.value
            if value is not None and (best is None or self.history.is_better(value, best)):
                best = value
            if best is not None:
                yield Point("best_value", best, self.time_ms["committed", trial.number], trial.number)
        for step, (tested, time_ms) in enumerate(self.history.tests):
            yield from _points(tested.metrics, time_ms, step)

    def trial_views(self, trial: TrialHistory) -> Iterator[RunView]:
        """What waits is not shown: MLflow takes a run's start once, when it makes the run."""
        started = {run.fold: run.started_ms for run in trial.runs if run.started_ms is not None}
        if not started:
            return
        key = f"{self.key}/{trial.number}"
        shared = {**self.common, "trial": str(trial.number)}
        params = _texts(self.settings | trial.settings)
        if len(trial.runs) == 1:
            yield self._run_view(trial.runs[0], key, self.key, shared, params)
            return
        ends = [run.ended_ms for run in trial.runs if run.ended_ms is not None]
        is_over = len(ends) == len(trial.runs)
        yield RunView(
            key=key,
            parent=self.key,
            name=f"trial {trial.number}",
            status=self._status(trial.state),
            start_ms=min(started.values()),
            end_ms=max(ends) if is_over else self._end_of_the_rest(),
            params=params,
            tags={**shared, KEY: key, **({"failure": trial.failure} if trial.failure else {})},
            points=_over_folds(trial, max(ends)) if is_over else [],
        )
        for fold in started:
            yield self._run_view(trial.runs[fold], f"{key}/{fold}", key, shared | {"fold": str(fold)}, params)

    def _run_view(
        self,
        run: RunHistory,
        key: str,
        parent: str,
        tags: dict[str, str],
        params: dict[str, str],
    ) -> RunView:
        own: dict[str, Any] = {KEY: key, "attempt": run.attempt}
        points = [
            point
            for number in sorted(run.epochs)
            for point in _points(
                run.epochs[number].metrics | {"epoch_seconds": run.epochs[number].seconds},
                self.time_ms[run.trial, run.fold, number],
                number,
            )
        ]
        lost = [record.reason for record in self.lost if (record.trial, record.fold) == (run.trial, run.fold)]
        if lost:
            own |= {"attempts_lost": "; ".join(lost)}
        if run.ended and run.ended_ms is not None:
            ended = run.ended
            numbers, texts = _facts(ended.facts)
            own |= texts | ({"failure": f"{ended.failure}: {ended.message}"} if ended.failure else {})
            value = (
                {}
                if ended.value is None
                else {"value": ended.value, "best_epoch": float(ended.best_epoch or 0)}
            )
            best = {f"best/{name}": number for name, number in ended.metrics.items()}
            points += _points(value | best | numbers, run.ended_ms, ended.best_epoch or ended.epochs)
        return RunView(
            key=key,
            parent=parent,
            name=f"trial {run.trial}" + (f" fold {run.fold}" if "fold" in tags else ""),
            status=self._status(run.ended.state if run.ended else "running"),
            start_ms=run.started_ms or 0,
            end_ms=run.ended_ms if run.ended else self._end_of_the_rest(),
            params=params,
            tags={**tags, **_texts(own)},
            points=points,
        )

    def _status(self, state: str) -> str:
        return _STATUS.get(state) or ("RUNNING" if self.goes_on else "KILLED")

    def _end_of_the_rest(self) -> int | None:
        return None if self.goes_on else self.history.last_ms


def _over_folds(trial: TrialHistory, time_ms: int) -> list[Point]:
    """Mean and, over two or more folds, sample standard deviation of the value and the best metrics."""
    scored = [
        {"value": run.ended.value, **{f"best/{name}": number for name, number in run.ended.metrics.items()}}
        for run in trial.runs
        if run.ended and run.ended.value is not None
    ]
    if len(scored) < len(trial.runs):
        return []
    numbers: dict[str, float] = {}
    for name in set.intersection(*(set(metrics) for metrics in scored)):
        numbers[name] = statistics.fmean(metrics[name] for metrics in scored)
        numbers[f"{name}_sd"] = statistics.stdev(metrics[name] for metrics in scored)
    return _points(dict(sorted(numbers.items())), time_ms, 0)


def _settings(history: History) -> dict[str, Any]:
    """Settings that the study fixes: the constants of its space."""
    space = history.created.space_file["space"]
    return {name: value for name, value in space.items() if name not in history.created.settings}


def _common_tags(history: History, key: str) -> dict[str, str]:
    """Tags that every run carries, for the MLflow page filters runs without their parents."""
    created = history.created
    tags: dict[str, Any] = {
        STUDY: key,
        "study": created.study,
        "seed": created.space_file["seed"],
        "identity": created.identity,
        "data_sha256": _data_sha256(created.data),
    }
    if created.task_sha256:
        tags["task_sha256"] = created.task_sha256
    if history.sessions:
        version = history.sessions[-1][0].versions.get("raysearch", "unknown")
        tags |= {"raysearch_version": version, "mlflow.source.name": f"raysearch {version}"}
    return _texts(tags)


def _data_sha256(data: dict[str, Any]) -> str:
    """Hash of the only data file or, of several, of their names and hashes."""
    files = data.get("files", {})
    if len(files) == 1:
        return str(next(iter(files.values())))
    return hashlib.sha256("".join(f"{name}:{files[name]}\n" for name in sorted(files)).encode()).hexdigest()


def _note(history: History) -> str:
    space_file = history.created.space_file
    note = str(space_file.get("description") or "")
    if physics := space_file.get("demonstration_of"):
        note += f"\n\nA demonstration: its figures are no physics results. For those see `{physics}`."
    return note.strip()


def _facts(facts: dict[str, Any]) -> tuple[dict[str, float], dict[str, str]]:
    """Split facts into those to plot (numbers) and those to read."""
    numbers = {
        f"facts/{name}": float(value)
        for name, value in facts.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
    return numbers, {name: str(value) for name, value in facts.items() if f"facts/{name}" not in numbers}


def _points(metrics: dict[str, Any], time_ms: int, step: int) -> list[Point]:
    """Points of the finite metrics: MLflow would turn an infinity into 1.8e308 without a word."""
    return [
        Point(_name(key), float(value), time_ms, step)
        for key, value in metrics.items()
        if math.isfinite(value)
    ]


def _texts(values: dict[str, Any]) -> dict[str, str]:
    return {_name(name): str(value)[:6000] for name, value in values.items()}  # MLflow's limit


def _name(key: str) -> str:
    """Replace what MLflow does not take in names."""
    return re.sub(r"[^\w\-. /:]", "_", key)[:250]
