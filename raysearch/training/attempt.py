"""The border of a run: whatever happens inside becomes an outcome that can be written down."""

from __future__ import annotations

import time
import traceback
from typing import Any, Literal

import torch

from raysearch.errors import StorageError
from raysearch.tasks import load_task
from raysearch.training.by_evolution import Evaluator
from raysearch.training.descent import NonFiniteError
from raysearch.training.loop import RefusedError, Trainer
from raysearch.training.lost import LostError
from raysearch.training.memory import MemoryLimit, give_back, is_out_of_memory
from raysearch.training.order import EpochReport, Order, Outcome, Report
from raysearch.training.workers import Workers

MESSAGE_LINES = 30


class _NotHeardError(BaseException):
    """Carries what ``report`` raised past the handlers of the task's own exceptions."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


def attempt_run(
    order: Order, workers: Workers, report: Report, evaluator: Evaluator | None = None
) -> Outcome:
    """Carry out one attempt at a run; an exception of the task is a failed run, not a crash.

    Args:
        order: the attempt.
        workers: the run's data-parallel workers, this one among them.
        report: called after each epoch.
        evaluator: tells the losses of candidates if weights are evolved; by default in this process.

    Raises:
        StorageError: the disk is full or failed, which is no fault of the settings; or, as a ChangedError,
            data or code are not those that the study began with.
        LostError: nor is that.
        Exception: whatever ``report`` raises, which is none either.
    """
    # The number of threads decides the order of sums and with it bits: it is the order's, not the machine's.
    threads_before = torch.get_num_threads()
    torch.set_num_threads(order.threads)
    torch.set_flush_denormal(True)  # gradients below 1e-38 are 0 for any purpose, and slow products many-fold
    started = time.monotonic()
    reports: list[EpochReport] = []
    limit = MemoryLimit(order.memory, workers.device)

    def remember(epoch: EpochReport) -> None:
        reports.append(epoch)
        try:
            with limit.lifted():  # a record that finds no room would end the study and not the run
                report(epoch)
        except Exception as error:
            raise _NotHeardError(error) from error

    facts: dict[str, Any] = {"device": str(workers.device)}
    state: Literal["failed", "refused"] = "failed"
    try:
        with limit.held():
            return Trainer(load_task(order.reference), order, workers, remember, evaluator).run()
    # Only what the task raises fails a trial; a report that cannot be written is no fault of its own.
    except _NotHeardError as not_heard:
        raise not_heard.error from None
    except (StorageError, LostError):
        raise
    except RefusedError as error:
        state, failure, message, facts = "refused", "limit", str(error), error.facts
    except NonFiniteError as error:
        failure, message = "nonfinite", str(error)
    except Exception as error:  # noqa: BLE001 - the one place where any error of a task is caught, and kept
        failure, message = "error", "".join(traceback.format_exc().splitlines(keepends=True)[-MESSAGE_LINES:])
        if is_out_of_memory(error):
            line, facts["peak_mb"] = limit.told(error)
            failure, message = "oom", f"{message}{line}"
    finally:
        torch.set_flush_denormal(False)
        torch.set_num_threads(threads_before)  # in this process others compute, too: the search
    if failure == "oom":
        give_back()  # only here, where the error and with it the run's frames are gone
    return Outcome(
        state=state,
        value=None,
        metrics={},
        best_epoch=None,
        epochs=len(reports),
        weights="",
        weights_sha256="",
        seconds=time.monotonic() - started,
        failure=failure,
        message=message,
        facts=facts,
    )
