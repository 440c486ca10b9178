"""Scores of a trained trial for data of one's own."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from raysearch.files import expanded, owners_only
from raysearch.library.trained import check_out, device_of, taken_up

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Files = str | Path | Iterable[str | Path]
Progress = Callable[[int, int], None]


def paths_given(data: Files) -> list[Path]:
    """List what was named, whether it is one or several."""
    return [expanded(path) for path in ([data] if isinstance(data, str | Path) else data)]


@dataclass(frozen=True)
class Predicted:
    """Scores that were written.

    Attributes:
        path: of the HDF5 file.
        n_rows: in it.
        n_files: that they are of.
        trial: whose models they are from.
        n_models: of that trial.
        is_mean: whether the scores are the mean of these; else they are the first one's, as a mean would say
            nothing.
        run_word: what tells the models apart, ``fold`` or ``repeat``.
        warnings: what is odd about the rows, a line each, such as inputs far from what the study trained on.
    """

    path: Path
    n_rows: int
    n_files: int
    trial: int
    n_models: int
    is_mean: bool
    run_word: str
    warnings: tuple[str, ...] = ()

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """All that the file holds, by name."""
        import h5py

        with h5py.File(self.path) as file:
            return {
                name: each.asstr()[()] if h5py.check_string_dtype(each.dtype) else each[()]
                for name, each in file.items()
            }


@owners_only()
def write_predictions(
    folder: Path,
    data: Files,
    out: Path,
    *,
    trial: str | int = "best",
    batch: int = 1000,
    device: str = "cpu",
    force: bool = False,
    progress: Progress = lambda *_: None,
) -> Predicted:
    """Apply a trial's models to every row of some files, and write what :mod:`raysearch.after.predict` says.

    Args:
        folder: of the study.
        data: a file or folder, or several.
        out: the HDF5 file.
        trial: ``best``, a trial's number, or the name of a pruning.
        batch: rows that a model is given at a time.
        device: where to compute: ``cpu``, ``cuda`` or ``cuda:N``.
        force: replace the file if it is there.
        progress: told rows done and all rows.

    Raises:
        InputError: no such trial, its weights are not kept, ``out`` may not be written, or files are refused.
        ResourceError: the device is not there.
        StorageError: weights are gone, or the file cannot be written.
    """
    # Before anything is loaded, which takes seconds.
    check_out(out, force=force)
    where = device_of(device)
    with taken_up(folder, str(trial)) as trained:
        from raysearch.after.predict import write_scores

        done = write_scores(trained, paths_given(data), out, batch=batch, device=where, progress=progress)
    return Predicted(
        path=out,
        n_rows=done.n_rows,
        n_files=done.n_files,
        trial=trained.trial,
        n_models=len(trained.models),
        is_mean=trained.task.is_averaged,
        run_word=trained.history.created.run_word,
        warnings=done.warnings,
    )


def predictions(
    folder: Path, data: Files, *, trial: str | int = "best", batch: int = 1000, device: str = "cpu"
) -> dict[str, NDArray[np.generic]]:
    """What :func:`write_predictions` would write, by name."""
    # By way of the file: one path through the code, with its checks of rows, instead of two.
    with tempfile.TemporaryDirectory(prefix="raysearch-") as scratch:
        out = Path(scratch) / "scores.h5"
        done = write_predictions(folder, data, out, trial=trial, batch=batch, device=device)
        for warning in done.warnings:
            warnings.warn(warning, stacklevel=3)
        return done.arrays()
