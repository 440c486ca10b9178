"""Runs of the toy GAN and of tasks made from it."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Any

from toy import TOY_TASK

from raysearch.data.source import DataSource
from raysearch.training.attempt import attempt_run
from raysearch.training.order import EpochReport, Order, Outcome
from raysearch.training.workers import OneWorker

TESTS = TOY_TASK.parent
sys.path.insert(0, str(TESTS))

SOURCE = DataSource(None, (0.6, 0.2, 0.2))


def order(folder: Path, *, task: str = f"{TESTS}/toy_gan.py:ToyGan", **changes: Any) -> Order:
    settings = changes.pop("settings", {})
    made = Order(
        task=task,
        study_folder=str(folder),
        trial=0,
        fold=0,
        attempt=1,
        settings=settings,
        seed=5,
        source=SOURCE,
        epochs=4,
    )
    return dataclasses.replace(made, **changes)


def run(what: Order) -> tuple[Outcome, list[EpochReport]]:
    reports: list[EpochReport] = []
    outcome = attempt_run(what, OneWorker(), reports.append)
    assert outcome.state == "finished", outcome.message
    return outcome, reports


def metrics_of(reports: list[EpochReport]) -> list[dict[str, float]]:
    return [report.metrics for report in reports]


def own_task(folder: Path, body: str) -> str:
    """A user's file with a class ``Mine``, which may begin from the toys."""
    folder.mkdir(exist_ok=True)
    path = folder / "mine.py"
    path.write_text(
        f"import sys; sys.path.insert(0, {str(TESTS)!r})\nimport torch\nfrom torch import nn\n"
        f"from toy_gan import ToyGan, ToyGanSettings\nfrom toy_task import Toy\n\n{body}"
    )
    return f"{path}:Mine"
