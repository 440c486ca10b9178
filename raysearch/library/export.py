"""A trained model as one file that runs without raysearch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from raysearch.errors import InputError, one_of
from raysearch.files import owners_only
from raysearch.library.trained import check_out, taken_up
from raysearch.study.folders import name_of

if TYPE_CHECKING:
    from raysearch.after.export import Exported

SUFFIXES = {"onnx": ".onnx", "torch": ".pt2"}


@owners_only()
def export(
    folder: Path, to: str, out: Path | None = None, *, trial: str | int = "best", force: bool = False
) -> Exported:
    """Write a model as a file that runs anywhere; inputs are as in the data files.

    Args:
        folder: of the study.
        to: ``onnx``, or ``torch`` for the format of ``torch.export.load``.
        out: by default STUDY-TRIAL.onnx or .pt2 in the working directory.
        trial: ``best``, a trial's number, or the name of a pruning.
        force: replace the file if it is there.

    Raises:
        InputError: no such format or trial, the file may not be written, or it does not give what the model
            gives.
        StorageError: weights are gone, or the file cannot be written.
    """
    if to not in SUFFIXES:
        raise InputError(f"export to {to!r}: {one_of(list(SUFFIXES))}")
    if out is not None:
        check_out(out, force=force)
    with taken_up(folder, str(trial)) as trained:
        if out is None:
            word = trained.trial if trial == "best" else trial
            out = Path(f"{name_of(folder).replace('/', '-')}-{word}{SUFFIXES[to]}")
            check_out(out, force=force)
        from raysearch.after.export import export as write

        return write(trained, to, out)
