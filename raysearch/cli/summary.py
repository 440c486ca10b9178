"""What ``tune`` and ``resume`` end with: the best settings, the figures, and where to look next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import typer

from raysearch.ledger.endings import OVER, count_states
from raysearch.ledger.history import History
from raysearch.ledger.ledger import read_entries
from raysearch.ledger.over_folds import mean_and_sd
from raysearch.ledger.trial_history import TrialHistory
from raysearch.library.report_writer import BEING_WRITTEN, PAGE, report_state
from raysearch.report.states import objective_names, plain_loss, tests_of, training_loss_of
from raysearch.study.folders import as_typed, name_of, resume_command

PARTS = ("train", "val", "test")
N_REASONS = 3
N_FRONT = 10


def print_summary(folder: Path) -> None:
    """Print how a study stands, within 80 columns."""
    history = History(read_entries(folder))
    space_file = history.created.space_file
    minutes, seconds = divmod(history.busy_ms // 1000, 60)
    typer.echo(
        f"\n{name_of(folder)}: {history.n_committed} of {history.n_trials} trials, "
        f"{count_states(history.committed, OVER[1:])}, {minutes} min {seconds} s"
    )
    _print_reasons(history, "failed")
    _print_reasons(history, "refused")
    if history.best is not None:
        _print_best(history, history.best)
    if history.best is not None and space_file["demonstration_of"]:
        typer.echo("\nThis study is a demonstration, cut to minutes. The physics:")
        typer.echo(f"          raysearch tune {space_file['demonstration_of']} --data DIR")
    typer.echo(f"\nreport:   {_where_report(folder)}")
    typer.echo("MLflow:   raysearch dashboard")
    given = all(trial.given for trial in history.trials)  # a sampler's would be another question
    if (
        history.is_complete and not given and not history.exhausted
    ):  # else the error that ended it says how to go on
        more = f"--trials +{space_file['search']['trials']}"
        typer.echo(f"go on:    {resume_command(folder, more)}")


def _where_report(folder: Path) -> str:
    page, state = folder / PAGE, report_state(folder)
    if state == BEING_WRITTEN:
        return f"{page}\n          is being written; to wait for it: raysearch wait {as_typed(folder)}"
    if not page.is_file():
        return f"raysearch report {name_of(folder)}"
    return str(page) if state in {None, str(page)} else f"{page}\n          {state}"


def _print_reasons(history: History, state: str) -> None:
    reasons = Counter(
        trial.failure.strip().splitlines()[-1]
        for trial in history.committed
        if trial.state == state and trial.failure
    )
    for reason, n_trials in reasons.most_common(N_REASONS):
        typer.echo(f"{state + ':':<10}{n_trials} x {reason}")


def _print_best(history: History, best: TrialHistory) -> None:
    ended = [run.ended for run in best.runs if run.ended]
    tests = tests_of(history, best)
    figures = mean_and_sd([record.metrics for record in ended]) | mean_and_sd(
        [test.metrics for test in tests]
    )
    of_folds = f", mean and sd over {len(ended)} {history.created.run_word}s" if len(ended) > 1 else ""
    epochs = (
        ", ".join(f"{record.best_epoch} of {record.epochs}" for record in ended[:1]) if not of_folds else ""
    )
    typer.echo(f"\nbest: trial {best.number}{of_folds}{f', epoch {epochs}' if epochs else ''}")
    names = _main_metrics(ended[0].metrics, history.created.data.get("classes", ()))
    rows = {name: [_with_sd(figures, f"{part}_{name}") for part in PARTS] for name in names}
    width = max(18 if of_folds else 12, *(len(cell) + 2 for cells in rows.values() for cell in cells))
    typer.echo(f"  {'':<24}{'training':>{width}}{'validation':>{width}}{'test':>{width}}")
    for name, cells in rows.items():
        typer.echo(f"  {name:<24}" + "".join(f"{cell:>{width}}" for cell in cells))
    if history.created.space_file.get("strategy") and "train_loss" in figures:
        typer.echo("  training loss: mean of each generation's lowest, on its own batch")
    elif told := training_loss_of(best):
        typer.echo(f"  training loss: {told}")
    if (plain := plain_loss(history)) is not None:
        typer.echo(f"  {plain.name:<24}{'-':>{width}}{plain.loss:>{width}.4f}{'-':>{width}}")
    if tests:
        typer.echo(
            f"  chosen by {history.created.objective}; test: {tests[-1].n_test} examples never chosen on"
        )
    typer.echo("settings")
    for name, value in best.settings.items():
        typer.echo(f"  {name:<24}{f'{value:.4g}' if isinstance(value, float) else value!s:>12}")
    _print_front(history)


def _with_sd(figures: dict[str, float], name: str) -> str:
    if name not in figures:
        return "-"
    sd = figures.get(f"{name}_sd")
    return f"{figures[name]:.4f}" + ("" if sd is None else f" +- {sd:.4f}")


def _print_front(history: History) -> None:
    """Print the Pareto front, where several objectives were searched."""
    if not history.created.others:
        return
    names = objective_names(history)
    typer.echo(f"\nfront: {len(history.front)} trials that no other one beats in all of {', '.join(names)}")
    typer.echo(f"  {'trial':>6}" + "".join(f"{name:>16}" for name in names))
    for trial in history.front[:N_FRONT]:
        values = history.objectives(trial) or []
        typer.echo(f"  {trial.number:>6}" + "".join(f"{value:>16.5g}" for value in values))
    if len(history.front) > N_FRONT:
        typer.echo(f"  and {len(history.front) - N_FRONT} more, see the report")


def _main_metrics(metrics: dict[str, float], classes: Sequence[str]) -> list[str]:
    """Names of those of a part of the data, without the part; those of one class stand in the report."""
    names = list(dict.fromkeys(metric.partition("_")[2] for metric in metrics if metric.startswith(PARTS)))
    of_a_class = {f"{name}_{each}" for name in names for each in classes}
    return [name for name in names if name not in of_a_class]
