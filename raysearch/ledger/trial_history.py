"""What is known of a trial and of its runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from raysearch.ledger.run_records import Committed, Ended, Epoch, RunState

TrialState = Literal["waiting", "running"] | RunState


@dataclass
class RunHistory:
    """What is known of one run (a trial's fold)."""

    trial: int
    fold: int
    attempt: int = 0
    in_flight: bool = False
    epochs: dict[int, Epoch] = field(default_factory=dict)
    ended: Ended | None = None
    lost: int = 0
    started_ms: int | None = None
    ended_ms: int | None = None
    code: dict[str, str] = field(default_factory=dict)  # that its last attempt ran


@dataclass
class TrialHistory:
    """What is known of one trial.

    Attributes:
        committed: how it ended, the last time.
        told: how it ended the first time, which is all that the search and other trials know of it.
        is_open_again: its failed runs are tried again, and it is not committed again yet.
    """

    number: int
    settings: dict[str, Any]
    runs: list[RunHistory]
    n_committed_when_asked: int = 0
    given: bool = False
    parent: int | None = None
    drawn: int = 0
    committed: Committed | None = None
    told: Committed | None = None
    is_open_again: bool = False

    @property
    def was_retried(self) -> bool:
        """Whether others know of it something else than what it came to in the end."""
        return self.told is not self.committed

    @property
    def state(self) -> TrialState:
        """What was committed; before that, what the folds that are over say."""
        # A trial whose folds were pruned is committed before all of them have ended: the record decides.
        if self.committed and not self.is_open_again:
            return self.committed.state
        ended = [run.ended.state for run in self.runs if run.ended]
        if len(ended) == len(self.runs):
            return next((state for state in ended if state != "finished"), "finished")
        return "running" if any(run.attempt for run in self.runs) else "waiting"

    @property
    def is_over(self) -> bool:
        """Whether it is committed, or all its folds have ended."""
        return self.state not in {"waiting", "running"}

    @property
    def value(self) -> float | None:
        """Mean of the objective over the folds of a finished trial, else None."""
        values = [run.ended.value for run in self.runs if run.ended and run.ended.value is not None]
        return sum(values) / len(self.runs) if self.state == "finished" else None

    @property
    def failure(self) -> str:
        """Code and message of the first run that failed or was refused, or empty."""
        failed = [run.ended for run in self.runs if run.ended and run.ended.failure]
        return f"{failed[0].failure}: {failed[0].message}" if failed else ""

    def commit(self, record: Committed) -> None:
        """Take in how it ended; of one that was tried again others know what it came to the first time."""
        if not self.is_open_again:
            self.told = record
        self.committed, self.is_open_again = record, False

    def retry(self) -> None:
        """Open it again, and those of its runs that failed.

        Raises:
            ValueError: it was not committed.
        """
        if self.committed is None:
            raise ValueError("a trial that was not committed")
        self.is_open_again = True
        for run in self.runs:
            if run.ended is not None and run.ended.state == "failed":
                run.ended, run.ended_ms, run.lost = None, None, 0
