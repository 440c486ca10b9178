"""A trained trial taken up: its models, the device they compute on, the file something is written to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from raysearch.errors import InputError, ResourceError, WeightsGoneError

if TYPE_CHECKING:
    import torch

    from raysearch.after.trained import TrainedTrial


@contextmanager
def taken_up(folder: Path, which: str) -> Iterator[TrainedTrial]:
    """Load the models of a trial of a study.

    Meanwhile what runs do not see of the environment is hidden, as the task's code is run.

    Args:
        folder: of the study.
        which: ``best``, a trial's number, or the name of a pruning.

    Raises:
        InputError: no such trial, its weights are not kept, or its task or data were changed.
        StorageError: its weights are gone or damaged.
    """
    from raysearch.after.trained import load_trained
    from raysearch.launch.orders import source_of
    from raysearch.launch.run_environment import only_visible
    from raysearch.ledger.history import read_history
    from raysearch.space.space_file import SpaceFile
    from raysearch.study.folders import resume_command

    history = read_history(folder)
    space_file = SpaceFile.model_validate(history.created.space_file)
    with only_visible(space_file.resources.environment):
        try:
            trained = load_trained(folder, history, which, source_of(space_file))
        except WeightsGoneError as error:
            raise WeightsGoneError(f"{error}; to have it trained again: {resume_command(folder)}") from error
        yield trained


def device_of(name: str) -> torch.device:
    """Check a device's name.

    Raises:
        InputError: it is none.
        ResourceError: it is not there.
    """
    import torch

    try:
        device = torch.device(name)
    except RuntimeError:
        # Whatever torch cannot read is refused below in the words for all others.
        device = torch.device("meta")
    if device.type not in {"cpu", "cuda"}:
        raise InputError(f"--device: needs cpu, cuda or cuda:N, got {name!r}")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ResourceError(
            f"--device {name}: there are {torch.cuda.device_count()} GPUs that torch can use here"
        )
    return device


def check_out(out: Path, *, force: bool) -> None:
    """Check that a file may be written.

    Raises:
        InputError: it is there and not to be replaced, or its folder is not there.
    """
    if out.is_dir():
        raise InputError(f"--out {out}: is a folder, needs the name of a file")
    if not out.parent.is_dir():
        raise InputError(f"--out {out}: there is no folder {out.parent}")
    # Before hours of computing, not after.
    if out.exists() and not force:
        raise InputError(f"--out {out}: is there already; give another name, or --force to replace it")
