"""Several objectives: the trials that no other one beats in all of them (Pareto front), drawn and listed."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from raysearch.ledger.history import History
from raysearch.ledger.trial_history import TrialHistory
from raysearch.report.blocks import Block, Heading, Picture, Table, listing, number, text
from raysearch.report.states import objective_names
from raysearch.report.style import BEST, FINISHED, new_axes


def front_part(history: History) -> list[Block]:
    """Make the part on the objectives' trade-off; nothing where there is one objective."""
    if not history.created.others:
        return []
    names, front = objective_names(history), history.front
    blocks: list[Block] = [Heading("Pareto front")]
    if not front:
        return [*blocks, text("No trial has finished yet.")]
    for place, name in enumerate(names[1:], start=1):
        told = "; ".join(_told(history, trial, names) for trial in front)
        blocks.append(
            Picture(
                f"front-{place}",
                f"{name} over {names[0]} of every finished trial. On the front: {told}.",
                f"{name} over {names[0]}, each finished trial a point; filled: the {len(front)} that no "
                f"other trial beats in every objective ({_directions(history)}). Numbers are those of the "
                "trials.",
                draw_front(history, place),
            )
        )
    head = ("trial", *names, *history.created.settings)
    rows = tuple(
        (
            str(trial.number),
            *map(number, history.objectives(trial) or ()),
            *(number(trial.settings[name]) for name in history.created.settings),
        )
        for trial in front
    )
    caption = (
        f"The trials on the front, by {names[0]}; the first is the one that is tested and shown as the best."
    )
    return [*blocks, Table(head, rows, caption, frozenset(range(1 + len(names))))]


def _told(history: History, trial: TrialHistory, names: Sequence[str]) -> str:
    values = zip(names, history.objectives(trial) or (), strict=True)
    return f"trial {trial.number} " + ", ".join(f"{name} {number(value)}" for name, value in values)


def _directions(history: History) -> str:
    more = {history.created.objective: history.created.maximise, **history.created.others}
    return listing(
        [f"{name}: {'higher' if is_more else 'lower'} is better" for name, is_more in more.items()]
    )


def draw_front(history: History, place: int) -> Figure:
    """Draw one further objective over the first.

    Args:
        history: with at least one finished trial.
        place: of the further objective among all, from 1.
    """
    names, front = objective_names(history), history.front
    figure, axes = new_axes(7.6, 5.2)
    points = {
        trial.number: (values[0], values[place])
        for trial in history.committed
        if (values := history.objectives(trial)) is not None
    }
    on_front = [points[trial.number] for trial in front]
    others = [point for number_, point in points.items() if number_ not in {trial.number for trial in front}]
    if others:
        axes.plot(*zip(*others, strict=True), "o", mfc="none", color=FINISHED, label="other trials", zorder=2)
    line = "-" if len(names) == 2 else ""  # of more objectives the front is no line in this plane
    axes.plot(
        *zip(*on_front, strict=True), marker="o", ls=line, lw=1.2, color=BEST, label="Pareto front", zorder=3
    )
    for trial in front:
        axes.annotate(
            str(trial.number),
            points[trial.number],
            xytext=(5, 5),
            textcoords="offset points",
            fontsize="x-small",
        )
    _log_if_wide(axes, [point[1] for point in points.values()])
    axes.set_xlabel(names[0])
    axes.set_ylabel(names[place])
    axes.margins(0.08)
    axes.legend()
    return figure


def _log_if_wide(axes: Axes, values: Sequence[float]) -> None:
    if min(values) > 0 and max(values) > 20 * min(values):
        axes.set_yscale("log")
