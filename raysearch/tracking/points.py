"""Metrics as MLflow takes them, and what several folds' metrics come to."""

from __future__ import annotations

import math
import re
from typing import Any, NamedTuple

from raysearch.ledger.over_folds import mean_and_sd
from raysearch.ledger.trial_history import TrialHistory


class Point(NamedTuple):
    """One value of a metric; ``(key, step, time_ms, value)`` is its identity in MLflow."""

    key: str
    value: float
    time_ms: int
    step: int


def points_of(metrics: dict[str, Any], time_ms: int, step: int) -> list[Point]:
    """Points of the finite metrics: MLflow would turn an infinity into 1.8e308 without a word."""
    return [
        Point(as_name(key), float(value), time_ms, step)
        for key, value in metrics.items()
        if math.isfinite(value)
    ]


def over_folds(trial: TrialHistory, time_ms: int) -> list[Point]:
    """Mean and sample standard deviation of value and best metrics, over the folds of a finished trial."""
    scored = [
        {"value": run.ended.value, **{f"best/{name}": number for name, number in run.ended.metrics.items()}}
        for run in trial.runs
        if run.ended and run.ended.value is not None
    ]
    if trial.state == "pruned" and trial.committed:
        return points_of({"value": trial.committed.value}, time_ms, 0)  # what it had come to
    return points_of(mean_and_sd(scored), time_ms, 0) if len(scored) == len(trial.runs) else []


def split_facts(facts: dict[str, Any]) -> tuple[dict[str, float], dict[str, str]]:
    """Split facts into those to plot (numbers) and those to read."""
    numbers = {
        f"facts/{name}": float(value)
        for name, value in facts.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
    return numbers, {name: str(value) for name, value in facts.items() if f"facts/{name}" not in numbers}


def as_name(key: str) -> str:
    """Replace what MLflow does not take in names."""
    return re.sub(r"[^\w\-. /:]", "_", key)[:250]  # 250 letters are its limit
