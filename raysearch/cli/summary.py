"""What ``tune`` and ``resume`` end with: the best settings, the figures, and where to look next."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import typer

from raysearch.ledger.history import History, TrialHistory
from raysearch.ledger.ledger import read_entries
from raysearch.study.folders import resume_command

PARTS = ("train", "val", "test")
N_FAILURES = 3


def print_summary(folder: Path) -> None:
    """Print how a study stands, within 80 columns."""
    history = History(read_entries(folder))
    space_file = history.created.space_file
    minutes, seconds = divmod(history.busy_ms // 1000, 60)
    typer.echo(
        f"\n{folder.name}: {history.n_committed} of {history.n_trials} trials, {history.n_failed} failed, "
        f"{minutes} min {seconds} s"
    )
    _print_failures(history)
    if history.best is not None:
        _print_best(history, history.best)
    if history.best is not None and space_file["demonstration_of"]:
        typer.echo("\nThis study is a demonstration, cut to minutes. The physics:")
        typer.echo(f"          raysearch tune {space_file['demonstration_of']} --data DIR")
    report = folder / "report" / "index.html"
    typer.echo(f"\nreport:   {report if report.is_file() else f'raysearch report {folder.name}'}")
    typer.echo("MLflow:   raysearch dashboard")
    if history.is_complete:  # else the error that ended it says how to go on
        more = f"--trials +{space_file['search']['trials']}"
        typer.echo(f"go on:    {resume_command(folder, more)}")


def _print_failures(history: History) -> None:
    reasons = Counter(trial.failure.strip().splitlines()[-1] for trial in history.committed if trial.failure)
    for reason, n_trials in reasons.most_common(N_FAILURES):
        typer.echo(f"failed:   {n_trials} x {reason}")


def _print_best(history: History, best: TrialHistory) -> None:
    ended = best.runs[0].ended
    assert ended is not None
    tests = [record for record, _ in history.tests if record.trial == best.number]
    figures = ended.metrics | (tests[-1].metrics if tests else {})
    typer.echo(f"\nbest: trial {best.number}, epoch {ended.best_epoch} of {ended.epochs}")
    typer.echo(f"  {'':<24}{'training':>12}{'validation':>12}{'test':>12}")
    for name in _main_metrics(ended.metrics):
        cells = [figures.get(f"{part}_{name}") for part in PARTS]
        typer.echo(
            f"  {name:<24}" + "".join(f"{'-' if cell is None else f'{cell:.4f}':>12}" for cell in cells)
        )
    if tests:
        typer.echo(
            f"  chosen by {history.created.objective}; test: {tests[-1].n_test} examples never chosen on"
        )
    typer.echo("settings")
    for name, value in best.settings.items():
        typer.echo(f"  {name:<24}{f'{value:.4g}' if isinstance(value, float) else value!s:>12}")


def _main_metrics(metrics: dict[str, float]) -> list[str]:
    """Their names without the part; those by class (``auc_g`` beside ``auc``) stand in the report."""
    names = list(dict.fromkeys(metric.partition("_")[2] for metric in metrics))
    return [name for name in names if not any(name.startswith(f"{other}_") for other in names)]
