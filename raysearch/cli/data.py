"""``raysearch data``: look at files of jets or showers, check them, make new ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from raysearch.data.jets.files import JetSummary

app = typer.Typer(help="Look at files of jets or showers, check them, make new ones.", no_args_is_help=True)
make = typer.Typer(help="Make input with physics generators and models.", no_args_is_help=True)
app.add_typer(make, name="make")

DataPath = Annotated[
    Path | None,
    typer.Argument(help="An HDF5 file or a folder of them.", show_default="the sample that ships"),
]


class Form(StrEnum):
    """How `raysearch data info` prints."""

    table = "table"
    json = "json"


class Kind(StrEnum):
    """What `raysearch data` looks at."""

    jets = "jets"
    showers = "showers"


KindOption = Annotated[Kind, typer.Option("--kind", "-k", help="What the files hold.")]


@app.command()
def info(
    path: DataPath = None,
    form: Annotated[Form, typer.Option("--format", "-f", help="How to print.")] = Form.table,
    kind: KindOption = Kind.jets,
) -> None:
    """Show what files hold, and how a study would split them."""
    from raysearch.data.jets.files import check_jets

    facts = _shower_facts(path) if kind is Kind.showers else _facts(check_jets(path), path)
    if form is Form.json:
        typer.echo(json.dumps(facts, indent=2))
    else:
        _print_table(facts)


@app.command()
def check(path: DataPath = None, kind: KindOption = Kind.jets) -> None:
    """Read every value of files and list all faults; ends with 2 if there are any."""
    from raysearch.data.jets.files import check_jets
    from raysearch.data.showers.files import check_showers

    if kind is Kind.showers:
        showers = check_showers(path)
        n, files = showers.n_showers, showers.files
    else:
        jets = check_jets(path)
        n, files = jets.n_jets, jets.files
    typer.echo(f"ok: {n:,} {kind} in {len(files)} file(s), no fault found")


@make.command("jets")
def make_jets_command(
    out: Annotated[Path, typer.Option(help="Folder for the files; without HDF5 files yet.")],
    jets: Annotated[int, typer.Option(help="How many jets, a multiple of 5 (equal classes).")] = 10_000,
    seed: Annotated[int, typer.Option(help="Same seed, same jets, with any number of workers.")] = 1,
    workers: Annotated[int, typer.Option(help="Processes at a time.")] = 1,
    compact: Annotated[
        bool, typer.Option("--compact", help="Store rounded four-momenta only, a quarter of the size.")
    ] = False,
) -> None:
    """Make jets with Pythia 8 and FastJet, which the extra "hep" installs."""
    from raysearch.data.jets.make import make_jets

    with _progress("jets", jets) as progress:
        files = make_jets(out, jets, seed, workers, compact=compact, progress=progress)
    typer.echo(f"made {jets:,} jets in {len(files)} file(s) in {out}; how: {out / 'provenance.json'}")


@make.command("showers")
def make_showers_command(
    out: Annotated[Path, typer.Option(help="Folder for the files; what this command made is kept.")],
    showers: Annotated[int, typer.Option(help="How many electron showers.")] = 10_000,
    seed: Annotated[int, typer.Option(help="Same seed, same showers, with any number of workers.")] = 1,
    workers: Annotated[int, typer.Option(help="Processes at a time.")] = 1,
    compact: Annotated[
        bool, typer.Option("--compact", help="Cells in whole steps of 0.49 MeV, a third of the size.")
    ] = False,
) -> None:
    """Make electron showers by a parameterisation; their profile and resolution are its inputs."""
    from raysearch.data.showers.make import make_showers

    with _progress("showers", showers) as progress:
        files = make_showers(out, showers, seed, workers, compact=compact, progress=progress)
    typer.echo(f"made {showers:,} showers in {len(files)} file(s) in {out}; how: {out / 'provenance.json'}")


@contextmanager
def _progress(noun: str, total: int) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on stderr, which the callback moves to how many are done."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        line = bar.add_task(noun, total=total)
        yield lambda done, _: bar.update(line, completed=done)


def _shower_facts(path: Path | None) -> dict[str, object]:
    from raysearch.data.showers.files import check_showers, load_energies
    from raysearch.data.source import DataSource
    from raysearch.data.splitting import part_showers
    from raysearch.errors import InputError

    summary = check_showers(path)
    _, events, file_index = load_energies(path)
    try:
        split = part_showers(events, file_index, DataSource(None, (0.6, 0.2, 0.2)))
        sizes: dict[str, object] = {
            "training": len(split.train),
            "validation": len(split.validation),
            "test": len(split.test),
        }
    except InputError as error:
        sizes = {"impossible": str(error)}
    return {
        "files": [str(file) for file in summary.files],
        "sha256": summary.sha256,
        "showers": summary.n_showers,
        "energy_gev": list(summary.energy_gev),
        "deposited_share": summary.deposited,
        "occupied_cells": summary.occupancy,
        "event_numbers": summary.has_events,
        "split": sizes,
    }


def _facts(summary: JetSummary, path: Path | None) -> dict[str, object]:
    from raysearch.data.jets.files import load_events
    from raysearch.data.jets.layout import CLASSES, FEATURES, PUBLIC_MULTIPLICITY, QUANTILES
    from raysearch.data.splitting import split_jets
    from raysearch.errors import InputError

    try:
        split = split_jets(*load_events(path), summary.n_jets)
        sizes: dict[str, object] = {
            "by": split.by,
            "training": len(split.train),
            "validation": len(split.validation),
            "test": len(split.test),
        }
    except InputError as error:  # too few jets to split are still worth a look
        sizes = {"impossible": str(error)}
    return {
        "files": [str(file) for file in summary.files],
        "sha256": summary.sha256,
        "jets": summary.n_jets,
        "classes": list(CLASSES),
        "jets_per_class": summary.n_per_class,
        "constituents_stored": summary.n_constituents,
        "features": list(FEATURES),
        "features_derived_from_momenta": summary.derived_features,
        "event_numbers": summary.has_events,
        "constituents_per_jet": {
            "quantiles": list(QUANTILES),
            "here": list(summary.multiplicity),
            "public": list(PUBLIC_MULTIPLICITY),
        },
        "split": sizes,
    }


def _print_table(facts: dict[str, object]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(show_header=False)
    for key, value in facts.items():
        table.add_row(key.replace("_", " "), _readable(value))
    Console().print(table)


def _readable(value: object) -> str:
    if isinstance(value, dict):
        return "\n".join(f"{key}: {_readable(part)}" for key, part in value.items())
    if isinstance(value, list):
        return ", ".join(_readable(part) for part in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
