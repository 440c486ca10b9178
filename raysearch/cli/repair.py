"""``raysearch repair``: a damaged ledger is cut before its damage, and a copy of it kept."""

from __future__ import annotations

from typing import Annotated

import typer

from raysearch.cli.options import Name, Runs
from raysearch.study.folders import RUNS


def repair(
    name: Name,
    to_record: Annotated[
        int | None, typer.Option("--to-record", metavar="N", help="Keep the records up to N and no more.")
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Cut it; without, it is only said what would be.")
    ] = False,
    runs: Runs = RUNS,
) -> None:
    """Cut a study's damaged ledger before the damage.

    Says what is wrong, what would be cut and which trials lose their results; with --yes cuts it, after a
    copy as ledger.jsonl.damaged-TIME is on the disk. What is cut is trained again by raysearch resume.
    """
    from raysearch.ledger.repair import cut, find_cut
    from raysearch.library.open import study_folder_of
    from raysearch.study.folders import as_typed, resume_command

    folder = study_folder_of(name, runs)
    found = find_cut(folder, to_record)
    typer.echo(f"{found.path}: {found.problem or 'sound'}")
    if not found.cut_bytes:
        typer.echo("nothing is to be cut")
        return
    n_kept, n_lost = len(found.kept), len(found.lost)
    typer.echo(
        f"keeps records 0 to {n_kept - 1} ({found.kept_bytes:,} bytes); cuts {found.cut_bytes:,} bytes: "
        f"{n_lost} sound records and {found.unreadable} lines that are none"
    )
    trials = ", ".join(map(str, found.trials)) or "none that can be read"
    typer.echo(f"results that are cut: of trials {trials}; they are trained again")
    if not yes:
        limit = "" if to_record is None else f" --to-record {to_record}"
        typer.echo(f"nothing was changed; to cut it: raysearch repair {as_typed(folder)}{limit} --yes")
        return
    typer.echo(f"cut; as it was: {cut(found)}")
    typer.echo(f"go on:    {resume_command(folder)}")
