"""Figures over settings: their importance (fANOVA), and parallel coordinates of all trials.

Hutter, Hoos, Leyton-Brown, "An efficient approach for assessing hyperparameter importance", ICML 2014,
as in Optuna. It explains the variance over the whole space; PED-ANOVA, Optuna's default, looks at the
best trials alone, among which a setting with one hopeless value no longer differs, and calls it nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.importance import FanovaImportanceEvaluator, get_param_importances

from raysearch.ledger.history import History
from raysearch.ledger.trial_history import TrialHistory
from raysearch.report.blocks import number
from raysearch.report.style import BEST, FAILED, PALETTE, literal, new_axes

FOREST_SEED = 0  # of fANOVA's random forest: the same ledger gives the same figure
MOST_TRIALS = (
    2000  # more are thinned evenly: shares no longer change, and a tree's time grows faster than they
)
MIN_TRIALS = 4  # fewer say nothing about importance, not even roughly


def importance(history: History) -> dict[str, float]:
    """Share of each searched setting in the objective, falling; empty with too few trials, or all alike."""
    finished = [trial for trial in history.trials if trial.value is not None]
    space = history.created.space_file["space"]
    domains = {name: _distribution(space[name]) for name in history.created.settings}
    domains = {name: domain for name, domain in domains.items() if not domain.single()}
    if len(finished) < MIN_TRIALS or not domains:
        return {}
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)  # a study in memory is not news
    try:
        study = optuna.create_study(direction="maximize" if history.created.maximise else "minimize")
    finally:
        optuna.logging.set_verbosity(verbosity)
    for trial in finished[:: every(len(finished))]:
        settings = {name: trial.settings[name] for name in domains}
        study.add_trial(optuna.create_trial(value=trial.value, params=settings, distributions=domains))
    evaluator = FanovaImportanceEvaluator(n_trees=_n_trees(len(finished)), seed=FOREST_SEED)
    try:
        shares = get_param_importances(study, evaluator=evaluator, params=list(domains))
    except RuntimeError:  # no tree of the forest sees values that differ
        return {}
    return {name: float(share) for name, share in shares.items()}


def every(n_trials: int) -> int:
    """Each how many of the finished trials goes into the forest."""
    return math.ceil(n_trials / MOST_TRIALS)


def _n_trees(n_trials: int) -> int:
    """Optuna's 64 up to 300 trials, then fewer: of more trials each tree is better, and takes longer."""
    return max(8, min(64, 64 * 300 // n_trials))


def _distribution(domain: Mapping[str, Any]) -> BaseDistribution:
    """Optuna's form of a domain of a space file."""
    log = domain.get("log", False)
    if domain["type"] == "choice":
        return CategoricalDistribution(tuple(domain["values"]))
    if domain["type"] == "int":
        return IntDistribution(domain["low"], domain["high"], log=log, step=domain.get("step", 1))
    return FloatDistribution(domain["low"], domain["high"], log=log)


def draw_importance(shares: Mapping[str, float]) -> Figure:
    """Draw the importance of the settings as bars."""
    figure, axes = new_axes(8.0, 1.2 + 0.36 * len(shares))
    names = list(shares)[::-1]
    bars = axes.barh(names, [shares[name] for name in names], color=PALETTE[0], height=0.66)
    axes.bar_label(bars, fmt=" %.2f", fontsize="small")
    axes.set_xlim(0, max(shares.values()) * 1.13 or 1)
    axes.tick_params(axis="y", which="both", left=False, right=False)
    axes.tick_params(axis="x", which="minor", bottom=False, top=False)
    axes.set_xlabel("share of importance (fANOVA)")
    return figure


@dataclass(frozen=True)
class Coordinate:
    """One upright axis: where a value lies between 0 and 1, and its ticks."""

    name: str
    place: Callable[[Any], float]
    ticks: tuple[tuple[float, str], ...]


def coordinate(name: str, domain: Mapping[str, Any]) -> Coordinate:
    """Make the axis of a setting: categories evenly, numbers as they were searched, in logarithms or not."""
    if domain["type"] == "choice":
        values = list(domain["values"])
        spots = {repr(value): (place + 0.5) / len(values) for place, value in enumerate(values)}
        return Coordinate(
            name, lambda value: spots[repr(value)], tuple((spots[repr(v)], str(v)) for v in values)
        )
    return _numeric(
        name, domain["low"], domain["high"], log=domain.get("log", False), whole=domain["type"] == "int"
    )


def _numeric(name: str, low: float, high: float, *, log: bool, whole: bool = False) -> Coordinate:
    scale: Callable[[float], float] = math.log if log else float
    width = (scale(high) - scale(low)) or 1.0

    def place(value: float) -> float:
        return (scale(value) - scale(low)) / width

    if log:
        between = LogLocator(subs=(1.0,) if high / low > 30 else (1.0, 2.0, 5.0)).tick_values(low, high)
    else:
        between = MaxNLocator(5, integer=whole).tick_values(low, high)
    values = [float(tick) for tick in between if low < tick < high]
    values = [tick for tick in values if 0.07 < place(tick) < 0.93]  # else they run into the ends' labels
    return Coordinate(name, place, tuple((place(tick), f"{tick:.3g}") for tick in (low, *values, high)))


def draw_parallel(history: History) -> Figure:
    """Draw every trial as a line through its settings to its objective.

    The best on top, unfinished ones dotted.
    """
    space = history.created.space_file["space"]
    finished = [trial for trial in history.trials if trial.value is not None]
    values = [trial.value for trial in finished if trial.value is not None]
    log = min(values) > 0 and max(values) > 20 * min(values)
    last = _numeric(history.created.objective, min(values), max(values), log=log)
    columns = [*(coordinate(name, space[name]) for name in history.created.settings), last]
    figure, axes = new_axes(max(8.0, 1.28 * len(columns)), 5.0)
    _draw_columns(axes, columns)
    colours = ScalarMappable(Normalize(0, 1), colormaps["viridis"])
    ended = [_line(history, each, columns) for each in history.trials if each.is_over and each.value is None]
    lines = [_line(history, each, columns) for each in finished if each is not history.best]
    # As collections: thousands of lines as artists take minutes.
    axes.add_collection(LineCollection(ended, linestyles=":", linewidths=1.1, colors=FAILED, zorder=2))
    shades = colours.to_rgba(np.array([line[-1][1] for line in lines]))
    axes.add_collection(LineCollection(lines, linewidths=1.3, alpha=0.75, colors=shades, zorder=3))
    if history.best:
        heights = _heights(history, history.best, columns)
        axes.plot(heights, lw=5, color="white", zorder=4)
        axes.plot(heights, lw=2.8, color=BEST, marker="o", ms=6, zorder=5, clip_on=False)
    return figure


def _line(history: History, trial: TrialHistory, columns: list[Coordinate]) -> list[tuple[float, float]]:
    """A trial's line as points."""
    return list(enumerate(_heights(history, trial, columns)))


def _heights(history: History, trial: TrialHistory, columns: list[Coordinate]) -> list[float]:
    """Where a trial's line crosses the axes; that of the objective only with a value.

    Lines through one category are spread a little by trial number, else they would hide each other.
    """
    space = history.created.space_file["space"]
    heights = []
    for column in columns[:-1]:
        spread = 0.0
        if space[column.name]["type"] == "choice" and len(history.trials) > 1:
            spread = 0.09 * (trial.number / (len(history.trials) - 1) - 0.5)
        heights.append(column.place(trial.settings[column.name]) + spread)
    return [*heights, columns[-1].place(trial.value)] if trial.value is not None else heights


def _draw_columns(axes: Axes, columns: list[Coordinate]) -> None:
    axes.set_xlim(-0.35, len(columns) - 0.55)
    axes.set_ylim(-0.05, 1.05)
    for place, column in enumerate(columns):
        axes.plot([place, place], [0, 1], color="#303030", lw=1.1, zorder=1)
        for height, label in column.ticks:
            axes.plot([place - 0.035, place], [height, height], color="#303030", lw=1, zorder=1)
            axes.text(
                place - 0.06, height, literal(label), ha="right", va="center", fontsize="x-small", zorder=6,
                bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.6},
            )  # fmt: skip
    labels = [literal(column.name.replace("_", "_\n")) for column in columns]
    axes.set_xticks(range(len(columns)), labels, fontsize="small")
    axes.set_yticks([])
    axes.minorticks_off()
    axes.tick_params(axis="x", length=0, pad=2)
    axes.spines[:].set_visible(False)


def describe_domain(entry: object) -> str:
    """Write a domain of a space file for people: ``5 to 50``, ``relu, elu or selu``, or ``held``."""
    if not isinstance(entry, dict):
        return "held"
    if entry["type"] == "choice":
        return " | ".join(str(value) for value in entry["values"])
    extras = [f"step {entry['step']}"] if entry.get("step", 1) != 1 else []
    extras += ["log"] if entry.get("log") else []
    bounds = f"{number(entry['low'])} to {number(entry['high'])}"
    return ", ".join([bounds, *extras])
