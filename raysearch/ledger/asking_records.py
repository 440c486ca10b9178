"""Records of what the search proposed: trials, points that may not be run, and why it proposes no more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from raysearch.ledger.record import Record

Cause = Literal["settings", "limit", "repeat"]


@dataclass(frozen=True, kw_only=True)
class Asked(Record):
    """The search proposed the searched ``settings`` of a trial.

    Attributes:
        n_committed_when_asked: trials that were committed by then, ``known`` in the file. Whatever is decided
            about this trial while it runs (to prune it) is decided from those alone, so that it does not
            depend on who finishes first.
        given: whether the user chose the settings (``search.enqueue``), and not the search.
        parent: the trial whose weights its runs begin from, each fold from the parent's; None to begin anew.
        drawn: 0 for the search's own proposal; else the search had come to nothing that may be run, and the
            settings are number ``drawn`` of those drawn at random in its place.
    """

    kind: ClassVar[str] = "asked"
    on_disk: ClassVar[Mapping[str, str]] = {"n_committed_when_asked": "known"}
    trial: int
    settings: dict[str, Any]
    n_committed_when_asked: int = 0
    given: bool = False
    parent: int | None = None
    drawn: int = 0


@dataclass(frozen=True, kw_only=True)
class Redrawn(Record):
    """What the search proposed for a trial was turned down before it became one; it was asked again.

    Attributes:
        trial: the number that the trial will have.
        cause: ``settings``, for the task refuses them; ``limit``, for their model is over one; or ``repeat``,
            for an earlier trial has them.
        reason: one line about that, for the user.
    """

    kind: ClassVar[str] = "redrawn"
    trial: int
    settings: dict[str, Any]
    cause: Cause
    reason: str


@dataclass(frozen=True, kw_only=True)
class Exhausted(Record):
    """No point is left that may be run: the trials asked by now are all that there will be.

    Attributes:
        wanted: how many there were to be.
        points: of the space; None if it has a continuum.
    """

    kind: ClassVar[str] = "exhausted"
    wanted: int
    points: int | None


@dataclass(frozen=True, kw_only=True)
class Reached(Record):
    """A trial's objective is that of real data against real data: those asked by now are all there will be.

    Attributes:
        trial: the first one.
        value: its objective, the mean over its runs.
        floor: what real data have against real data.
        error: what a single comparison scatters by, of the mean over the runs.
        wanted: how many trials there were to be.
    """

    kind: ClassVar[str] = "reached"
    trial: int
    value: float
    floor: float
    error: float
    wanted: int
