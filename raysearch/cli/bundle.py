"""``raysearch bundle | unbundle``: a study as one file, made on a cluster and opened on a laptop."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from raysearch.cli.options import Name, Runs
from raysearch.study.folders import RUNS

if TYPE_CHECKING:
    from raysearch.study.bundle_format import Manifest

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
    from raysearch.cli.terminal import open_bar
    from raysearch.library.bundles import bundle as write

    with open_bar("bundling") as progress:
        packed = write(name, out=out, everything=everything, force=force, runs=runs, progress=progress)
    out, called = packed.path, packed.manifest.name
    what = "series" if packed.manifest.is_series else "study"
    typer.echo(f"{out}: {_size(out.stat().st_size)}, {what} {called}")
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
    from raysearch.cli.terminal import open_bar
    from raysearch.library.bundles import unbundle as unpack
    from raysearch.study.folders import as_typed

    with open_bar("unpacking") as progress:
        opened = unpack(file, runs=runs, progress=progress)
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
    from raysearch.library.bundles import lacks
    from raysearch.study.folders import name_of, resume_command

    history = read_history(folder)
    best = history.best
    told = f", best trial {best.number}, {history.created.objective} {best.value:.5g}" if best else ""
    typer.echo(f"{name_of(folder)}: {history.n_committed} of {history.n_trials} trials{told}")
    for lack in lacks(history):
        typer.echo(f"  {lack}")
    if not history.is_complete:
        typer.echo(f"  go on: {resume_command(folder)}")


def _deliver(studies: Sequence[Path]) -> None:
    from raysearch.library.delivery import deliver
    from raysearch.study.folders import name_of
    from raysearch.tracking.address import tracking_uri

    typer.echo("delivering to MLflow", err=True)
    for folder, problem in deliver(studies, tracking_uri()):
        later = "raysearch dashboard delivers it later"
        typer.echo(f"{name_of(folder)}: not in MLflow yet: {problem}; {later}", err=True)


def _size(n_bytes: int) -> str:
    """Write a size for people, in decimal units."""
    size, unit = float(n_bytes), "B"
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            break
        size /= 1000
    return f"{size:.3g} {unit}" if unit != "B" else f"{n_bytes} B"
