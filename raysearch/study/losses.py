"""The record of a run that has failed without an outcome of its own: its process is gone, or was stopped."""

from __future__ import annotations

from raysearch.ledger.run_records import Ended
from raysearch.ledger.trial_history import RunHistory

MAX_LOST = 3  # a run that takes its machine's memory every time must not go on for ever


def failed_record(known: RunHistory, failure: str, message: str, seconds: float = 0.0) -> Ended:
    """Write down that the newest attempt at a run is its last.

    Args:
        known: the run.
        failure: its kind, see :class:`raysearch.ledger.run_records.Ended`.
        message: for the user; the last line says it all.
        seconds: that the attempt took, as far as it is known.
    """
    return Ended(
        trial=known.trial,
        fold=known.fold,
        attempt=known.attempt,
        state="failed",
        value=None,
        metrics={},
        best_epoch=None,
        epochs=len(known.epochs),
        weights="",
        weights_sha256="",
        seconds=seconds,
        failure=failure,
        message=message,
    )


def given_up_record(known: RunHistory, failure: str, reason: str, stack: str) -> Ended:
    """Write down that a run was lost once too often.

    Args:
        known: the run.
        failure: what it has failed of.
        reason: what was heard of its last attempt, in one line.
        stack: where in Python that was, or empty.
    """
    times = f"its process was lost {known.lost} times, last: " if failure == "lost" else ""
    return failed_record(known, failure, "\n".join(part for part in (stack, times + reason) if part))
