"""``raysearch tune``: carry a space file out as a study."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from raysearch.cli.options import RUNS, Address, InProcess, Runs, find_space_file
from raysearch.errors import InputError, RaysearchError

if TYPE_CHECKING:
    from raysearch.cluster.launch import Where, Wish
    from raysearch.ledger.ledger import Ledger
    from raysearch.space.space_file import ResourcesSection, SpaceFile


def tune(
    space: Annotated[
        str, typer.Argument(metavar="SPACE", help="Name of a shipped space file, or the path of your own.")
    ],
    name: Annotated[
        str | None, typer.Option("--name", help="Name of the study; default SPACE-SAMPLER-TIME.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="File or folder of data instead of the sample.")
    ] = None,
    trials: Annotated[int | None, typer.Option("--trials", "-n", help="Number of trials.")] = None,
    sampler: Annotated[
        str | None, typer.Option("--sampler", help="tpe, gp, random, grid or nevergrad:NAME.")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Seed of everything random.")] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Override a key, such as budget.epochs=20."),
    ] = None,
    runs: Runs = RUNS,
    address: Address = None,
    in_process: InProcess = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, start nothing.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on if a study of that name exists.")] = False,
) -> None:
    """Search: carry a space file out as a study, in runs/NAME."""
    from raysearch.cluster.launch import Where, Wish, create_study, prepare
    from raysearch.ledger.ledger import FILE_NAME
    from raysearch.space.space_file import read_space_file
    from raysearch.study.folders import study_folder

    named = {"data.path": data, "search.trials": trials, "search.sampler": sampler, "seed": seed}
    texts = [f"{key}={value}" for key, value in named.items() if value is not None] + (overrides or [])
    path = find_space_file(space)
    space_file = read_space_file(path, texts)
    default = f"{path.stem}-{space_file.search.sampler.replace(':', '-')}-{time.strftime('%Y%m%d-%H%M%S')}"
    folder = study_folder(runs, name or default)
    prepared = prepare(space_file, runs)
    _say(f"{path}: {len(space_file.searched.domains)} settings to search, {space_file.search.trials} trials")
    _say(f"data: {_describe_data(prepared.rehearsal.data)}")
    _say(f"disk: at most {prepared.disk_bytes / 1e6:.0f} MB under {runs}")
    where = Where(address, in_process)
    if dry_run:
        _say("dry run: all checks passed, nothing started")
    elif (folder / FILE_NAME).is_file() and (folder / FILE_NAME).stat().st_size:
        _check_same(folder, prepared.space_file)
        if not resume and not (sys.stdin.isatty() and typer.confirm(f"{folder} exists. Go on with it?")):
            raise InputError(f"{folder} exists; go on with: raysearch resume {folder.name}")
        resume_study(folder, where, Wish(), allow_skew=False)
    else:
        run_study(lambda slots: create_study(prepared, folder, slots), where, space_file.resources, Wish())


def resume_study(folder: Path, where: Where, wish: Wish, *, allow_skew: bool) -> None:
    """Go on with a study after the checks that it is still the same."""
    from raysearch.cluster.launch import check_unchanged
    from raysearch.ledger.ledger import Ledger

    space_file = check_unchanged(folder, allow_skew=allow_skew)
    with Ledger(folder):
        pass  # busy or damaged: say so before Ray starts
    run_study(lambda _: Ledger(folder), where, space_file.resources, wish)


def run_study(
    open_ledger: Callable[[int], Ledger], where: Where, resources: ResourcesSection, wish: Wish
) -> None:
    """Carry a study out with a view on it, mirror it to MLflow, write the report, and say how it went."""
    from raysearch.cli.summary import print_summary
    from raysearch.cli.view import open_view
    from raysearch.cluster.launch import carry_out, executor_for
    from raysearch.report.build import build_report
    from raysearch.tracking.mirror import start_mirror

    _say("running in this process" if where.in_process else "starting Ray")
    failure: RaysearchError | None = None
    with (
        executor_for(where, resources) as executor,
        open_ledger(executor.slots) as ledger,
        open_view() as view,
    ):
        folder = ledger.folder
        try:
            carry_out(ledger, executor, view, start_mirror, wish)
        except RaysearchError as error:
            failure = error
    build_report(folder)
    print_summary(folder)
    if failure is not None:
        raise failure


def _say(text: str) -> None:
    typer.echo(text, err=True)


def _describe_data(data: dict[str, object]) -> str:
    files = data["files"]
    assert isinstance(files, dict)
    return (
        f"{len(files)} file(s), {data['n_train']} to train, {data['n_validation']} to validate, {data['n_test']} to test, "
        f"split by {data['split_by']}"
    )


def _check_same(folder: Path, space_file: SpaceFile) -> None:
    from raysearch.ledger.history import History
    from raysearch.ledger.ledger import read_entries

    created = History(read_entries(folder)).created
    if created.identity != space_file.identity:
        before, now = _flat(created.space_file), _flat(space_file.model_dump(mode="json"))
        differing = [key for key in {**before, **now} if before.get(key) != now.get(key)]
        raise InputError(
            f"{folder} is a study of another space; give another --name. It differs in:",
            *(
                f"  {key}: {before.get(key, 'absent')} there, {now.get(key, 'absent')} here"
                for key in differing
            ),
        )


def _flat(tree: object, prefix: str = "") -> dict[str, object]:
    if not isinstance(tree, dict):
        return {prefix: tree}
    return {
        key: value
        for name, inner in tree.items()
        for key, value in _flat(inner, f"{prefix}.{name}" if prefix else str(name)).items()
    }
