"""A study of one trial for a contract: what it leaves is what the report, `predict` and `export` work on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from raysearch.after.trained import TrainedTrial, load_trained
from raysearch.launch.begin import create_study
from raysearch.launch.carry_out import carry_out
from raysearch.launch.local_executor import LocalExecutor
from raysearch.launch.orders import source_of
from raysearch.launch.prepare import prepare
from raysearch.ledger.history import History
from raysearch.space.space_file import SpaceFile, change_space_file

ONE_TRIAL = (
    "search={sampler: random, trials: 1}",
    "budget={epochs: 1}",
    "vary={}",
    "objectives=[]",
    "limits={}",
)


@dataclass(frozen=True)
class SmallStudy:
    """A study that is over."""

    folder: Path
    history: History
    space_file: SpaceFile

    @property
    def trained(self) -> TrainedTrial:
        """Its trial's model."""
        return load_trained(self.folder, self.history, "best", source_of(self.space_file))


def small_study(space_file: SpaceFile, folder: Path) -> SmallStudy:
    """Carry out one trial of one epoch in this process, with all checks before it and the final evaluation.

    Raises:
        RaysearchError: it is refused, or fails.
    """
    environment = ", ".join(space_file.resources.environment)
    small = change_space_file(
        space_file, [*ONE_TRIAL, f"resources={{environment: [{environment}]}}", "storage={}"]
    )
    prepared = prepare(small, folder.parent)
    with create_study(prepared, folder, slots=1) as ledger:
        history = carry_out(ledger, LocalExecutor(small.resources), lambda *_: None, lambda _: None)
    return SmallStudy(folder, history, prepared.space_file)
