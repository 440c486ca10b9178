"""``raysearch space``: look at space files and check them, without starting anything."""

from __future__ import annotations

from typing import Annotated

import typer

from raysearch.cli.options import find_space_file, space_folder

app = typer.Typer(help="Show and check space files.", no_args_is_help=True, rich_markup_mode=None)
File = Annotated[str, typer.Argument(metavar="SPACE", help="Name of a shipped space file, or a path.")]


@app.command("list")
def list_spaces() -> None:
    """List the space files that ship with raysearch."""
    from raysearch.space.space_file import read_space_file

    for path in sorted(space_folder().glob("*.yaml")):
        typer.echo(f"{path.stem:<16} {read_space_file(path).description}")


@app.command()
def show(space: File) -> None:
    """Print a space file as it is, to copy and change."""
    typer.echo(find_space_file(space).read_text(encoding="utf-8"), nl=False)


@app.command()
def check(
    space: File,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="As in tune.")
    ] = None,
) -> None:
    """Check a space file; all faults at once, exit code 2 if there are any."""
    from raysearch.errors import InputError
    from raysearch.launch.run_environment import only_visible
    from raysearch.search.make import sampler_problems
    from raysearch.space.series import read_members
    from raysearch.tasks import load_task
    from raysearch.tasks.task import make_settings
    from raysearch.training.settings import divide, setting_problems

    path = find_space_file(space)
    members = read_members(path, overrides or [])
    for space_file in members.values():
        n_objectives = max(len(space_file.objectives), 1)
        problems = sampler_problems(space_file.search, space_file.searched, n_objectives)
        if problems:
            raise InputError(*(f"{path}: {problem}" for problem in problems))
        corners = space_file.searched.corners
        with only_visible(space_file.resources.environment):  # the task's code is run
            if problems := setting_problems(space_file.task, space_file.strategy, corners):
                raise InputError(*(f"{path}: {problem}" for problem in problems))
            task = load_task(space_file.task)
            for corner in corners:
                make_settings(task, divide(space_file.strategy, corner).task, f"{path}: space")
    first = next(iter(members.values()))
    searches = f"{len(members)} searches of " if len(members) > 1 else ""
    typer.echo(
        f"{path}: {searches}{len(first.searched.domains)} settings to search, {first.search.trials} trials: good"
    )
