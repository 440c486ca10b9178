"""What is kept of a pruning: how it is done, one record for each round, and the weights of each."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from raysearch.after.magnitude import Masks, schedule
from raysearch.errors import FolderError, InputError, StorageError, StudyBusyError
from raysearch.files import lock, write_durably
from raysearch.training.checkpoint import weights_sha256

TABLE = "table.json"

Metrics = dict[str, float]


@dataclass(frozen=True)
class Recipe:
    """How to prune.

    Attributes:
        rounds: prunings.
        target: share of the weights that is dropped in the end.
        l1: strength of the penalty while retraining.
        epochs: of each retraining, at most.
        patience: of early stopping, or None.
        fold: whose model, of a trial with folds.
    """

    rounds: int
    target: float
    l1: float
    epochs: int
    patience: int | None
    fold: int = 0

    def __post_init__(self) -> None:
        problems: list[str] = []
        try:
            schedule(self.rounds, self.target)
        except InputError as error:
            problems += error.problems
        if not self.l1 >= 0:
            problems.append(f"--l1: needs at least 0, got {self.l1}")
        if self.epochs < 1:
            problems.append(f"--epochs: needs at least 1, got {self.epochs}")
        if problems:
            raise InputError(*problems)


@dataclass(frozen=True)
class Round:
    """One round; its weights lie in ``rounds/round-NUMBER.pt``.

    Attributes:
        number: from 0, which drops nothing.
        dropped: weights that are zero by now.
        weights: weights there are; biases and other vectors are none.
        parameters: weights and biases.
        nonzero_mflop: operations that are left, in 10^6 for one example.
        pruned: validation metrics before retraining.
        retrained: validation metrics of the best epoch of retraining.
        best_epoch, epochs: of the retraining.
        weights_sha256: of the retrained model.
    """

    number: int
    dropped: int
    weights: int
    parameters: int
    nonzero_mflop: float
    pruned: Metrics
    retrained: Metrics
    best_epoch: int
    epochs: int
    weights_sha256: str


@dataclass
class Table:
    """What is known of a pruning.

    Attributes:
        identity: all that decides its numbers.
        mflop: operations of the model that was found, counted densely.
        rounds: those that are done.
        first, last: test metrics of the found and the last model; empty until all rounds are done.
    """

    identity: dict[str, Any]
    mflop: float
    rounds: list[Round]
    first: Metrics
    last: Metrics

    @classmethod
    def read(cls, path: Path) -> Table:
        """Read a table.

        Raises:
            StorageError: it is damaged.
        """
        try:
            plain = json.loads(path.read_text(encoding="utf-8"))
            rounds = [Round(**one) for one in plain.pop("rounds")]
            return cls(rounds=rounds, **plain)
        except (ValueError, KeyError, TypeError) as error:
            raise StorageError(f"{path}: damaged: {error}") from error

    def write(self, path: Path) -> None:
        """Write it, whole or not at all."""
        write_durably(path, (json.dumps(asdict(self), indent=1) + "\n").encode())


def check_same(folder: Path, there: Mapping[str, Any], here: Mapping[str, Any]) -> None:
    """Check that what a folder holds is the pruning that is wanted.

    Raises:
        InputError: it is not; every difference is named.
    """
    differing = [name for name in here if there.get(name) != here[name]]
    if differing:
        raise InputError(
            f"{folder} holds another pruning; --force throws it away, --name NAME keeps both. It differs in:",
            *(f"  {name}: {there.get(name, 'absent')} there, {here[name]} here" for name in differing),
        )


def _round_path(folder: Path, number: int) -> Path:
    return folder / "rounds" / f"round-{number}.pt"


def write_round(folder: Path, done: Round, weights: Mapping[str, Tensor], masks: Masks) -> None:
    """Keep a round's weights and masks, durably."""
    buffer = io.BytesIO()
    torch.save({"model": dict(weights), "masks": masks}, buffer)
    write_durably(_round_path(folder, done.number), buffer.getvalue())


def read_round(folder: Path, done: Round) -> tuple[dict[str, Tensor], Masks]:
    """Read :func:`write_round` back.

    Raises:
        StorageError: gone, damaged, or another round's.
    """
    path = _round_path(folder, done.number)
    try:
        # Never by pickle: folders are passed on between people.
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise StorageError(f"{path}: gone or damaged: {error}") from error
    if weights_sha256(content["model"]) != done.weights_sha256:
        raise StorageError(f"{path}: does not hold the weights of round {done.number}")
    return content["model"], content["masks"]


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the folder.

    Raises:
        FolderError: it cannot be made.
        StudyBusyError: another process holds it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # The kernel gives the lock back when the process ends, however it ends.
        handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise FolderError(f"{folder}: cannot be written: {error.strerror}") from error
    try:
        lock(handle)
    except OSError as error:
        raise StudyBusyError(f"{folder}: another process prunes there") from error
    else:
        yield
    finally:
        os.close(handle)
