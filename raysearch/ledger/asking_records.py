"""Records of proposals that became no trials: points that may not be run, and a space that has no more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from raysearch.ledger.record import Record

Cause = Literal["settings", "limit", "repeat"]


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
