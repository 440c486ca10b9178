"""What is handed to whoever trains, and what comes back: plain values that travel between processes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from raysearch.data.source import DataSource
from raysearch.training.precision import FLOAT32


@dataclass(frozen=True)
class Order:
    """One attempt at a run.

    Attributes:
        task: name of a task or ``path/to/my_task.py:MyTask``.
        study_folder: the study's folder, seen by every worker.
        trial, fold, attempt: which run, and which attempt at it.
        settings: the task's settings, searched and held, complete.
        seed: every random number of the run comes from it.
        source: the data; for a fold, that fold's.
        epochs: at most so many.
        objective: the validation metric that chooses the best epoch.
        maximise: whether more of it is better.
        others: further objectives: validation metrics, which must be finite too, or what is counted from the
            model.
        limits: the most ``parameters`` and ``mflop`` a model may have; a larger one is refused.
        cuts: by epoch, the loss that the best so far must not be above, or None; empty if nothing is pruned.
        shares: by epoch, the share of the training data to train on; empty for all of them.
        shuffle: ``full``, or ``chunks`` to read near rows together.
        patience: see :class:`raysearch.training.early_stopping.EarlyStopping`; None trains to the end.
        threads: of each worker.
        workers: data-parallel workers; of a run that evolves its weights, processes that evaluate candidates.
        runs: how many runs the trial has.
        strategy: what evolves the weights, or None: they are trained by gradient.
        evolution: the strategy's settings, searched and held, complete.
        agreement: how the workers come to one model; None: by averaging gradients.
        exchange: the agreement's settings, searched and held, complete.
        large_batch: what makes large batches of small ones; what is not given has its default.
        precision: in which the model computes, see :mod:`raysearch.training.precision`.
        parent: checkpoint, inside the study's folder, of the run that this one goes on from, or empty.
        parent_sha256: of its weights.
        breeds: whether other runs may go on from this one, so that its best checkpoint keeps the learner's
            state.
        in_intervals: whether a run that has a parent is that one's training going on, with its schedules of
            learning rates, and not a training of its own.
        files: the data files' SHA-256 by name, as the study began with them; empty: they are not compared.
        inspected: settings at which the task told of its files then; empty for the run's own.
        code: of a user's own task, the folder of the copy to run, inside the study's folder; empty: the task
            as it is.
        environment: variables that the run sees beside the ones every run does.
        memory: bytes that each process of the run may take beside what it had before; None for no limit.
    """

    task: str
    study_folder: str
    trial: int
    fold: int
    attempt: int
    settings: dict[str, Any]
    seed: int
    source: DataSource
    epochs: int
    objective: str = "val_loss"
    maximise: bool = False
    others: tuple[str, ...] = ()
    limits: Mapping[str, float] = field(default_factory=dict)
    cuts: tuple[float | None, ...] = ()
    shares: tuple[float, ...] = ()
    shuffle: Literal["full", "chunks"] = "full"
    patience: int | None = None
    threads: int = 1
    workers: int = 1
    runs: int = 1
    strategy: str | None = None
    evolution: dict[str, Any] = field(default_factory=dict)
    agreement: str | None = None
    exchange: dict[str, Any] = field(default_factory=dict)
    large_batch: dict[str, Any] = field(default_factory=dict)
    precision: str = FLOAT32
    parent: str = ""
    parent_sha256: str = ""
    breeds: bool = False
    in_intervals: bool = False
    environment: tuple[str, ...] = ()
    files: dict[str, str] = field(default_factory=dict)
    inspected: dict[str, Any] = field(default_factory=dict)
    code: str = ""
    memory: int | None = None

    @property
    def reference(self) -> str:
        """Of the task to load: the study's own copy of a user's, if it keeps one."""
        path, _, name = self.task.rpartition(":")
        return f"{Path(self.study_folder, self.code, Path(path).name)}:{name}" if self.code else self.task

    @property
    def run_folder(self) -> Path:
        """Where this run's checkpoints lie, a folder for each attempt."""
        return Path(self.study_folder) / "trials" / str(self.trial) / f"fold-{self.fold}"

    def to_plain(self) -> dict[str, Any]:
        """Plain values, for Ray."""
        return asdict(self)

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> Order:
        """Read :meth:`to_plain` back."""
        # JSON knows no tuples.
        path, split = plain["source"]["path"], tuple(plain["source"]["split"])
        path = tuple(path) if isinstance(path, list) else path
        source = DataSource(**{**plain["source"], "path": path, "split": split})
        listed = {name: tuple(plain[name]) for name in ("others", "cuts", "shares", "environment")}
        return cls(**{**plain, **listed, "source": source})


@dataclass(frozen=True)
class EpochReport:
    """An epoch is over; ``epoch`` counts from 1, ``metrics`` are those that are finite.

    ``timings`` tell where the first worker's time of steps went, see
    :class:`raysearch.training.timing.StepTimes`; empty where nobody counted.
    """

    epoch: int
    seconds: float
    metrics: dict[str, float]
    timings: dict[str, float] = field(default_factory=dict)


Report = Callable[[EpochReport], None]


@dataclass(frozen=True)
class Outcome:
    """How a run ended; the fields of the ledger's ``ended`` record that training knows.

    ``message`` says why it failed or was refused or, of a run that did not, what was left out on the way.
    """

    state: Literal["finished", "pruned", "refused", "failed"]
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
