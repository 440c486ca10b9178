"""``raysearch tune``: carry a space file out as a study."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from raysearch.cli.options import Address, InProcess, Runs, find_space_file
from raysearch.errors import InputError, NoFinishedTrialError, StoppedError, StorageError, TooManyFailedError
from raysearch.study.folders import RUNS, has_begun, resume_command, study_folder

if TYPE_CHECKING:
    from raysearch.cluster.request import Where, Wish
    from raysearch.ledger.ledger import Ledger
    from raysearch.space.space_file import SpaceFile


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
    from raysearch.space.space_file import read_space_file

    named = {
        "data.path": data and str(data),
        "search.trials": trials,
        "search.sampler": sampler,
        "seed": seed,
    }
    # as JSON, so that a folder called 2024 or null stays a text in YAML
    texts = [f"{key}={json.dumps(value)}" for key, value in named.items() if value is not None]
    texts += overrides or []
    path = find_space_file(space)
    space_file = read_space_file(path, texts)
    default = f"{path.stem}-{space_file.search.sampler.replace(':', '-')}-{time.strftime('%Y%m%d-%H%M%S')}"
    folder = study_folder(runs, name or default)
    _say(f"{space}: {len(space_file.searched.domains)} settings to search, {space_file.search.trials} trials")
    _say("checking settings, task and data")
    from raysearch.cluster.launch import create_study, prepare  # with torch: takes seconds
    from raysearch.cluster.request import NO_WISH, Where

    prepared = prepare(space_file, runs)
    _say(f"data: {_describe_data(prepared.rehearsal.data)}")
    _say(f"disk: at most {prepared.disk_bytes / 1e6:.0f} MB under {runs}")
    where = Where(address, in_process)
    if dry_run:
        _say("dry run: all checks passed, nothing started")
    elif has_begun(folder):
        _check_same(folder, prepared.space_file)
        if not resume and not (sys.stdin.isatty() and typer.confirm(f"{folder} exists. Go on with it?")):
            raise InputError(f"{folder} exists; go on with: {resume_command(folder)}, or give another --name")
        resume_study(folder, where, NO_WISH, allow_skew=False)
    else:
        run_study(lambda slots: create_study(prepared, folder, slots), where, space_file, NO_WISH)


def resume_study(folder: Path, where: Where, wish: Wish, *, allow_skew: bool) -> None:
    """Go on with a study, if anything is left to do, after the checks that it is still the same."""
    from raysearch.ledger.ledger import Ledger

    with Ledger(folder) as ledger:  # busy or damaged: say so before anything else
        done = _is_done(ledger)
    if done and not wish.extra_trials:
        more = resume_command(folder, f"--trials +{done}")
        typer.echo(f"{folder.name}: all {done} trials are done, nothing is left to do; for more: {more}")
        return
    _say(f"{folder.name}: checking that task, data and packages are the same")
    from raysearch.cluster.launch import check_unchanged

    space_file = check_unchanged(folder, allow_skew=allow_skew)
    run_study(lambda _: Ledger(folder), where, space_file, wish)


def run_study(open_ledger: Callable[[int], Ledger], where: Where, space_file: SpaceFile, wish: Wish) -> None:
    """Carry a study out with a view on it, mirror it to MLflow, write the report, and say how it went.

    Raises:
        TooManyFailedError: more trials failed than the space file allows.
    """
    _say("running in this process" if where.in_process else "starting Ray")
    from raysearch.cli.summary import print_summary
    from raysearch.cli.view import open_view
    from raysearch.cluster.launch import carry_out, executor_for
    from raysearch.tracking.mirror import start_mirror

    failure: NoFinishedTrialError | StoppedError | TooManyFailedError | None = None
    with executor_for(where, space_file.resources) as executor, open_ledger(executor.slots) as ledger:
        folder = ledger.folder
        if not where.in_process:
            _say(f"Ray is up: {executor.slots} run{'s' if executor.slots > 1 else ''} at a time")
        try:
            with open_view() as view:
                history = carry_out(ledger, executor, view, start_mirror, wish)
            if history.n_failed > space_file.budget.max_failed:
                failure = TooManyFailedError(
                    f"{folder.name}: {history.n_failed} trials failed, "
                    f"budget.max_failed allows {space_file.budget.max_failed}"
                )
        except (NoFinishedTrialError, StoppedError) as error:
            failure = error
        except StorageError as error:
            raise StorageError(
                f"{error}\nonce that is mended, go on with: {resume_command(folder)}"
            ) from error
    if not isinstance(failure, StoppedError):
        _say("writing the report")
        from raysearch.report.build import build_report

        build_report(folder)
    print_summary(folder)
    if failure is not None:
        raise failure


def _is_done(ledger: Ledger) -> int:
    """How many trials a study has that is complete, with test figures and report; 0 if it is not."""
    from raysearch.ledger.history import History

    history = History(ledger.entries)
    tested = [record.trial for record, _ in history.tests[-1:]]
    reported = (ledger.folder / "report" / "index.html").is_file()
    return (
        history.n_trials
        if history.is_complete and tested == [history.best and history.best.number] and reported
        else 0
    )


def _say(text: str) -> None:
    typer.echo(text, err=True)


def _describe_data(data: dict[str, object]) -> str:
    files = data["files"]
    assert isinstance(files, dict)
    where = f"{len(files)} file{'s' if len(files) > 1 else ''}, " if files else ""
    return (
        f"{where}{data['n_train']} to train, {data['n_validation']} to validate, {data['n_test']} to test, "
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
