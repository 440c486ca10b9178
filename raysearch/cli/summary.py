"""What ``tune`` and ``resume`` end with: the best settings, the figures, and where to look next."""

from __future__ import annotations

from pathlib import Path

import typer

from raysearch.ledger.history import History
from raysearch.ledger.ledger import read_entries


def print_summary(folder: Path) -> None:
    """Print how a study stands."""
    history = History(read_entries(folder))
    created, best = history.created, history.best
    minutes, seconds = divmod(history.busy_ms // 1000, 60)
    typer.echo(
        f"\n{folder.name}: {history.n_committed} of {history.n_trials} trials, {history.n_failed} failed, "
        f"{minutes} min {seconds} s"
    )
    if best is not None and best.runs[0].ended is not None:
        ended = best.runs[0].ended
        typer.echo(f"best: trial {best.number}, epoch {ended.best_epoch}: {_figures(ended.metrics)}")
        for name, value in best.settings.items():
            typer.echo(f"  {name:<24} {value:.4g}" if isinstance(value, float) else f"  {name:<24} {value}")
        tests = [record for record, _ in history.tests if record.trial == best.number]
        if tests:
            typer.echo(
                f"test ({tests[-1].n_test} examples that nothing was chosen on): {_figures(tests[-1].metrics)}"
            )
    if created.space_file["demonstration_of"]:
        typer.echo(
            "This study is a demonstration, cut to minutes. The physics: "
            f"raysearch tune {created.space_file['demonstration_of']}"
        )
    typer.echo(f"report:   {folder / 'report' / 'index.html'}")
    typer.echo("MLflow:   raysearch dashboard")
    typer.echo(f"go on:    raysearch resume {folder.name} --trials +{created.space_file['search']['trials']}")


def _figures(metrics: dict[str, float]) -> str:
    """The main metrics; those by class (``val_auc_g`` beside ``val_auc``) stand in report and ``best``."""
    main = [name for name in metrics if not any(name.startswith(f"{other}_") for other in metrics)]
    return ", ".join(f"{name} {metrics[name]:.4f}" for name in main)
