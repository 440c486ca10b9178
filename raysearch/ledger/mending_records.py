"""Records of runs that are carried out again: their kept weights are gone, or they had failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from raysearch.ledger.record import Record


@dataclass(frozen=True, kw_only=True)
class WeightsLost(Record):
    """The kept weights of a run that is over are gone or damaged: it is to be carried out again.

    Nothing that is known of the run changes by it.
    """

    kind: ClassVar[str] = "weights lost"
    trial: int
    fold: int


@dataclass(frozen=True, kw_only=True)
class Redone(Record):
    """A run whose weights were lost was carried out again, to the very weights that the ledger has.

    Attributes:
        attempt: which came to them.
        weights: path of the new checkpoint inside the study's folder.
        weights_sha256: the same as in the run's ``ended``.
        seconds: that it took.
    """

    kind: ClassVar[str] = "redone"
    trial: int
    fold: int
    attempt: int
    weights: str
    weights_sha256: str
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Retried(Record):
    """The user has the failed runs of some committed trials tried again; each will be committed once more.

    Until then they count as they are; the search is told nothing new of them.
    """

    kind: ClassVar[str] = "retried"
    trials: list[int]
