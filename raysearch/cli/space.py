"""``raysearch space``: look at space files and check them, without starting anything."""

from __future__ import annotations

from typing import Annotated

import typer

from raysearch.cli.once import App

app = App(help="Show and check space files.", no_args_is_help=True, rich_markup_mode=None)
File = Annotated[str, typer.Argument(metavar="SPACE", help="Name of a shipped space file, or a path.")]


@app.command("list")
def list_spaces() -> None:
    """List the space files that ship with raysearch."""
    from raysearch.library.space_files import space_folder
    from raysearch.space.space_file import read_space_file

    for path in sorted(space_folder().glob("*.yaml")):
        typer.echo(f"{path.stem:<16} {read_space_file(path).description}")


@app.command()
def show(space: File) -> None:
    """Print a space file as it is, to copy and change."""
    from raysearch.library.space_files import find_space_file

    typer.echo(find_space_file(space).read_text(encoding="utf-8"), nl=False)


@app.command()
def check(
    space: File,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="As in tune.")
    ] = None,
) -> None:
    """Check a space file; all faults at once, exit code 2 if there are any."""
    from raysearch.library.overrides import settled
    from raysearch.library.space_files import check_space, find_space_file

    path = find_space_file(space)
    texts = settled(overrides or [], lambda line: typer.echo(line, err=True))
    members = check_space(path, texts)
    first = next(iter(members.values()))
    searches = f"{len(members)} searches of " if len(members) > 1 else ""
    typer.echo(
        f"{path}: {searches}{len(first.searched.domains)} settings to search, "
        f"{first.search.trials} trials: good"
    )
