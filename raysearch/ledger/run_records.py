"""Records of runs, of what a trial comes to by them, and of the test of its model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from raysearch.ledger.record import Record

RunState = Literal["finished", "pruned", "refused", "failed"]


@dataclass(frozen=True, kw_only=True)
class Started(Record):
    """An attempt at a run was handed out.

    ``workers`` carry it out, where their number may change (``resources.min_workers``).
    """

    kind: ClassVar[str] = "started"
    trial: int
    fold: int
    attempt: int
    workers: int | None = None


@dataclass(frozen=True, kw_only=True)
class Epoch(Record):
    """A run finished an epoch (counted from 1); metrics are those that are finite.

    ``timings`` tell where the time of its steps went, on the first worker: ``steps``, their seconds
    (``steps_s``), of these ``waiting_s`` for other workers and ``averaging_s`` of gradients, and ``spread``,
    the standard deviation of a step's computing over its mean. Empty in ledgers of version 0.1.0.
    """

    kind: ClassVar[str] = "epoch"
    trial: int
    fold: int
    attempt: int
    epoch: int
    seconds: float
    metrics: dict[str, float]
    timings: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Ended(Record):
    """A run is over.

    Attributes:
        state: ``finished``; ``pruned``, for it was too far behind; ``refused``, for its model is over a
            limit, and was not trained; or ``failed``.
        value: the objective at the best epoch; None when failed or refused.
        metrics: all validation metrics at the best epoch that are finite.
        best_epoch: the epoch whose weights are kept; None when failed.
        epochs: epochs trained.
        weights: path of the best epoch's checkpoint inside the study's folder, empty when failed.
        weights_sha256: over names, shapes and bytes of the best epoch's weights.
        failure: empty, or why it did not finish: ``nonfinite``, ``error``, ``lost``, ``limit``, ``time``
            (over ``budget.run_time``), ``hung``, ``oom`` (out of memory).
        message: one line about that, for the user; of a run that finished, what was left out on the way.
        facts: counted from the real model and run: ``parameters``, ``mflop``, ``device`` and so on.
    """

    kind: ClassVar[str] = "ended"
    trial: int
    fold: int
    attempt: int
    state: RunState
    value: float | None
    metrics: dict[str, float]
    best_epoch: int | None
    epochs: int
    weights: str
    weights_sha256: str
    seconds: float
    failure: str = ""
    message: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Lost(Record):
    """An attempt vanished without a result (its process was killed); the run is to do again.

    Attributes:
        reason: what was heard of it.
        to_blame: whether it may have been the run's own fault; after three such losses it has failed.
    """

    kind: ClassVar[str] = "lost"
    trial: int
    fold: int
    attempt: int
    reason: str
    to_blame: bool = True


@dataclass(frozen=True, kw_only=True)
class Committed(Record):
    """A trial's result is final and was told to the search.

    Attributes:
        value: the objective's mean over the folds; of a pruned trial over those that were looked at.
        others: the means of the further objectives.
        folds: how many folds were looked at; what later ones say, if they were run at all, is not known here.
    """

    kind: ClassVar[str] = "committed"
    trial: int
    state: RunState
    value: float | None
    folds: int = 1
    others: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Tested(Record):
    """The model of one fold of the best trial was applied to the test set.

    Attributes:
        trial, fold: the run whose model it is.
        metrics: test metrics.
        predictions: file with labels and scores, inside the study's folder.
        predictions_sha256: of that file.
        n_test: jets (events, showers) in the test set.
        message: which metrics are left out, as they are no finite numbers, or empty.
        latency: of inference as measured then: ``ms`` (median of repeats) for a ``batch``, ``device``,
            ``threads``.
    """

    kind: ClassVar[str] = "tested"
    trial: int
    metrics: dict[str, float]
    predictions: str
    predictions_sha256: str
    n_test: int
    fold: int = 0
    latency: dict[str, Any] = field(default_factory=dict)
    message: str = ""
