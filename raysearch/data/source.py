"""Where a study's data lie and how they are parted, as plain values that travel to the workers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from raysearch.data.jets.choices import EARLIER_SAMPLES

FoldBy = Literal["event", "file", "random"]


@dataclass(frozen=True)
class DataSource:
    """The data section of a space file, and which part of it a run trains on.

    With ``folds`` of two or more, training and validation part together are cut into that many folds; the
    run of fold j validates on fold j and trains on the others. The test part is the same for all.

    Attributes:
        path: file or folder; None for the sample that ships with the package. A tuple if the user named
            several, which only tasks that say so get (``Task.reads_several``).
        split: fractions of the events for training, validation and test.
        folds: how many folds; 1 leaves training and validation part as ``split`` says.
        fold: which one, from 0.
        fold_by: what stays together in a fold: the jets of an event, the events of a file, or nothing.
        limit: train on at most so many examples (for learning curves); None for all.
    """

    path: str | tuple[str, ...] | None
    split: tuple[float, float, float]
    folds: int = 1
    fold: int = 0
    fold_by: FoldBy = "event"
    limit: int | None = None

    def of_fold(self, fold: int) -> DataSource:
        """The same data for another fold; without folds the same for all runs of a trial, its repeats."""
        return replace(self, fold=fold) if self.folds > 1 else self


def changes(before: Mapping[str, str], now: Mapping[str, str], since: str) -> list[str]:
    """Tell which files are not what they were, in the order of their names; empty if all are.

    Args:
        before: SHA-256 by name of a file, as the ledger has them.
        now: the same, of the files that are there.
        since: since when, for the message.
    """
    return [
        f"data: {name} was {'changed or is gone' if name in before else 'added'} since {since}"
        f"{_way_back(before.get(name, ''))}"
        # By name and not by path: data may be moved, and a bundle is opened elsewhere.
        for name in sorted({*before, *now})
        if before.get(name) != now.get(name)
    ]


def _way_back(sha256: str) -> str:
    """How a study goes on with the sample of an earlier version; nothing if it was on another file."""
    version = EARLIER_SAMPLES.get(sha256)
    return (
        f"; it was the sample of raysearch {version}: set RAYSEARCH_JETS to it (docs/jets.md)"
        if version
        else ""
    )
