"""A trained model with most of its weights dropped, round by round, and what is left retrained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from raysearch.errors import InputError, StoppedError
from raysearch.files import owners_only
from raysearch.library.trained import device_of, taken_up
from raysearch.study.folders import study_folder

if TYPE_CHECKING:
    from raysearch.after.prune_table import Round, Table
    from raysearch.training.order import EpochReport

TAKEN = ("best", "report", "test", "trials")  # folders of the study's own


@dataclass(frozen=True)
class Pruned:
    """A pruning: the folder it lies in, its rounds, and the objective that they are told by."""

    folder: Path
    table: Table
    objective: str


@owners_only()
def prune(
    folder: Path,
    *,
    trial: str | int = "best",
    rounds: int = 7,
    target: float = 0.717,
    l1: float = 1e-4,
    epochs: int | None = None,
    patience: int | None = None,
    fold: int = 0,
    name: str = "pruned",
    device: str = "cpu",
    force: bool = False,
    listen: Callable[[Round, int], None] = lambda *_: None,
    again: str = "the same call",
) -> Pruned:
    """Prune a trained model and retrain it, by rounds; one that was stopped is gone on with.

    The smallest weights go, as in arXiv:1804.06913; ``table.json``, ``report.md`` and ``model.pt`` lie in the
    folder.

    Args:
        folder: of the study.
        trial: ``best``, or a trial's number.
        rounds: how many prunings.
        target: share of the weights dropped in the end; 7 rounds to 0.717 is the paper's.
        l1: penalty on sum |w| while retraining.
        epochs: of each retraining; by default the study's.
        patience: of early stopping; by default the study's, 0 for none.
        fold: whose model, of a study with folds.
        name: of the folder for the results, in the study's.
        device: where to compute: ``cpu``, ``cuda`` or ``cuda:N``.
        force: throw away what such a folder holds.
        listen: told every round, and how many there will be.
        again: what goes on with it after a stop, in words.

    Raises:
        InputError: a value is wrong, no such trial, or the folder holds another pruning.
        StoppedError: a signal; everything is saved.
        RaysearchError: as :func:`raysearch.after.prune.prune`.
    """
    from raysearch.after.prune import prune as carry_out
    from raysearch.after.prune_table import Recipe
    from raysearch.launch.stop_flag import StopFlag

    if name in TAKEN or name.isdigit():
        raise InputError(
            f"--name {name}: {', '.join(TAKEN)} and numbers mean something else in a study; give another name"
        )
    where = device_of(device)
    with taken_up(folder, str(trial)) as trained, StopFlag() as stop:
        budget = trained.space_file.budget
        recipe = Recipe(
            rounds=rounds,
            target=target,
            l1=l1,
            epochs=budget.epochs if epochs is None else epochs,
            patience=(budget.patience if patience is None else patience) or None,
            fold=fold,
        )
        place = study_folder(trained.folder, name)

        def after_epoch(_: EpochReport) -> None:
            if stop.signal_number is not None:
                # After an epoch, from whose checkpoint the round goes on.
                raise StoppedError(f"stopped, everything is saved; go on with: {again}", stop.signal_number)

        table = carry_out(
            trained, recipe, place, device=where, report=after_epoch, listen=listen, afresh=force
        )
    return Pruned(place, table, trained.history.created.objective)
