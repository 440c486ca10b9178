"""Figures over time: the objective over trials, and learning curves over epochs."""

from __future__ import annotations

from collections.abc import Iterable

from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from raysearch.ledger.history import History
from raysearch.ledger.trial_history import RunHistory, TrialHistory
from raysearch.report.states import plain_loss, reached
from raysearch.report.style import BEST, FAILED, FAINT, FINISHED, PALETTE, new_axes

FEW = 100  # trials


def running_best(history: History) -> tuple[list[int], list[float]]:
    """Trial numbers of the finished trials and the best value up to each, in trial order."""
    numbers: list[int] = []
    best: list[float] = []
    for trial in history.trials:
        if trial.value is not None:
            better = not best or history.is_better(trial.value, best[-1])
            numbers.append(trial.number)
            best.append(trial.value if better else best[-1])
    return numbers, best


def draw_objective(history: History) -> Figure:
    """Draw the objective of each trial and the best so far; pruned ones where they ended, others below."""
    figure, axes = new_axes()
    finished = [trial for trial in history.trials if trial.value is not None]
    numbers, best = running_best(history)
    axes.step(numbers, best, where="post", color=BEST, label="best so far", zorder=2)
    errors = [fold_spread(trial) or 0.0 for trial in finished]
    word = history.created.run_word
    label = f"finished (bar: sd over {word}s)" if history.created.folds > 1 else "finished"
    axes.errorbar(
        [trial.number for trial in finished],
        [trial.value for trial in finished if trial.value is not None],
        yerr=errors if any(errors) else None,
        fmt="o", color=FINISHED, label=label, zorder=3,
    )  # fmt: skip
    if history.best and history.best.value is not None:
        spot = (history.best.number, history.best.value)
        axes.plot(*spot, "o", ms=13, mfc="none", mec=BEST, mew=2, label="best")
    pruned = [(trial.number, value) for trial in history.trials
              if trial.state == "pruned" and (value := reached(trial)) is not None]  # fmt: skip
    if pruned:
        axes.plot(*zip(*pruned, strict=True), "v", color=FINISHED, mfc="none", label="pruned", zorder=3)
    for state, mark in (("failed", "x"), ("refused", "s")):
        numbers = [trial.number for trial in history.trials if trial.state == state]
        if numbers:  # they have no value: they stand at the lower edge
            axes.plot(numbers, [0.03] * len(numbers), mark, color=FAILED, mfc="none", mew=2, ms=8,
                      transform=axes.get_xaxis_transform(), label=state, clip_on=False)  # fmt: skip
    _log_if_wide(axes, [value for trial in history.trials if (value := reached(trial)) is not None])
    axes.set_xlim(-0.6, max(len(history.trials), 2) - 0.4)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.minorticks_off()
    axes.margins(y=0.12)
    axes.set_xlabel("trial")
    axes.set_ylabel(history.created.objective)
    n_marks = len(axes.get_legend_handles_labels()[0])
    axes.legend(
        ncols=4 if n_marks <= 4 else 3, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2
    )  # clear of the points
    return figure


def fold_spread(trial: TrialHistory) -> float | None:
    """Sample standard deviation of the objective over a trial's runs; None for fewer than two."""
    values = [run.ended.value for run in trial.runs if run.ended and run.ended.value is not None]
    if len(values) < 2:
        return None
    mean = sum(values) / len(values)
    return (sum((value - mean) ** 2 for value in values) / (len(values) - 1)) ** 0.5


def draw_learning_curves(history: History, best: TrialHistory) -> Figure:
    """Draw training and validation curves of the best trial, the others' validation curves faintly."""
    validation = history.created.objective
    training = "train_" + validation.removeprefix("val_")
    figure, axes = new_axes()
    others = [run for trial in history.trials if trial is not best for run in trial.runs]
    _draw_others(axes, [points for run in others if (points := _points(run, validation))])
    for place, run in enumerate(best.runs):
        _draw_run(
            axes,
            run,
            training,
            color=PALETTE[0],
            ls="--",
            zorder=3,
            label=None if place else f"{training} (best)",
        )
        _draw_run(
            axes, run, validation, color=BEST, zorder=4, label=None if place else f"{validation} (best)"
        )
        if run.ended and run.ended.best_epoch is not None and run.ended.value is not None:
            label = None if place else "kept epoch"
            axes.plot(run.ended.best_epoch, run.ended.value, "o", color=BEST, ms=8, zorder=5, label=label)
    shown = [value for run in best.runs for name in (training, validation) for _, value in _points(run, name)]
    _log_if_wide(axes, [*shown, *(value for run in others for _, value in _points(run, validation))])
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.tick_params(axis="x", which="minor", bottom=False, top=False)
    axes.set_xlabel("epoch")
    axes.set_ylabel(validation.removeprefix("val_"))
    if (plain := plain_loss(history)) is not None:
        axes.axhline(plain.loss, color=FAILED, ls=":", lw=1.4, zorder=2, label=plain.name)
    # Where there is most room is found by going through all that is drawn. Losses fall: a corner is free.
    axes.legend(loc="best" if len(others) <= FEW else "upper right")
    return figure


def _draw_others(axes: Axes, curves: list[list[tuple[int, float]]]) -> None:
    """Draw the curves of the trials that are not the best, as one: thousands of lines would take minutes."""
    if not curves:
        return
    axes.add_collection(LineCollection(curves, colors=FAINT, linewidths=0.9, zorder=1, label="other trials"))
    if dots := [points[0] for points in curves if len(points) == 1]:  # one point has no line
        axes.plot(*zip(*dots, strict=True), ".", color=FAINT, zorder=1)
    axes.autoscale_view()


def _points(run: RunHistory, metric: str) -> list[tuple[int, float]]:
    return [
        (epoch, record.metrics[metric])
        for epoch, record in sorted(run.epochs.items())
        if metric in record.metrics
    ]


def _draw_run(axes: Axes, run: RunHistory, metric: str, **look: object) -> None:
    points = _points(run, metric)
    if points:
        marker = "." if len(points) == 1 else None  # one point has no line
        axes.plot(*zip(*points, strict=True), marker=marker, **look)  # type: ignore[arg-type]


def _log_if_wide(axes: Axes, values: Iterable[float]) -> None:
    """Use a logarithmic axis where one runaway trial would press all others into a line."""
    known = list(values)
    if known and min(known) > 0 and max(known) > 20 * min(known):
        axes.set_yscale("log")
