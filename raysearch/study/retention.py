"""What is kept of trials, and how much room the study's files take.

Kept are the weights of the best trials (``ledger/kept.py``). Where trials begin from the weights of others,
those are kept too that may still be begun from, also when all trials are done, since more may be wanted
later; and those of the parents of trials that are not over.

Deleting starts only when the ledger is durable.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from raysearch.errors import DiskBudgetError
from raysearch.ledger.history import History
from raysearch.ledger.kept import kept_trials
from raysearch.ledger.trial_history import TrialHistory
from raysearch.space.sizes import parse_size, written
from raysearch.study.folders import name_of, resume_command


class Retention:
    """Deletes what nothing needs any more and measures what is left; a new one starts from what is on disk.

    Args:
        folder: the study's folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tidy: set[tuple[int, int]] = set()  # runs (trial, fold) that hold nothing but what is in use
        self._settled: dict[int, int] = {}  # bytes of kept trials of which nothing changes any more

    def reopen(self, trial: int, fold: int) -> None:
        """A run that was over is carried out again, and leaves files to be tidied up once more."""
        self._settled.pop(trial, None)
        self._tidy.discard((trial, fold))

    def delete_checkpoints(self, trial: int, fold: int) -> None:
        """Delete all that a run has."""
        for path in (self._folder / "trials" / str(trial) / f"fold-{fold}").glob("*/*.pt"):
            path.unlink(missing_ok=True)

    def delete_superseded(self, history: History, possible_parents: Collection[int] = ()) -> None:
        """Delete the checkpoints that nothing needs any more; safe to repeat.

        Args:
            history: what is known of the study.
            possible_parents: trials that others, yet to be asked, may begin from.
        """
        parents = {trial.parent for trial in history.trials if not _is_over(trial, history)}
        kept = {trial.number for trial in kept_trials(history)} | parents | {*possible_parents}
        there = set()
        for trial_folder in (self._folder / "trials").glob("*"):
            if not trial_folder.name.isdigit() or int(trial_folder.name) >= len(history.trials):
                continue  # none of ours
            trial = history.trials[int(trial_folder.name)]
            if _is_over(trial, history) and trial.number not in kept:
                shutil.rmtree(trial_folder, ignore_errors=True)
                continue
            there.add(trial.number)
            if trial.number not in self._settled:
                self._tidy_up(trial_folder, trial, history)
        self._settled = {number: size for number, size in self._settled.items() if number in there}

    def _tidy_up(self, trial_folder: Path, trial: TrialHistory, history: History) -> None:
        """Delete all but the weights in use of runs that are over."""
        for run in trial.runs:
            place, is_over = (run.trial, run.fold), run.ended is not None or _is_over(trial, history)
            if place in self._tidy or place in history.to_redo or not is_over:
                continue
            in_use = self._folder / run.ended.weights if run.ended else None
            for path in (trial_folder / f"fold-{run.fold}").glob("*/*.pt"):
                if path != in_use:
                    path.unlink(missing_ok=True)
            self._tidy.add(place)
        if _is_over(trial, history):
            self._settled[trial.number] = folder_bytes(trial_folder)

    def check_budget(self, history: History) -> None:
        """Check that the study's files fit into its disk budget, if it has one.

        Raises:
            DiskBudgetError: they do not.
        """
        if history.disk is None:
            return
        budget, in_use = parse_size(history.disk), self.measure()
        if in_use > budget:
            # Twice what is there: by a little more the study would stop again after a few trials.
            more = resume_command(self._folder, f"--disk {written(2 * max(budget, in_use)).replace(' ', '')}")
            raise DiskBudgetError(
                f"{name_of(self._folder)}: its files take {written(in_use)}, "
                f"more than its disk budget of {history.disk}; everything is saved, go on with: {more}"
            )

    def measure(self) -> int:
        """Bytes of the study's files; settled trials are not looked at again."""
        trials = str(self._folder / "trials")
        # Texts and not paths: thousands of them after every run, and pathlib is slow at that.
        settled = {os.path.join(trials, str(number)) for number in self._settled}  # noqa: PTH118
        return folder_bytes(self._folder, settled) + sum(self._settled.values())


def folder_bytes(folder: Path, but: Collection[str] = ()) -> int:
    """Add up the sizes of the files in a folder and below, if they are there long enough to be looked at.

    Args:
        folder: where to look; 0 if it is not there.
        but: folders that are left out.
    """
    total = 0
    for root, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if os.path.join(root, name) not in but]  # noqa: PTH118
        for name in files:
            with suppress(FileNotFoundError):
                total += Path(root, name).lstat().st_size
    return total


def _is_over(trial: TrialHistory, history: History) -> bool:
    """Whether it is committed, and no run of it is under way or to do again."""
    return (
        trial.committed is not None
        and not trial.is_open_again
        and not any(run.in_flight or (run.trial, run.fold) in history.to_redo for run in trial.runs)
    )
