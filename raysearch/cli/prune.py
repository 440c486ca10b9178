"""``raysearch prune``: drop most of a trained model's weights, round by round, and retrain what is left."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from raysearch.cli.options import Device, Name, Runs, Trial
from raysearch.study.folders import RUNS

if TYPE_CHECKING:
    from raysearch.after.prune_table import Round, Table


def prune(
    name: Name,
    trial: Trial = "best",
    rounds: Annotated[int, typer.Option("--rounds", help="How many prunings.")] = 7,
    target: Annotated[
        float,
        typer.Option(
            "--target", help="Share of the weights dropped in the end; 7 rounds to 0.717: the paper."
        ),
    ] = 0.717,
    l1: Annotated[float, typer.Option("--l1", help="Penalty on sum |w| while retraining.")] = 1e-4,
    epochs: Annotated[
        int | None, typer.Option("--epochs", help="Epochs of each retraining; default the study's.")
    ] = None,
    patience: Annotated[
        int | None, typer.Option("--patience", help="Of early stopping; default the study's, 0: none.")
    ] = None,
    fold: Annotated[int, typer.Option("--fold", help="Whose model, of a study with folds.")] = 0,
    new_name: Annotated[
        str, typer.Option("--name", help="Folder for the results, in the study's.")
    ] = "pruned",
    device: Device = "cpu",
    force: Annotated[bool, typer.Option("--force", help="Throw away what such a folder holds.")] = False,
    runs: Runs = RUNS,
) -> None:
    """Prune a trained model and retrain it, by rounds.

    raysearch prune jet-dnn --rounds 7 --target 0.717

    The smallest weights go, as in arXiv:1804.06913; table.json, report.md and model.pt lie in
    runs/NAME/pruned/.
    """
    from raysearch.library.open import study_folder_of
    from raysearch.library.prune import prune as carry_out

    done = carry_out(
        study_folder_of(name, runs),
        trial=trial,
        rounds=rounds,
        target=target,
        l1=l1,
        epochs=epochs,
        patience=patience,
        fold=fold,
        name=new_name,
        device=device,
        force=force,
        listen=_say,
        again=shlex.join(["raysearch", *(word for word in sys.argv[1:] if word != "--force")]),
    )
    _print(done.table, done.objective, done.folder)


def _say(done: Round, rounds: int) -> None:
    """Tell of a round, in one line."""
    share = 100 * done.dropped / done.weights
    typer.echo(
        f"round {done.number} of {rounds}: {share:.1f} % of the weights dropped, "
        f"best of {done.epochs} epochs is {done.best_epoch}",
        err=True,
    )


def _print(table: Table, objective: str, folder: Path) -> None:
    from raysearch.after.prune_report import table_rows, test_rows
    from raysearch.cli.text_table import aligned

    for rows in (table_rows(table, objective, before=False), test_rows(table, objective)):
        for line in aligned(rows):
            typer.echo(line)
        typer.echo()
    typer.echo(f"report:   {folder / 'report.md'}")
    typer.echo(f"model:    {folder / 'model.pt'}")
