"""What a goal of the campaign is, and what one of its studies came to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Result:
    """What some tries at a goal came to: those of one study, which are told together.

    Attributes:
        tries: faults that were made.
        survived: those after which everything was as if they had never been.
        lost: trials or results that were lost, or that came out otherwise.
        repeated: epochs that were trained again.
        seconds: what all of it took.
        late: tries that survived but took longer than the goal allows, which a slow machine may need.
        note: what else was measured, or what went wrong.
        goal: whose, if not that of the scenario that gave it.
    """

    tries: int
    survived: int
    lost: int
    repeated: float
    seconds: float
    note: str = ""
    goal: str = ""
    late: int = 0


@dataclass(frozen=True)
class Bench:
    """Where scenarios work: an empty folder for each, thrown away after it."""

    folder: Path


Scenario = Callable[[Bench, int, int], Iterator[Result]]


@dataclass(frozen=True)
class Goal:
    """One row of the table.

    Attributes:
        name: such as ``R1``.
        fault: what is done, and what must come of it.
        tries: of the whole campaign.
        short: of ``pytest -m faults``.
        scenario: carries tries ``first`` to ``first + n`` out and yields what they came to; each number gives
            the same faults whenever it is tried.
        missing: why this machine cannot try it, or empty.
    """

    name: str
    fault: str
    tries: int
    short: int
    scenario: Scenario
    missing: Callable[[], str] = field(default=lambda: "")


@dataclass(frozen=True)
class Proof:
    """A row whose proof is a test of ``pytest``: its place, and what it goes through."""

    name: str
    fault: str
    tests: tuple[str, ...]
    cases: str = ""


@dataclass(frozen=True)
class NotReached:
    """A row that is not tried, and why."""

    name: str
    fault: str
    why: str
