"""The border of a run: whatever happens inside becomes an outcome that can be written down."""

from __future__ import annotations

import time
import traceback

import torch

from raysearch.errors import StorageError
from raysearch.tasks import load_task
from raysearch.training.loop import NonFiniteError, Trainer
from raysearch.training.order import EpochReport, Order, Outcome, Report
from raysearch.training.workers import Workers

MESSAGE_LINES = 30


def attempt_run(order: Order, workers: Workers, report: Report) -> Outcome:
    """Carry out one attempt at a run; an exception of the task is a failed run, not a crash.

    Raises:
        StorageError: the disk is full or failed, which is no fault of the settings.
    """
    torch.set_num_threads(order.threads)
    started = time.monotonic()
    reports: list[EpochReport] = []

    def remember(epoch: EpochReport) -> None:
        reports.append(epoch)
        report(epoch)

    try:
        return Trainer(load_task(order.task), order, workers, remember).run()
    except StorageError:
        raise
    except NonFiniteError as error:
        failure, message = "nonfinite", str(error)
    except Exception:  # noqa: BLE001 - the one place where any error of a task is caught, and kept
        failure, message = "error", "".join(traceback.format_exc().splitlines(keepends=True)[-MESSAGE_LINES:])
    return Outcome(
        state="failed",
        value=None,
        metrics={},
        best_epoch=None,
        epochs=len(reports),
        weights="",
        weights_sha256="",
        seconds=time.monotonic() - started,
        failure=failure,
        message=message,
        facts={"device": str(workers.device)},
    )
