"""How much room a study will take on disk, told before it starts, and checked against budget and disk."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from raysearch.errors import InputError, StorageError
from raysearch.search.make import complete_options
from raysearch.space.sizes import parse_size, written
from raysearch.space.space_file import SpaceFile
from raysearch.training.rehearsal import Rehearsal

FORMAT_BYTES = 64_000  # of a checkpoint beside its weights: names, shapes, what the optimiser counts
EPOCH_BYTES = 1000  # of an epoch in the ledger and in a `last` checkpoint; 300 to 800 with our tasks
RUN_BYTES = 5000  # of a run in the ledger, with the last lines of an error
REPORT_BYTES = 20_000_000  # and the mirror's log; 0.3 to 3 MB with our tasks


@dataclass(frozen=True)
class DiskNeed:
    """The most room that a study may take, in bytes.

    Attributes:
        under_way: checkpoints of trials that are not committed.
        kept: weights of the trials that are kept, and of those that others may go on from.
        rest: ledger, predictions, the best model's copy and report.
    """

    under_way: int
    kept: int
    rest: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.under_way + self.kept + self.rest


def disk_need(space_file: SpaceFile, rehearsal: Rehearsal, window: int, n_trials: int) -> DiskNeed:
    """Estimate what a study may take on disk.

    Args:
        space_file: the study's, complete.
        rehearsal: what the rehearsal found out.
        window: trials asked ahead.
        n_trials: trials in all.
    """
    runs, epochs = space_file.budget.runs, space_file.budget.epochs
    keep = n_trials if space_file.storage.keep == "all" else space_file.storage.keep
    if len(space_file.objectives) > 1:
        keep = n_trials  # any number of them may lie on the Pareto front
    weights = rehearsal.largest_weights_bytes + FORMAT_BYTES
    checkpoint = rehearsal.largest_checkpoint_bytes + FORMAT_BYTES + EPOCH_BYTES * epochs
    population = complete_options(space_file.search.sampler, space_file.search.options).get("population", 0)
    return DiskNeed(
        under_way=runs
        * 4
        * min(window, n_trials)
        * checkpoint,  # two `last` and two `best` generations of each run
        # what others go on from has its optimiser's state with it
        kept=runs
        * (min(keep, n_trials) * (checkpoint if population else weights) + 2 * population * checkpoint),
        rest=REPORT_BYTES
        + runs * (weights + rehearsal.predictions_bytes + n_trials * (RUN_BYTES + epochs * EPOCH_BYTES)),
    )


def check_budget(need: DiskNeed, disk: str | None) -> None:
    """Check that a study fits into its disk budget, if it has one.

    Raises:
        InputError: it may not; the message says which keys make the need smaller.
    """
    if disk is not None and parse_size(disk) < need.total:
        raise InputError(
            f"storage.disk: {disk} is less than the {written(need.total)} that the study may need: "
            f"{written(need.under_way)} for trials under way (less with a smaller search.window), "
            f"{written(need.kept)} for kept weights (storage.keep), "
            f"{written(need.rest)} for ledger, predictions and report (search.trials)"
        )


def check_free(need: DiskNeed, folder: Path) -> None:
    """Check that a study which begins fits onto the disk.

    Raises:
        StorageError: there is too little room.
    """
    free = shutil.disk_usage(folder).free
    if free < need.total:
        raise StorageError(f"{folder}: the study may need {written(need.total)}, {written(free)} are free")
