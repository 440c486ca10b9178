"""``raysearch bundle | unbundle``: a study as one file, made on a cluster and opened on a laptop."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from raysearch.cli.options import Name, Runs
from raysearch.errors import StoppedError
from raysearch.study.folders import RUNS

if TYPE_CHECKING:
    from raysearch.ledger.history import History
    from raysearch.study.bundle_format import Manifest

CATCH_UP_S = 120.0
N_SHOWN = 3
Force = Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")]


def bundle(
    name: Name,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="File to write; default NAME.raysearch.tar.gz."),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Take all checkpoints for resume, whatever their size.")
    ] = False,
    force: Force = False,
    runs: Runs = RUNS,
) -> None:
    """Write a study or series into one file, to open it on another machine.

    raysearch bundle jedinet

    The file holds all but the data: ledger, report, best model, test
    predictions, prunings, and checkpoints if they are small.
    """
    from raysearch.cli.trained import check_out, open_bar
    from raysearch.study.bundle import pack
    from raysearch.study.bundle_format import SUFFIX
    from raysearch.study.folders import existing_folder

    folder = existing_folder(runs, name)
    out = out or Path(folder.name + SUFFIX)
    check_out(out, force=force)
    with _stoppable(), open_bar("bundling") as progress:
        packed = pack(folder, out, everything=everything, force=force, progress=progress)
    what = "series" if packed.manifest.is_series else "study"
    typer.echo(f"{out}: {_size(out.stat().st_size)}, {what} {folder.name}")
    _print_content(packed.manifest)
    for why, files in packed.left_out.items():
        shown = ", ".join(path for path, _ in files[:N_SHOWN]) + (", ..." if len(files) > N_SHOWN else "")
        size = _size(sum(size for _, size in files))
        typer.echo(f"left out: {len(files)} file{'s' * (len(files) > 1)}, {size}, {why}: {shown}")
    typer.echo(f"open it:  raysearch unbundle {out.name}")


def unbundle(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What raysearch bundle wrote.")],
    runs: Runs = RUNS,
) -> None:
    """Open the file that raysearch bundle wrote, and deliver it to MLflow.

    raysearch unbundle jedinet.raysearch.tar.gz

    Every byte is checked before the study appears under its name.
    """
    from raysearch.cli.trained import open_bar
    from raysearch.study.folders import as_typed
    from raysearch.study.unbundle import unpack

    with _stoppable(), open_bar("unpacking") as progress:
        opened = unpack(file, runs, progress=progress)
    what = "series" if opened.manifest.is_series else "study"
    typer.echo(f"{opened.folder}: {what} {opened.folder.name}, verified")
    _print_content(opened.manifest)
    for study in opened.studies:
        _print_study(study)
    _deliver(opened.studies)
    named = as_typed(opened.folder)
    page = opened.folder / "report" / "index.html"
    typer.echo(f"report:   {page if page.is_file() else f'raysearch report {named}'}")
    typer.echo("MLflow:   raysearch dashboard")
    if opened.manifest.is_series:
        typer.echo(f"next:     raysearch status {named}")
    else:
        typer.echo(f"next:     raysearch best {named}")
        typer.echo(f"          raysearch predict {named} --data FILES --out scores.h5")


def _print_content(manifest: Manifest) -> None:
    for kind, (number, size) in sorted(manifest.by_kind().items()):
        typer.echo(f"  {kind:<18}{number:>5} file{'s' if number > 1 else ' '}{_size(size):>10}")


def _print_study(folder: Path) -> None:
    """Say how a study stands, and what it lacks on this machine."""
    from raysearch.ledger.history import read_history
    from raysearch.study.folders import name_of, resume_command

    history = read_history(folder)
    best = history.best
    told = f", best trial {best.number}, {history.created.objective} {best.value:.5g}" if best else ""
    typer.echo(f"{name_of(folder)}: {history.n_committed} of {history.n_trials} trials{told}")
    for lack in _lacks(history):
        typer.echo(f"  {lack}")
    if not history.is_complete:
        typer.echo(f"  go on: {resume_command(folder)}")


def _lacks(history: History) -> Iterator[str]:
    data = history.created.data.get("path")
    if data and not Path(data).exists():
        yield (
            f"data: {data} is not on this machine; resume, crossval and prune need it there, with the bytes that the "
            "ledger names. predict takes any --data"
        )
    task = str(history.created.space_file["task"]).rpartition(":")[0]
    if task:
        if Path(task).is_file():
            yield f"task: predict, export, prune and resume run {task}, as it is on this machine"
        else:
            yield f"task: {task} is not on this machine; predict, export, prune and resume need it there"


def _deliver(studies: Sequence[Path]) -> None:
    """Bring MLflow up to date; it is a mirror, so that no study is worse off without it."""
    from raysearch.cli.carry import say
    from raysearch.study.folders import name_of
    from raysearch.tracking.address import tracking_uri
    from raysearch.tracking.mirror import mirror_now

    say("delivering to MLflow")
    uri, deadline = tracking_uri(), time.monotonic() + CATCH_UP_S
    for folder in studies:
        if problem := mirror_now(folder, uri, max(deadline - time.monotonic(), 0.0)):
            say(f"{name_of(folder)}: not in MLflow yet: {problem}; raysearch dashboard delivers it later")


@contextmanager
def _stoppable() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM take away what is half done."""

    def stop(number: int, _: FrameType | None) -> NoReturn:
        raise StoppedError("stopped; nothing was written", number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _size(n_bytes: int) -> str:
    """Write a size for people, in decimal units."""
    size, unit = float(n_bytes), "B"
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            break
        size /= 1000
    return f"{size:.3g} {unit}" if unit != "B" else f"{n_bytes} B"
