"""Trials that began from others: who came from whom, as a figure, and the best trial's ancestors as a table.

For population based training the figure is that of Jaderberg et al., arXiv:1711.09846, figure 6, over
intervals instead of a layout; for evolution it is drawn over trials.
"""

from __future__ import annotations

import statistics

from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from raysearch.ledger.history import History
from raysearch.ledger.trial_history import TrialHistory
from raysearch.report.blocks import Block, Heading, Picture, Table, count, listing, number
from raysearch.report.states import reached
from raysearch.report.style import BEST, FAINT, FINISHED, PALETTE, new_axes


def lineage_part(history: History) -> list[Block]:
    """Make the part on trials and their parents; nothing where no trial has one."""
    children = [trial for trial in history.trials if trial.parent is not None]
    if not any(reached(trial) is not None for trial in children):
        return []
    blocks: list[Block] = [Heading("Lineage"), _picture(history, children)]
    return [*blocks, _ancestors(history, history.best)] if history.best else blocks


def population(history: History) -> int | None:
    """Members of a population whose trials are intervals of training, else None."""
    search = history.created.space_file["search"]
    return int(search["options"]["population"]) if search["sampler"] == "pbt" else None


def is_copy(history: History, trial: TrialHistory) -> bool:
    """Whether a member of a population went on from another one (exploit)."""
    members = population(history)
    return members is not None and trial.parent is not None and (trial.number - trial.parent) % members != 0


def draw_lineage(history: History) -> Figure:
    """Draw the trials that have come to a value as points, each joined to its parent.

    Args:
        history: with at least one trial that has a parent and a value.
    """
    figure, axes = new_axes(8.0, 5.0)
    members, objective = population(history), history.created.objective
    points = {
        trial.number: (trial.number // members if members else trial.number, value)
        for trial in history.trials
        if (value := reached(trial)) is not None
    }
    children = [trial for trial in history.trials if trial.number in points and trial.parent in points]
    went_on = [trial for trial in children if not is_copy(history, trial)]
    copies = [trial for trial in children if is_copy(history, trial)]
    for trials, style, name in (
        (went_on, {"color": FAINT, "lw": 1.0}, "went on" if members else "child of"),
        (copies, {"color": PALETTE[2], "lw": 1.2, "ls": (0, (4, 2))}, "copied (exploit)"),
    ):
        lines = [[points[trial.parent], points[trial.number]] for trial in trials if trial.parent is not None]
        if lines:
            links = LineCollection(lines, label=name, zorder=1, **style)  # type: ignore[arg-type]
            axes.add_collection(links)
    axes.plot(*zip(*points.values(), strict=True), "o", ms=5, color=FINISHED, label="trial", zorder=3)
    if copies:
        places = [points[trial.number] for trial in copies]
        axes.plot(*zip(*places, strict=True), "o", ms=10, mfc="none", mec=PALETTE[2], mew=1.6, zorder=4)
    if history.best:
        line = [points[trial] for trial in history.lineage(history.best.number) if trial in points]
        axes.plot(*zip(*line, strict=True), "-", lw=3, color=BEST, label="best lineage", zorder=2)
        axes.plot(*line[-1], "o", ms=13, mfc="none", mec=BEST, mew=2, zorder=5)
    values = [value for _, value in points.values()]
    if min(values) > 0 and max(values) > 20 * min(values):
        axes.set_yscale("log")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.minorticks_off()
    axes.margins(0.06, 0.1)
    axes.set_xlabel("interval" if members else "trial")
    axes.set_ylabel(objective)
    axes.legend(ncols=4, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2)
    return figure


def _picture(history: History, children: list[TrialHistory]) -> Picture:
    members, best, objective = population(history), history.best, history.created.objective
    n_copies = sum(is_copy(history, trial) for trial in children)
    if members:
        how = (
            f"Member m's trial in interval i is trial {members} i + m. A line joins each interval of a "
            f"member to the trial it went on from; {count(n_copies, 'time')} a member that failed or was "
            "among the worst copied weights and settings of one of the best and changed the settings "
            "(green)."
        )
    else:
        how = "A line joins each trial to its parent, from whose weights it began."
    alt = (
        f"{objective} of {len(history.trials)} trials, {len(children)} of which began from another's weights"
    )
    alt += f", {n_copies} of those from another member's." if members else "."
    if best:
        how += f" Thick: the way to trial {best.number}, the best."
        alt += f" Lineage of the best: {listing([str(trial) for trial in history.lineage(best.number)])}."
    return Picture("lineage", alt, f"{objective} of every trial. {how}", draw_lineage(history))


def _ancestors(history: History, best: TrialHistory) -> Table:
    names = history.created.settings
    trials = [history.trials[number_] for number_ in history.lineage(best.number)]
    head = ("trial", "began from", history.created.objective, "epochs behind it", *names)
    rows = tuple(
        (
            str(trial.number),
            _origin(history, trial),
            number(reached(trial)),
            _age(history, trial),
            *(number(trial.settings[name]) for name in names),
        )
        for trial in trials
    )
    caption = (
        f"The ancestors of trial {best.number}, the best. Epochs behind a trial are its own and those of its "
        "ancestors, of each up to its best epoch, where the next one began."
    )
    numbers = frozenset({0, 2, 3} | {4 + place for place in range(len(names))})
    return Table(head, rows, caption, numbers, frozenset({len(rows) - 1}))


def _origin(history: History, trial: TrialHistory) -> str:
    if trial.parent is None:
        return "given settings" if trial.given else "new weights"
    if population(history) is None:
        return f"trial {trial.parent}"
    return f"trial {trial.parent}, " + ("copied" if is_copy(history, trial) else "itself")


def _age(history: History, trial: TrialHistory) -> str:
    ages = [history.age(trial.number, run.fold) for run in trial.runs]
    return number(ages[0] if len(set(ages)) == 1 else statistics.fmean(ages))
