"""Studies whose runs get into trouble, for tests and campaigns: in this process or on an open Ray."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from raysearch.launch.begin import create_study
from raysearch.launch.carry_out import carry_out
from raysearch.launch.executor import Executor
from raysearch.launch.prepare import prepare
from raysearch.launch.request import NO_WISH, Wish
from raysearch.ledger.entries import Entry
from raysearch.ledger.history import History
from raysearch.ledger.ledger import Ledger
from raysearch.space.space_file import SpaceFile

TASK = Path(__file__).parent / "troubled_task.py"


def troubled_space(
    troubles: str,
    trials: int,
    *,
    budget: dict[str, Any] | None = None,
    resources: dict[str, Any] | None = None,
    **held: Any,
) -> SpaceFile:
    """A grid of so many trials, which ``troubles`` befall in turn, see ``troubled_task.py``."""
    return SpaceFile.model_validate(
        {
            "task": f"{TASK}:Troubled",
            "space": {
                "place": {"type": "int", "low": 0, "high": trials - 1},
                "troubles": troubles,
                **held,
            },
            "search": {"sampler": "grid", "trials": trials, "window": 4},
            "budget": {"epochs": 3, **(budget or {})},
            "resources": resources or {},
            "seed": 1,
        }
    )


def carry(
    space_file: SpaceFile,
    folder: Path,
    executor: Executor,
    listen: Callable[[Entry, History], None] = lambda *_: None,
    wish: Wish = NO_WISH,
) -> History:
    """Begin a study in a folder, or go on with it."""
    if folder.exists():
        ledger = Ledger(folder)
    else:
        ledger = create_study(prepare(space_file, folder.parent), folder, executor.slots)
    with ledger:
        return carry_out(ledger, executor, listen, lambda _: None, wish)


def failures(history: History) -> list[str]:
    """What each trial has failed of, or its state."""
    return [trial.failure.partition(":")[0] or trial.state for trial in history.trials]
