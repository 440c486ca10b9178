"""How figures follow a number that several studies differ in: training examples, particles of a jet."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from raysearch.report.blocks import Block, Heading, Picture, Table, listing
from raysearch.report.extrapolation import LearningCurve, fitted
from raysearch.report.measured import Measured
from raysearch.report.members import Member, grouped, numeric_keys, short
from raysearch.report.models import Model
from raysearch.report.published import Published
from raysearch.report.shown import PARTS
from raysearch.report.shown.part import Words
from raysearch.report.states import run_words
from raysearch.report.style import DASHES, PALETTE, literal, new_axes

Points = list[tuple[float, Measured]]
EXAMPLES = "data.limit"  # the key of a number of training examples
CONTINUED = (2, 5, 10)  # times the largest such number


def dependence(members: Sequence[Member]) -> list[Block]:
    """Validation result and leading test figure over each numeric key that is varied."""
    models = [member.model for member in members if member.model]
    objective = models[0].history.created.objective
    titles = {objective: objective} | {
        name: f"{words.long} on test" for name, words in leading(models).items()
    }
    blocks = [
        block
        for key in numeric_keys(members)
        for name, title in titles.items()
        for block in _over_key(members, key, name, title)
    ]
    return [Heading("How it follows what is varied"), *blocks] if blocks else []


def leading(models: Sequence[Model]) -> dict[str, Words]:
    """The figure of each type of shown values that is drawn over what studies differ in."""
    kinds = [part for part in PARTS.values() if part.LEADING]
    return {
        part.LEADING: part.MAIN[part.LEADING]
        for part in kinds
        if any(model.result.of(part) for model in models)
    }


def _over_key(members: Sequence[Member], key: str, metric: str, title: str) -> list[Block]:
    models = [member.model for member in members if member.model]
    lines = lines_of(members, key, lambda member: member.model.figures.get(metric) if member.model else None)
    told = "; ".join(
        f"{name or title}: " + ", ".join(f"{x:g} {value}" for x, value in points)
        for name, points in lines.items()
    )
    printed = {
        group: points
        for group, inside in grouped(members, key).items()
        if (
            points := [
                (m.varied[key], value)
                for m in inside
                for e in m.published
                if (value := _value(e, metric)) is not None
            ]
        )
    }
    sources = dict.fromkeys(e.source for m in members for e in m.published if metric in e.metrics)
    published = f" Hollow: published ({listing(list(sources))}), from other data." if printed else ""
    picture = Picture(
        f"{metric}-over-{key.replace('.', '-')}",
        f"{title} over {short(key)}. {told}.",
        f"{title} of each member's best over {short(key)}; {_bars(models)}.{published}",
        draw_dependence(lines, printed, short(key), title),
    )
    return _continued(picture, lines, title) if key == EXAMPLES else [picture]


def _bars(models: Sequence[Model]) -> str:
    words = run_words([model.history for model in models])
    return f"bars: sample sd over {words}, where there are {words}"


def _value(entry: Published, metric: str) -> float | None:
    value = entry.metrics.get(metric)
    return float(value[0] if isinstance(value, list | tuple) else value) if value is not None else None


def lines_of(
    members: Sequence[Member], key: str, read: Callable[[Member], Measured | None]
) -> dict[str, Points]:
    """Points over ``key``, rising, one line for each combination of the other varied keys."""
    lines = {
        group: sorted(
            ((member.varied[key], value) for member in inside if (value := read(member)) is not None),
            key=lambda point: point[0],
        )
        for group, inside in grouped(members, key).items()
    }
    return {group: points for group, points in lines.items() if points}


def draw_dependence(
    lines: Mapping[str, Points],
    published: Mapping[str, Sequence[tuple[float, float]]],
    xlabel: str,
    ylabel: str,
) -> Figure:
    """Draw one figure over one varied key.

    Args:
        lines: of :func:`lines_of`.
        published: points of the same lines.
        xlabel: the key.
        ylabel: the figure.
    """
    figure, axes = new_axes(7.6, 5.0)
    for place, group in enumerate(dict.fromkeys([*lines, *published])):
        colour, dash = PALETTE[place % len(PALETTE)], DASHES[place % len(DASHES)]
        points = lines.get(group, [])
        axes.errorbar(
            [x for x, _ in points],
            [value.value for _, value in points],
            yerr=[value.error or 0.0 for _, value in points],
            fmt="o", ls=dash, color=colour, capsize=3, label=literal(group or "here"),
        )  # fmt: skip
        if known := published.get(group):
            label = literal(f"{group or 'it'}, published")
            axes.plot(
                [x for x, _ in known], [y for _, y in known], "s", mfc="none", ms=8, color=colour, label=label
            )
    xs = [x for points in lines.values() for x, _ in points]
    xs += [x for known in published.values() for x, _ in known]
    if min(xs) > 0 and max(xs) >= 8 * min(xs):
        axes.set_xscale("log")
    axes.margins(0.08)
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    axes.legend()
    return figure


def learning_curves(models: Sequence[Model]) -> list[Block]:
    """The leading test figures over the number of training examples; nothing where all have one number."""
    pictures = [
        each for name, words in leading(models).items() for each in _learning_curve(models, name, words)
    ]
    return [Heading("Learning curve"), *pictures] if pictures else []


def _learning_curve(models: Sequence[Model], figure: str, words: Words) -> list[Block]:
    """One figure; a line joins studies of a series that differ in nothing else, or with the same settings."""
    joined: dict[str, list[Model]] = {}
    for model in models:
        if model.history.created.data.get("n_train") is not None and figure in model.figures:
            joined.setdefault(_but_for_size(model), []).append(model)
    lines: dict[str, Points] = {}
    tasks = Counter(_task(inside[0]) for inside in joined.values())
    for inside in joined.values():
        first, task = inside[0], _task(inside[0])
        points = [(model.history.created.data["n_train"], model.figures[figure]) for model in inside]
        more = f" and {len(inside) - 1} more" if len(inside) > 1 else ""
        name = f"{task}, {first.name}{more}" if tasks[task] > 1 else task
        lines[name] = sorted(points, key=lambda point: point[0])
    if not any(len({size for size, _ in points}) > 1 for points in lines.values()):
        return []
    told = "; ".join(
        f"{name}: " + ", ".join(f"{size:,} {value}" for size, value in points)
        for name, points in lines.items()
    )
    title = f"{words.long} on test"
    over = f"{title[:1].upper()}{title[1:]} over the number of training examples"
    picture = Picture(
        "learning-curve",
        f"{over}. {told}.",
        f"{over}, a line where nothing else differs but what a series searched; {_bars(models)}.",
        draw_dependence(lines, {}, "training examples", title),
    )
    return _continued(picture, lines, title)


def _continued(picture: Picture, lines: Mapping[str, Points], title: str) -> list[Block]:
    """Add what more training examples would give, where it can be told."""
    laws = {name: law for name, points in lines.items() if (law := fitted(points)) is not None}
    if not laws:
        return [picture]
    axes = picture.drawing.axes[0]
    axes.set_xscale("log")
    for place, name in enumerate(lines):
        if law := laws.get(name):
            sizes = law.largest * np.geomspace(1, CONTINUED[-1], 30)
            expected = [law.at(n) for n in sizes]
            colour = PALETTE[place % len(PALETTE)]
            axes.plot(sizes, [each.value for each in expected], ls=":", color=colour)
            low, high = [each.low for each in expected], [each.high for each in expected]
            axes.fill_between(sizes, low, high, color=colour, alpha=0.15, lw=0)
    caption = f"{picture.caption} Dotted: continued by the fitted law, with a band of 68 %."
    return [replace(picture, caption=caption), _expected(laws, title)]


def _expected(laws: Mapping[str, LearningCurve], title: str) -> Table:
    """What the fitted laws say of more data."""
    rows = tuple(
        (
            name,
            f"{law.largest:,.0f}",
            f"{law.exponent:.2f}{', its bound' if law.is_bound else ''}",
            *(str(law.at(times * law.largest)) for times in CONTINUED),
        )
        for name, law in laws.items()
    )
    return Table(
        ("", "trained on", "c", *(f"at {times} times as many" for times in CONTINUED)),
        rows,
        f"{title} that more examples would give, all else as it was, by limit - gain n^-c fitted to these "
        "sizes; in brackets where 68 % of the fits lie when the points move by their errors: of means over K "
        "models sd / sqrt(K), with the sd of all sizes taken together, as a power of n, and Student's t.",
    )


def _task(model: Model) -> str:
    return str(model.history.created.space_file["task"]).rpartition(":")[2]


def _but_for_size(model: Model) -> str:
    """What is the same in all studies of one line: of a series its space and search, else the settings."""
    created, best = model.history.created, model.history.best
    file = created.space_file
    data = {**file["data"], "limit": None}
    if created.series:
        search = {key: value for key, value in file["search"].items() if key != "enqueue"}
        same: list[Any] = [created.series, search, file["space"]]
    else:
        same = ["", {**file["space"], **(best.settings if best else {})}, created.data["files"]]
    ways = [file.get("strategy"), file.get("agreement")]
    # Without what is not set, for a later version may know more keys.
    told = [{k: v for k, v in each.items() if v is not None} for each in (data, file["budget"])]
    return json.dumps([file["task"], ways, *told, *same], sort_keys=True)
