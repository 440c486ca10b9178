"""What runs inside a Tune actor: one attempt at a run. Apart from the executor, so that actors start fast."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from ray import tune

from raysearch.cluster.gpus import own_device
from raysearch.cluster.places import WorkerResources
from raysearch.cluster.run_processes import findable
from raysearch.errors import ChangedError, StorageError
from raysearch.launch.run_environment import confine
from raysearch.training.attempt import attempt_run
from raysearch.training.order import EpochReport, Order, Outcome
from raysearch.training.workers import OneWorker


class RetireActor(Exception):  # noqa: N818 - not an error, a way to have Tune replace the process
    """Raised after a failed run is reported, so that nothing of it reaches the next one."""


def attempt_in_actor(config: dict[str, Any], each: WorkerResources) -> None:
    """One attempt at a run, inside a Tune actor; several workers train beside it."""
    order = Order.from_plain(json.loads(config["order"]))
    confine(order.environment)
    try:
        with findable(order):
            outcome = _attempt(order, each)
    except StorageError as error:
        # Reported, not only raised: of an exception Tune passes on text, and counts it to the trial.
        event = "changed" if isinstance(error, ChangedError) else "storage"
        tune.report({"event": event, "message": str(error)})
        raise
    tune.report({"event": "ended", "outcome": json.dumps(asdict(outcome))})
    # A failed task may have left anything: open files, threads, a GPU's memory, changed global state.
    if outcome.state == "failed":
        raise RetireActor(outcome.failure)


def _attempt(order: Order, each: WorkerResources) -> Outcome:
    if order.workers > 1 and order.strategy:
        from raysearch.cluster.population import run_with_population  # noqa: PLC0415 - few runs need it

        return run_with_population(order, each, _tune_report)
    if order.workers > 1:
        from raysearch.cluster.worker_group import run_in_group  # noqa: PLC0415 - takes seconds

        return run_in_group(order, each, _tune_report, lambda: tune.report({"event": "begun"}))
    return attempt_run(order, OneWorker(own_device(each.gpus)), _tune_report)


def _tune_report(report: EpochReport) -> None:
    tune.report({"event": "epoch", "report": json.dumps(asdict(report))})
