"""What a run has behind it: its epochs, and what the user should know of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from raysearch.training.order import EpochReport


@dataclass
class Progress:
    """What a run has behind it, kept in its ``last`` checkpoint.

    Attributes:
        reports: of all epochs.
        best_epoch: counted from 1.
        workers: with how many it was trained: an epoch and their number from it on, each time that changed.
        kernels: what became of the compiled kernels that the model asked for, see models/kernels/noted.py.
        remarks: what the user should know of some epochs, and how many those were.
    """

    reports: list[EpochReport]
    best_epoch: int | None = None
    remarks: dict[str, int] = field(default_factory=dict)
    kernels: set[str] = field(default_factory=set)
    workers: list[list[int]] = field(default_factory=list)

    def to_plain(self) -> dict[str, Any]:
        """Plain values for the checkpoint."""
        reports = [asdict(report) for report in self.reports]
        return {
            "reports": reports,
            "best_epoch": self.best_epoch,
            "remarks": self.remarks,
            "kernels": sorted(self.kernels),
            "workers": self.workers,
        }

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> Progress:
        """Read :meth:`to_plain` back."""
        reports = [EpochReport(**report) for report in plain["reports"]]
        # Version 0.1.0 had neither remarks, kernels nor workers, and no timings in its reports.
        return cls(
            reports,
            plain["best_epoch"],
            plain.get("remarks", {}),
            set(plain.get("kernels", ())),
            plain.get("workers", []),
        )

    def remark(self, what: str) -> None:
        """Count an epoch of which something is to be said."""
        self.remarks[what] = self.remarks.get(what, 0) + 1

    def train_with(self, workers: int) -> None:
        """Take down how many workers train the next epoch."""
        if not self.workers or self.workers[-1][1] != workers:
            self.workers.append([len(self.reports) + 1, workers])

    @property
    def changing_workers(self) -> str:
        """With how many workers it was trained, in words; empty if that did not change."""
        if not self.workers:  # of a checkpoint that does not tell
            return ""
        (_, first), *later = self.workers
        changes = [f"{n} from epoch {epoch} on" for epoch, n in later]
        return ", ".join([f"{first} worker{'s' if first > 1 else ''}", *changes]) if changes else ""

    @property
    def message(self) -> str:
        """All remarks, for the user."""
        told = [f"{what} in {n} of {len(self.reports)} epochs" for what, n in self.remarks.items()]
        if changing := self.changing_workers:
            told.append(f"trained by {changing}, so that no single number of workers gives its bits")
        return "; ".join(told)
