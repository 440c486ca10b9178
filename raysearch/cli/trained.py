"""What the commands share that take a trained trial up: finding it, the device, and a bar on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from raysearch.errors import InputError, ResourceError

if TYPE_CHECKING:
    import torch

    from raysearch.after.trained import TrainedTrial

Which = Annotated[
    str,
    typer.Option("--from", metavar="TRIAL", help="best, a trial's number, or pruned (see raysearch prune)."),
]
Device = Annotated[str, typer.Option("--device", help="Where to compute: cpu, cuda, or cuda:N.")]


def find_trained(runs: Path, name: str, which: str) -> TrainedTrial:
    """Load the models of a trial of a study.

    Raises:
        InputError: no such study or trial, its weights are not kept, or its task or data were changed.
        StorageError: its weights are gone or damaged.
    """
    from raysearch.after.trained import load_trained
    from raysearch.cluster.executor import source_of
    from raysearch.cluster.launch import task_sha256
    from raysearch.cluster.run_environment import confine
    from raysearch.ledger.history import read_history
    from raysearch.space.space_file import SpaceFile
    from raysearch.study.folders import existing_study

    folder = existing_study(runs, name)
    history = read_history(folder)
    space_file = SpaceFile.model_validate(history.created.space_file)
    if task_sha256(space_file.task) != history.created.task_sha256:
        raise InputError(
            f"task: {space_file.task} was changed since {name} began; its models may mean another thing"
        )
    confine(
        space_file.resources.environment
    )  # from here on the task's code is run, to the end of the command
    return load_trained(folder, history, which, source_of(space_file))


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
    if out.exists() and not force:
        raise InputError(f"--out {out}: is there already; give another name, or --force to replace it")


@contextmanager
def open_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on a terminal, and nothing elsewhere; told what is done and what is all."""
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
