"""Rows made by a trained generator, such as showers of given energies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from raysearch.files import owners_only
from raysearch.library.predict import Files, Progress, paths_given
from raysearch.library.trained import check_out, device_of, taken_up


@dataclass(frozen=True)
class GeneratedFile:
    """Generated rows that were written.

    Attributes:
        path: of the HDF5 file.
        n_rows: in it.
        trial: whose models made them.
        n_models: of that trial, which took turns.
    """

    path: Path
    n_rows: int
    trial: int
    n_models: int


@owners_only()
def generate(
    folder: Path,
    out: Path,
    *,
    values: Mapping[str, Iterable[float]] | None = None,
    number: int = 1,
    like: Files = (),
    seed: int = 0,
    trial: str | int = "best",
    batch: int = 100,
    device: str = "cpu",
    force: bool = False,
    progress: Progress = lambda *_: None,
) -> GeneratedFile:
    """Have a trial's models generate rows, and write them in the layout of their training data.

    Args:
        folder: of the study.
        out: the HDF5 file.
        values: of each condition, such as ``{"energies": [50, 100]}``; all combinations are made.
        number: rows of each combination.
        like: files whose rows' conditions are taken instead.
        seed: of what is drawn at random; the same seed makes the same rows, another one others.
        trial: ``best``, a trial's number, or the name of a pruning.
        batch: rows that a model is given at a time.
        device: where to compute: ``cpu``, ``cuda`` or ``cuda:N``.
        force: replace the file if it is there.
        progress: told rows done and all rows.

    Raises:
        InputError: no such trial, its weights are not kept, ``out`` may not be written, its task generates
            nothing, or not what is asked for.
        ResourceError: the device is not there.
        StorageError: weights are gone, or the file cannot be written.
    """
    from raysearch.data.conditions import Conditions

    # Before anything is loaded, which takes seconds.
    check_out(out, force=force)
    where = device_of(device)
    wanted = Conditions(
        {name: tuple(each) for name, each in (values or {}).items()}, number, paths_given(like), seed
    )
    with taken_up(folder, str(trial)) as trained:
        from raysearch.after.generate import write_generated

        done = write_generated(trained, wanted, out, batch=batch, device=where, progress=progress)
    return GeneratedFile(out, done.n_rows, trained.trial, done.n_models)
