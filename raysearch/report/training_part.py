"""How the best trials of several studies train: loss over epochs, presentations and seconds, and as a table.

For studies that differ in the way they train, such as evolution and gradients: over presentations methods are
compared at equal samples seen, over seconds at equal time. A run that went on from another's weights has what
those took behind it, and is shown with it. What the whole searches took stands below (``effort``).
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from raysearch.ledger.run_records import Epoch
from raysearch.ledger.trial_history import RunHistory
from raysearch.report.blocks import NONE, PM, Block, Heading, Picture, Table, listing, number
from raysearch.report.effort import AXES, Axis, Points, own_epochs, search_effort
from raysearch.report.measured import Measured, over_runs
from raysearch.report.models import Model
from raysearch.report.states import PlainLoss, plain_loss
from raysearch.report.style import DASHES, FAILED, PALETTE, literal, new_axes, plain_log

LOSS = "val_loss"
GRID = 200  # points of a band


def training_part(models: Sequence[Model]) -> list[Block]:
    """Make the part; nothing where studies do not differ in how they train, or cannot be compared.

    They can with one task and one objective, which is lower for better. That training is what they are about
    shows in a strategy that evolves weights, in trials that go on from others, or in repeats, which measure
    nothing else.
    """
    shown = [model for model in models if model.history.best and _runs(model)]
    created = [model.history.created for model in shown]
    about_training = any(each.space_file.get("strategy") or each.run_word == "repeat" for each in created)
    about_training = about_training or any(
        trial.parent is not None for model in shown for trial in model.history.trials
    )
    alike = {(each.space_file["task"], each.objective, each.maximise) for each in created}
    if len(shown) < 2 or len(alike) > 1 or created[0].maximise or not about_training:
        return []
    metric = next((name for name in (LOSS, created[0].objective) if _is_known(shown, name)), None)
    if metric is None:
        return []
    axes = [
        axis
        for axis in AXES
        if all(min(axis.read(_course(m, run)), default=0) > 0 for m in shown for run in _runs(m))
    ]
    return [
        Heading("How they train"),
        _table(shown, metric, axes),
        *(_picture(shown, axis, metric) for axis in axes),
        *search_effort(shown),
    ]


def _is_known(models: Sequence[Model], metric: str) -> bool:
    """Whether every epoch has the metric, above 0, as logarithms need it."""
    records = [record for model in models for run in _runs(model) for record in _course(model, run)]
    return all(record.metrics.get(metric, 0) > 0 for record in records)


def _runs(model: Model) -> list[RunHistory]:
    """Runs of the best trial that have epochs."""
    return [run for run in model.history.best.runs if run.epochs] if model.history.best else []


def _behind(model: Model, run: RunHistory) -> list[Epoch]:
    """Epochs of the runs that it goes on from."""
    return model.history.behind(run.trial, run.fold)


def _course(model: Model, run: RunHistory) -> list[Epoch]:
    """All that a run's weights went through: the epochs behind it, and its own."""
    return [*_behind(model, run), *own_epochs(run)]


def _curve(model: Model, run: RunHistory, axis: Axis, metric: str) -> Points:
    """The metric over an axis, from where the oldest ancestor began."""
    course = _course(model, run)
    return list(zip(axis.read(course), (record.metrics[metric] for record in course), strict=True))


def _picture(models: Sequence[Model], axis: Axis, metric: str) -> Picture:
    curves = {model.name: [_curve(model, run, axis, metric) for run in _runs(model)] for model in models}
    ends = "; ".join(
        f"{name} from {number(statistics.fmean(c[0][1] for c in runs))} to "
        f"{number(statistics.fmean(c[-1][1] for c in runs))}"
        for name, runs in curves.items()
    )
    several = any(len(runs) > 1 for runs in curves.values())
    losses = {plain_loss(model.history) for model in models}
    plain = losses.pop() if len(losses) == 1 and metric == LOSS else None
    told = f"{metric} over {axis.label} of each study's best trial, both logarithmic."
    if several:
        told += (
            " Thick lines and bands: mean and sample sd over the runs, of the logarithm, as far as all runs "
            "went; thin: each run."
        )
    if went_on := [model.name for model in models if _went_on(model)]:
        told += (
            f" The best trial of {listing(went_on)} went on from another's weights: its line begins with its "
            "oldest ancestor, and holds each ancestor up to the epoch from which the next began."
        )
    return Picture(
        f"loss-over-{axis.name}",
        f"{metric} over {axis.name} of each study's best trial: {ends}.",
        told,
        draw_courses(curves, axis.label, metric, plain),
    )


def _went_on(model: Model) -> bool:
    return any(_behind(model, run) for run in _runs(model))


def draw_courses(
    curves: Mapping[str, Sequence[Points]], xlabel: str, ylabel: str, plain: PlainLoss | None = None
) -> Figure:
    """Draw losses over how far training had come.

    Args:
        curves: for each study those of its best trial's runs, with at least one point each, above 0.
        xlabel: of the axis.
        ylabel: of the axis.
        plain: the loss of an estimate that needs no network, where there is one.
    """
    figure, axes = new_axes(7.8, 5.2)
    for place, (name, runs) in enumerate(curves.items()):
        _draw_study(axes, name, runs, PALETTE[place % len(PALETTE)], DASHES[place % len(DASHES)])
    if plain is not None:
        axes.axhline(plain.loss, color=FAILED, ls=":", lw=1.4, zorder=1, label=plain.name)
    axes.set_xscale("log")
    axes.set_yscale("log")
    plain_log(axes.yaxis)
    if max(points[-1][0] for runs in curves.values() for points in runs) < 10_000:
        plain_log(axes.xaxis)
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    axes.legend()
    return figure


def _draw_study(axes: Axes, name: str, runs: Sequence[Points], colour: str, dash: object) -> None:
    look: dict[str, Any] = {"color": colour, "ls": dash, "label": literal(name), "zorder": 4}
    if len(runs) == 1:
        marker = "o" if len(runs[0]) == 1 else None  # one point has no line
        axes.plot(*zip(*runs[0], strict=True), marker=marker, **look)
        return
    for points in runs:
        axes.plot(*zip(*points, strict=True), color=colour, lw=0.6, alpha=0.45, zorder=2)
    grid, mean, spread = course(runs)
    axes.fill_between(
        grid, np.exp(mean - spread), np.exp(mean + spread), color=colour, alpha=0.2, lw=0, zorder=3
    )
    axes.plot(grid, np.exp(mean), lw=2.2, **look)


def course(runs: Sequence[Points]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean and sample standard deviation of the runs' logarithms.

    Args:
        runs: two or more, each with points of rising place above 0 and value above 0.

    Returns:
        Places from where all runs have begun to where the first one ends, and both logarithms there, (point,)
        each.
    """
    begin, end = max(points[0][0] for points in runs), min(points[-1][0] for points in runs)
    grid = np.geomspace(begin, max(end, begin), GRID)
    logarithms = [np.log(points) for points in runs]  # (point, 2) each
    logs = np.array([np.interp(np.log(grid), each[:, 0], each[:, 1]) for each in logarithms])
    return grid, logs.mean(axis=0), logs.std(axis=0, ddof=1)


def _table(models: Sequence[Model], metric: str, axes: Sequence[Axis]) -> Table:
    """Each study's best trial: its settings, losses and what it took; and the losses at equal effort."""
    limits = {axis.name: _shared_end(models, axis) for axis in axes}
    test = "test_loss" if any("test_loss" in model.figures for model in models) else ""
    inherited = any(_went_on(model) for model in models)
    rows = tuple(
        (
            model.link,
            _settings(model),
            str(model.figures.get(metric, NONE)),
            *([str(model.figures.get(test, NONE))] if test else []),
            *(_effort(axis, [own_epochs(run) for run in _runs(model)]) for axis in axes),
            *(_effort(axis, [_behind(model, run) for run in _runs(model)]) for axis in axes if inherited),
            *(_at(model, axis, metric, limits[axis.name]) for axis in axes),
        )
        for model in models
    )
    head = (
        "study",
        "best settings",
        metric,
        *([test] if test else []),
        *(f"{axis.name} a run" for axis in axes),
        *(f"{axis.name} behind the run" for axis in axes if inherited),
        *(f"{metric} by {axis.limit(limits[axis.name])}" for axis in axes),
    )
    return Table(head, rows, _told(models, metric, axes), frozenset(range(2, len(head))))


def _told(models: Sequence[Model], metric: str, axes: Sequence[Axis]) -> str:
    runs = sorted({len(_runs(model)) for model in models})
    spread = (
        f"{PM}: sample sd over the runs of a trial ({listing([str(n) for n in runs])})"
        if runs[-1] > 1
        else "One run a trial"
    )
    told = (
        f"Best trial of each study, chosen on validation data. {spread}; "
        f"{listing([axis.name for axis in axes])} a run: its own, until it ended. "
    )
    if any(_went_on(model) for model in models):
        told += (
            "Behind the run: what its ancestors took, whose weights it went on from, each up to the epoch "
            "from which the next began. The last columns compare at equal effort, ancestors' and own: the "
            f"least {metric} that a run, or an ancestor of it, had come to by then."
        )
    else:
        told += (
            f"The last columns compare at equal effort: the least {metric} that a run had come to by then."
        )
    return told


def _settings(model: Model) -> str:
    best = model.history.best
    return ", ".join(f"{name} = {number(best.settings[name])}" for name in best.settings) if best else NONE


def _shared_end(models: Sequence[Model], axis: Axis) -> float:
    """How far every run of every study has come, with what is behind it."""
    return min(axis.read(_course(model, run))[-1] for model in models for run in _runs(model))


def _effort(axis: Axis, courses: Sequence[Sequence[Epoch]]) -> str:
    """What runs took: one number, or least and most."""
    written = list(dict.fromkeys(axis.write(end) for end in sorted(sum(axis.costs(c)) for c in courses)))
    return written[0] if len(written) == 1 else f"{written[0]} to {written[-1]}"


def _at(model: Model, axis: Axis, metric: str, limit: float) -> str:
    """The least value that the runs had come to by a limit, over the runs."""
    reached = [
        [value for place, value in _curve(model, run, axis, metric) if place <= limit] for run in _runs(model)
    ]
    if not all(reached):
        return NONE
    return str(over_runs([Measured(min(values)) for values in reached]))
