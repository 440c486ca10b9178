"""``raysearch reproduce``: a trial's runs again, compared with the ledger."""

from __future__ import annotations

from typing import Annotated

import typer

from raysearch.cli.options import Address, InProcess, Runs
from raysearch.study.folders import RUNS


def reproduce(
    name: Annotated[
        str, typer.Argument(metavar="NAME[:TRIAL]", help="The study, and which trial: best, or its number.")
    ],
    runs: Runs = RUNS,
    address: Address = None,
    in_process: InProcess = False,
) -> None:
    """Train a trial again and compare it with the ledger, bit for bit.

    raysearch reproduce jedinet:7

    Same seeds, data and code. Nothing of the study is written to. Exit code 1 if anything differs, all of it
    listed: on the same processor, torch, numpy and kernel a single bit, elsewhere figures by more than 2 %
    and 0.002.
    """
    from raysearch.cli.terminal import CommandLine
    from raysearch.library.open import study_folder_of
    from raysearch.library.opened_study import OpenedStudy

    study, _, trial = name.partition(":")
    opened = OpenedStudy(study_folder_of(study, runs))
    done = opened.reproduce(trial or "best", address=address, local=in_process, show=CommandLine())
    for line in done.lines:
        typer.echo(line)
    if done.differences:
        raise typer.Exit(1)
