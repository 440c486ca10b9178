"""A study that is opened: its trials, its best model and its report, whoever carries it out or did."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from raysearch.errors import InputError
from raysearch.files import owners_only
from raysearch.ledger.history import History, read_history
from raysearch.library.facts import state_of, study_facts
from raysearch.library.html import html_table
from raysearch.library.shown_report import ShownReport
from raysearch.library.trial import TrialResult, in_words
from raysearch.study.folders import name_of

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray
    from torch import nn

    from raysearch.after.export import Exported
    from raysearch.after.trained import TrainedTrial
    from raysearch.library.generate import GeneratedFile
    from raysearch.library.opened_series import OpenedSeries
    from raysearch.library.predict import Files, Predicted
    from raysearch.library.prune import Pruned
    from raysearch.library.reproduced import Reproduced
    from raysearch.library.watching import Show, Watcher


class OpenedStudy:
    """A study in its folder.

    What it tells is read from the ledger when asked, so that one that runs can be followed.

    (``raysearch.study.study.Study`` is another thing: the state machine of whoever carries a study out.)

    Args:
        folder: of the study.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = name_of(folder)

    @property
    def history(self) -> History:
        """All that the ledger says.

        Raises:
            StorageError: it is damaged.
        """
        return read_history(self.folder)

    @property
    def state(self) -> str:
        """``running``, or its end: ``finished``, ``stopped``, ``killed``, ``gave up`` and so on."""
        return state_of(self.folder, self.history)

    @property
    def facts(self) -> dict[str, Any]:
        """How it stands: what ``raysearch status`` prints."""
        return study_facts(self.folder)

    def trials(self) -> pd.DataFrame:
        """All trials, a row each.

        Returns:
            Index ``trial``; columns ``state``, ``value`` (the objective; of a pruned trial what it had come
            to), further objectives by their names, ``epochs``, ``seconds``, ``parameters``, ``mflop``,
            ``failure``, and each searched setting by its name, or as ``settings.NAME`` where such a column is
            there already.
        """
        from raysearch.library.trials_frame import trials_frame

        return trials_frame(self.history)

    def trial(self, number: str | int) -> TrialResult:
        """One trial, by its number.

        Raises:
            InputError: there is no such trial.
        """
        history = self.history
        return TrialResult.of(self.folder, history, history.trial(str(number)))

    @property
    def best(self) -> TrialResult:
        """The best trial.

        Raises:
            NoFinishedTrialError: none has finished yet.
        """
        return self.trial("best")

    def trained(self, trial: str | int = "best") -> TrainedTrial:
        """A trial's models with all that belongs to them: task, settings, scaling of the inputs, data.

        Args:
            trial: ``best``, a trial's number, or the name of a pruning, such as ``pruned``.

        Raises:
            InputError: no such trial, its weights are not kept, or its task or data were changed.
            StorageError: its weights are gone or damaged.
        """
        from raysearch.library.trained import taken_up

        with taken_up(self.folder, str(trial)) as trained:
            return trained

    def models(self, trial: str | int = "best") -> tuple[nn.Module, ...]:
        """The trained networks of a trial, one for each fold, in evaluation mode on the CPU.

        They take inputs as they are trained on, standardised if the task does so; files go to
        :meth:`predict`. Raises as :meth:`trained`.
        """
        return tuple(fold.model for fold in self.trained(trial).models)

    def model(self, trial: str | int = "best", fold: int | None = None) -> nn.Module:
        """The trained network of a trial; see :meth:`models`.

        Args:
            trial: as of :meth:`trained`.
            fold: whose, of a study with folds.

        Raises:
            InputError: as :meth:`trained`, or there are several folds and nobody says which.
        """
        models = self.models(trial)
        # Not the first: which of ten models would be chance, and the mean of their outputs is no model.
        if fold is None and len(models) > 1:
            word = self.history.created.run_word
            raise InputError(
                f"{self.name} has {len(models)} {word}s, each with a model of its own; "
                f"say which with fold=0 to {len(models) - 1}, or take all: models()"
            )
        if not 0 <= (fold or 0) < len(models):
            raise InputError(f"fold={fold}: {self.name} has {len(models)}, counted from 0")
        return models[fold or 0]

    @overload
    def predict(
        self,
        data: Files,
        out: None = None,
        **options: Any,
    ) -> dict[str, NDArray[np.generic]]: ...

    @overload
    def predict(
        self,
        data: Files,
        out: str | Path,
        **options: Any,
    ) -> Predicted: ...

    def predict(
        self,
        data: Files,
        out: str | Path | None = None,
        **options: Any,
    ) -> dict[str, NDArray[np.generic]] | Predicted:
        """Apply a trial's models to data of your own, or to the study's.

        Args:
            data: a file or folder, or several.
            out: HDF5 file to write; without it the arrays are returned.
            options: ``trial``, ``batch``, ``device``, ``force``; see
                :func:`raysearch.library.predict.write_predictions`.

        Returns:
            By name the arrays that the file would hold: what the model says of each row, and which row it is.
            With ``out`` what was written.

        Raises:
            InputError: as :meth:`trained`, or the files are refused.
            StorageError: the file cannot be written.
        """
        from raysearch.library.predict import predictions, write_predictions

        if out is None:
            return predictions(self.folder, data, **options)
        return write_predictions(self.folder, data, Path(out), **options)

    def generate(self, out: str | Path, **wanted: Any) -> GeneratedFile:
        """Have a trained generator make rows; see :func:`raysearch.library.generate.generate`."""
        from raysearch.library.generate import generate

        return generate(self.folder, Path(out), **wanted)

    def export(self, to: str, out: str | Path | None = None, **options: Any) -> Exported:
        """Write a model as a file that runs without raysearch, see :mod:`raysearch.library.export`."""
        from raysearch.library.export import export

        return export(self.folder, to, None if out is None else Path(out), **options)

    def prune(self, **options: Any) -> Pruned:
        """Drop most of a model's weights, round by round, and retrain; see :mod:`raysearch.library.prune`."""
        from raysearch.library.prune import prune

        return prune(self.folder, **options)

    @owners_only()
    def report(self) -> ShownReport:
        """Make the report again, and show where it lies.

        Raises:
            StorageError: the ledger is damaged or empty.
            FolderError: the report cannot be written.
        """
        from raysearch.library.report_writer import write_report

        return ShownReport(write_report(self.folder))

    def resume(self, *, show: Show | Watcher = "auto", **wishes: Any) -> OpenedStudy:
        """Go on with it; arguments of :func:`raysearch.resume`."""
        from raysearch.library.resume import resume

        resume(self.folder, show=show, **wishes)
        return self

    def reproduce(
        self,
        trial: str | int = "best",
        *,
        address: str | None = None,
        local: bool = False,
        show: Show | Watcher = "auto",
    ) -> Reproduced:
        """Train a trial again and compare it with the ledger; see :mod:`raysearch.library.reproduce`.

        Args:
            trial: ``best``, or a trial's number.
            address: of a Ray cluster; see :func:`raysearch.tune`.
            local: carry the runs out in this process.
            show: see :func:`raysearch.library.watching.watcher_for`.
        """
        from raysearch.library.reproduce import reproduce
        from raysearch.library.tune import where_runs
        from raysearch.library.watching import watcher_for

        return reproduce(self.folder, trial, where_runs(address, local=local), watcher_for(show))

    def crossval(
        self,
        trial: str | int = "best",
        **options: Any,
    ) -> OpenedStudy | OpenedSeries:
        """Cross-validate a trial's settings; see :func:`raysearch.library.crossval.crossval`."""
        from raysearch.library.crossval import crossval

        # Of a member of a series the folder above the series.
        runs = self.folder.parents[self.name.count("/")]
        return crossval(self.folder, trial=trial, **{"runs": runs, **options})

    def standing(self) -> Sequence[str]:
        """State, trials, objective and its best value, in words."""
        history = self.history
        best = "-" if history.best is None else f"{history.best.value:.5g} (trial {history.best.number})"
        done = f"{history.n_committed} of {history.n_trials}"
        return (state_of(self.folder, history), done, history.created.objective, best)

    def __repr__(self) -> str:
        state, done, objective, best = self.standing()
        return f"<study {self.name}: {state}, {done} trials, {objective} {best}>"

    def _repr_html_(self) -> str:
        """How it stands, for a notebook."""
        state, done, objective, best = self.standing()
        rows = [("state", state), ("trials", done), (objective, best)]
        if found := self.history.best:
            rows += [(name, in_words(value)) for name, value in found.settings.items()]
        return html_table(("study", self.name), [(row, "") for row in rows])
