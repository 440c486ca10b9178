"""Options that several commands share, and where the space files that ship with the package lie."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from raysearch.errors import InputError, did_you_mean, one_of

Runs = Annotated[Path, typer.Option("--runs", help="Folder that holds the studies.")]
Address = Annotated[
    str | None,
    typer.Option("--address", envvar="RAY_ADDRESS", help="Ray cluster to run on ('auto' on its head node)."),
]
InProcess = Annotated[
    bool, typer.Option("--local", help="Run in this process, one run after another, without Ray (debugging).")
]
Format = Annotated[Literal["table", "json"], typer.Option("--format", "-f", help="How to print.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the study.")]
Trial = Annotated[str, typer.Option("--from", metavar="TRIAL", help="Which trial: best, or its number.")]
SpaceName = Annotated[
    str, typer.Argument(metavar="SPACE", help="Name of a shipped space file, or the path of your own.")
]
DataPath = Annotated[
    Path | None, typer.Option("--data", help="File or folder of data instead of the sample.")
]
Seed = Annotated[int | None, typer.Option("--seed", help="Seed of everything random.")]
StudyName = Annotated[
    str | None, typer.Option("--name", help="Name of the study; default SPACE-SAMPLER-TIME.")
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a key, such as budget.epochs=20."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check everything, start nothing.")]
GoOn = Annotated[bool, typer.Option("--resume", help="Go on if a study of that name exists.")]


def as_overrides(named: Mapping[str, Any], overrides: Sequence[str] | None) -> list[str]:
    """Write options as overrides of a space file's keys, None for those not given, before the user's own ones.

    Values are JSON, so that a folder called 2024 or null stays a text in YAML.
    """
    texts = [f"{key}={json.dumps(value)}" for key, value in named.items() if value is not None]
    return [*texts, *(overrides or [])]


def space_folder() -> Path:
    """Folder of the space files: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).parent.parent
    inside = package / "searchspaces"
    return inside if inside.is_dir() else package.parent / "searchspaces"


def find_space_file(name: str) -> Path:
    """Find a space file by the name of a shipped one, or by its path.

    Raises:
        InputError: there is none.
    """
    if name.endswith((".yaml", ".yml")) or "/" in name:
        return Path(name)
    shipped = {path.stem: path for path in sorted(space_folder().glob("*.yaml"))}
    if name not in shipped:
        raise InputError(
            f"no space file {name!r}; {one_of(list(shipped))}, or the path of a .yaml file.{did_you_mean(name, shipped)}"
        )
    return shipped[name]
