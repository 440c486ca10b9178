"""Where in a run a step stands, what it learns from, and what its losses come to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from raysearch.data.tensors import Batch


@dataclass(frozen=True)
class Place:
    """Which batch of a run it is, and how much of it this worker has.

    Attributes:
        epoch, batch_number: counted from 1.
        n_batches: of the epoch.
        n_rows: of the batch, over all workers that share it.
        n_mine: of those, this worker's.
        n_sharing: how many workers do.
    """

    epoch: int
    batch_number: int
    n_batches: int
    n_rows: int
    n_mine: int
    n_sharing: int = 1


@dataclass(frozen=True)
class Part:
    """Rows of a batch, whose gradients are added to those of its other parts.

    Attributes:
        batch: gives them, when it is their turn.
        n_rows: how many they are.
    """

    batch: Callable[[], Batch]
    n_rows: int


@dataclass
class Noted:
    """A loss over the batches of an epoch, and over the parts of the batch that is not yet over."""

    total: float = 0.0
    n_rows: int = 0
    of_batch: float = 0.0
