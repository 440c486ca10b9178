"""``raysearch data``: look at files of a kind of data, check them, make new ones."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, get_args, get_type_hints

import typer

from raysearch.cli.once import App
from raysearch.data.kinds import KINDS, DataKind
from raysearch.data.paths import DataPath, passed_over
from raysearch.data.summary import FileSummary
from raysearch.files import expanded

NAMES = " or ".join(KINDS)

app = App(help=f"Look at files of {NAMES}, check them, make new ones.", no_args_is_help=True)
make = App(help="Make input with physics generators and models.", no_args_is_help=True)
app.add_typer(make, name="make")

DataPaths = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[PATH]...", help="HDF5 files, or folders of them.", show_default="the sample that ships"
    ),
]


class Form(StrEnum):
    """How `raysearch data info` prints."""

    table = "table"
    json = "json"


def _known(kind: str) -> str:
    if kind not in KINDS:
        raise typer.BadParameter(f"{kind!r} is not one of {', '.join(map(repr, KINDS))}.")
    return kind


KindOption = Annotated[
    str,
    typer.Option(
        "--kind", "-k", callback=_known, metavar=f"<{'|'.join(KINDS)}>", help="What the files hold."
    ),
]


@app.command()
def info(
    paths: DataPaths = None,
    form: Annotated[Form, typer.Option("--format", "-f", help="How to print.")] = Form.table,
    kind: KindOption = "jets",
) -> None:
    """Show what files hold, and how a study would split them."""
    path = _named(paths)
    found = KINDS[kind].check(path)
    facts: dict[str, Any] = {
        "files": [str(file) for file in found.files],
        "sha256": found.sha256,
        KINDS[kind].examples: found.n,
        **found.facts(),
        "split": _split(KINDS[kind], path),
    }
    if warnings := _warnings(kind, path, found):
        facts["warnings"] = warnings
    if form is Form.json:
        typer.echo(json.dumps(facts, indent=2))
    else:
        _print_table(facts)


@app.command()
def check(paths: DataPaths = None, kind: KindOption = "jets") -> None:
    """Read every value of files and list all faults; ends with 2 if there are any."""
    path = _named(paths)
    found = KINDS[kind].check(path)
    warnings = _warnings(kind, path, found)
    for warning in warnings:
        typer.echo(f"warning: {warning}", err=True)
    told = f"; {len(warnings)} warning{'s' if len(warnings) > 1 else ''} above" if warnings else ""
    typer.echo(f"ok: {found.n:,} {KINDS[kind].examples} in {len(found.files)} file(s), no fault found{told}")


def _warnings(kind: str, path: DataPath, found: FileSummary) -> list[str]:
    """List what is odd, as a study does before its first run."""
    from raysearch.data.parts import part_warnings

    return [*found.warnings, *passed_over(path), *part_warnings(KINDS[kind], path, found)]


def _named(paths: list[Path] | None) -> DataPath:
    several = tuple(map(expanded, paths or ()))
    return several if len(several) > 1 else next(iter(several), None)


def _maker(kind: DataKind, make_files: Callable[..., list[Path]]) -> Callable[..., None]:
    """Turn a kind's ``make`` into a command with an option for each parameter."""
    name = kind.examples

    def command(**options: Any) -> None:
        from raysearch.data.made_versions import unknown_line
        from raysearch.data.of_sample import is_of_sample

        n, out = options[name], options["out"]
        with _progress(name, n) as progress:
            made = make_files(**options, progress=progress)
        typer.echo(f"made {n:,} {name} in {len(made)} file(s) in {out}; how: {out / 'provenance.json'}")
        if unknown := unknown_line(out):
            typer.echo(f"warning: {unknown}")
        if is_of_sample(made[0], kind.files(None)[0]):
            typer.echo(
                f"warning: by seed and choices they begin with the {name} of the sample that ships: do not "
                f"judge by one what was trained on the other; --seed {options['seed'] + 1} makes others"
            )

    hints = get_type_hints(make_files, include_extras=True)
    parameters = [
        parameter.replace(annotation=_option(parameter.name, hints[parameter.name]))
        for parameter in inspect.signature(make_files).parameters.values()
        if parameter.name != "progress"
    ]
    command.__doc__ = make_files.__doc__
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # typer reads it
    return command


def _option(name: str, annotated: Any) -> Any:  # noqa: ANN401 - types as values
    """An annotation with help, as typer has it; what is true or false is a flag."""
    kind, text = get_args(annotated)
    words = [f"--{name.replace('_', '-')}"] if kind is bool else []
    return Annotated[kind, typer.Option(*words, help=text)]


for _name, _kind in KINDS.items():
    if _kind.make is not None:
        make.command(_name)(_maker(_kind, _kind.make))


@contextmanager
def _progress(noun: str, total: int) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on stderr, which the callback moves to how many are done."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        line = bar.add_task(noun, total=total)
        yield lambda done, _: bar.update(line, completed=done)


def _split(kind: DataKind, path: DataPath) -> dict[str, Any]:
    """Sizes of the parts that a study gets if its space file says nothing else."""
    from raysearch.data.splitting import split_examples
    from raysearch.errors import InputError

    try:
        split = split_examples(*kind.events(path), noun=kind.noun)
    except InputError as error:  # too few examples to split are still worth a look
        return {"impossible": str(error)}
    return {
        **({} if kind.always_by_event else {"by": split.by}),
        "training": len(split.train),
        "validation": len(split.validation),
        "test": len(split.test),
    }


def _print_table(facts: dict[str, Any]) -> None:
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
