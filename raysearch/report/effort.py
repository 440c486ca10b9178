"""What training took: epochs, presentations and seconds, of one run and of a whole search.

A run that goes on from others is taken with those.

A presentation is one example put through one network, so that a generation of eight children presents each of
its examples eight times. Searches are compared by the best objective that they had come to over all that
their runs took: at equal samples seen (presentations), and at equal time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from matplotlib.figure import Figure

from raysearch.ledger.history import History
from raysearch.ledger.run_records import Epoch
from raysearch.ledger.trial_history import RunHistory, TrialHistory
from raysearch.report.blocks import NONE, Block, Heading, Picture, Table, number
from raysearch.report.models import Model
from raysearch.report.style import DASHES, PALETTE, literal, plain_log

Points = list[tuple[float, float]]


@dataclass(frozen=True)
class Axis:
    """A measure of what training took.

    Attributes:
        name: of the figure's file, and in sentences.
        label: of the axis.
        costs: what each epoch took, those of a run in order; empty where the ledger does not say.
    """

    name: str
    label: str
    costs: Callable[[Sequence[Epoch]], list[float]]

    def read(self, course: Sequence[Epoch]) -> list[float]:
        """How far training had come after each epoch of a course, rising."""
        return list(accumulate(self.costs(course)))

    def write(self, value: float) -> str:
        """Write a value without its unit."""
        return f"{value:,.0f}" if value >= 100 or self.name != "seconds" else f"{value:.3g}"

    def limit(self, value: float) -> str:
        """Write a value that is a limit, with its unit."""
        return f"{value:.3g} s" if self.name == "seconds" else f"{value:,.0f} {self.name}"


def _presentations(course: Sequence[Epoch]) -> list[float]:
    """Records count them from the begin of their run."""
    if not all("presentations" in record.metrics for record in course):
        return []
    counts = [record.metrics["presentations"] for record in course]
    before = [
        counts[place - 1] if place and _run_of(course[place - 1]) == _run_of(record) else 0.0
        for place, record in enumerate(course)
    ]
    return [count - earlier for count, earlier in zip(counts, before, strict=True)]


def _run_of(record: Epoch) -> tuple[int, int]:
    return record.trial, record.fold


EPOCHS = Axis("epochs", "epoch", lambda course: [1.0] * len(course))
PRESENTATIONS = Axis("presentations", "presentations (examples x networks)", _presentations)
SECONDS = Axis("seconds", "seconds of training", lambda course: [record.seconds for record in course])
AXES = (EPOCHS, PRESENTATIONS, SECONDS)


def own_epochs(run: RunHistory) -> list[Epoch]:
    """A run's epochs in order."""
    return [run.epochs[epoch] for epoch in sorted(run.epochs)]


def search_course(history: History, axis: Axis) -> Points:
    """The best objective so far over what all runs of all trials took, trials in the order of their commits.

    Returns:
        A point (effort, best) after each trial from the first finished one on, whatever became of the trial;
        empty where the ledger does not say what an epoch took.
    """
    points, spent, best = Points(), 0.0, None
    for trial in history.commit_order:
        course = _epochs_of(trial)
        costs = axis.costs(course)
        if len(costs) < len(course):
            return []
        spent += sum(costs)
        value = trial.committed.value if trial.committed and trial.committed.state == "finished" else None
        if value is not None and (best is None or history.is_better(value, best)):
            best = value
        if best is not None:
            points.append((spent, best))
    return points


def _epochs_of(trial: TrialHistory) -> list[Epoch]:
    return [record for run in trial.runs for record in own_epochs(run)]


def search_effort(models: Sequence[Model]) -> list[Block]:
    """Compare whole searches at equal effort: a figure and a table.

    Args:
        models: of studies with a best trial each and one objective.
    """
    known = {
        axis: {model.name: search_course(model.history, axis) for model in models}
        for axis in (PRESENTATIONS, SECONDS)
    }
    courses = {
        axis: of_axis
        for axis, of_axis in known.items()
        if all(points and points[0][0] > 0 for points in of_axis.values())
    }
    if not courses:
        return []
    objective = models[0].history.created.objective
    told = "; ".join(
        f"{model.name} comes to {number(next(iter(courses.values()))[model.name][-1][1])}" for model in models
    )
    names = " and ".join(axis.name for axis in courses)
    caption = (
        f"Best {objective} so far of each search over the {names} of all runs of all its trials, one after "
        "another in the order of commits: pruned and failed ones, repeats and folds among them. A trial "
        "counts when all of it is over."
    )
    return [
        Heading("What the searches took", 3),
        _table(models, courses, objective),
        Picture(
            "search-effort",
            f"Best {objective} so far of each search over its {names}: {told}.",
            caption,
            draw_searches(courses, objective),
        ),
    ]


def _table(models: Sequence[Model], courses: Mapping[Axis, Mapping[str, Points]], objective: str) -> Table:
    """Each search's effort and outcome, and what it had come to when the one that took least was over."""
    limits = {axis: min(points[-1][0] for points in of_axis.values()) for axis, of_axis in courses.items()}
    rows = tuple(
        (
            model.link,
            number(model.history.n_committed),
            number(sum(len(_epochs_of(trial)) for trial in model.history.commit_order)),
            *(axis.write(of_axis[model.name][-1][0]) for axis, of_axis in courses.items()),
            number(next(iter(courses.values()))[model.name][-1][1]),
            *(_by(of_axis[model.name], limits[axis]) for axis, of_axis in courses.items()),
        )
        for model in models
    )
    head = (
        "search",
        "trials",
        "epochs in all",
        *(f"{axis.name} in all" for axis in courses),
        f"best {objective}",
        *(f"best by {axis.limit(limits[axis])}" for axis in courses),
    )
    caption = (
        "Sums over all runs of all committed trials; seconds are those of the runs, however many went on at "
        f"once. Best by: the best {objective} of the trials that were over by then, which is when the "
        f"shortest search ended; {NONE}: none was."
    )
    return Table(head, rows, caption, frozenset(range(1, len(head))))


def _by(points: Points, limit: float) -> str:
    reached = [best for spent, best in points if spent <= limit]
    return number(reached[-1]) if reached else NONE


def draw_searches(courses: Mapping[Axis, Mapping[str, Points]], objective: str) -> Figure:
    """Draw the best objective so far over what a search took, a panel for each axis.

    Args:
        courses: by axis and study, with at least one point each, effort above 0.
        objective: its name.
    """
    figure = Figure(figsize=(1.8 + 5.0 * len(courses), 4.8), layout="constrained")
    panels = figure.subplots(1, len(courses), sharey=True, squeeze=False)[0]
    for axes, (axis, of_axis) in zip(panels, courses.items(), strict=True):
        for place, (name, points) in enumerate(of_axis.items()):
            colour, dash = PALETTE[place % len(PALETTE)], DASHES[place % len(DASHES)]
            label = literal(name)
            axes.step(*zip(*points, strict=True), where="post", color=colour, ls=dash, label=label, zorder=3)
            axes.plot(*points[-1], "o", color=colour, ms=5, zorder=4)
        axes.set_xscale("log")
        if max(points[-1][0] for points in of_axis.values()) < 10_000:
            plain_log(axes.xaxis)
        axes.set_xlabel(f"{axis.label}, all trials")
        if all(value > 0 for points in of_axis.values() for _, value in points):
            axes.set_yscale("log")
            plain_log(axes.yaxis)
    panels[0].set_ylabel(f"best {objective} so far")
    panels[-1].legend()
    return figure
