"""Event displays: where in the detector energy was measured, coloured by the particles that it belongs to.

As figure 3 of arXiv:1902.07987, the truth and what a network finds. Two views of each event, across the beam:
x over z, y over z. A point's colour is that of its particles, mixed by their shares.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from raysearch.errors import InputError
from raysearch.metrics.shown import Displays
from raysearch.report.blocks import Block, Heading, Picture, listing
from raysearch.report.shown.part import About, Examples
from raysearch.report.style import GUIDE, PALETTE, literal

WIDTH, HEIGHT = 3.0, 2.5  # of one view, inches
LARGEST = 160.0  # area of the largest point, in points squared
VIEWS, ANSWERS = ("x over z", "y over z"), ("truth", "found")
CAPTION_WIDTH = 22  # letters of a line beside an event


@dataclass(frozen=True)
class DisplaysPart(Examples[Displays]):
    """The events of the first run; of others they would say nothing more."""

    about: About
    value: Displays

    @classmethod
    def evaluate(cls, runs: Sequence[Sequence[Displays]], about: About) -> Self:
        """Take those of the first run.

        Raises:
            InputError: a network's shares are no numbers.
        """
        value = runs[0][0]
        if not np.isfinite(value.found).all():
            raise InputError(f"{value.title}: shares that are not finite")
        return cls(about, value)

    @property
    def first(self) -> Displays:
        """The value."""
        return self.value

    @staticmethod
    def truth(value: Displays) -> np.ndarray:
        """True shares, and where."""
        return np.concatenate([value.places, value.true], axis=1)

    @staticmethod
    def answer(value: Displays) -> np.ndarray:
        """Shares as they were found."""
        return value.found

    def blocks(self) -> list[Block]:
        """One figure."""
        value, n_runs = self.value, len(self.about.tests)
        of_first = f" Found by the first of {n_runs} {self.about.word}s." if n_runs > 1 else ""
        title = value.title[:1].upper() + value.title[1:]
        captions = listing(list(value.captions))
        slug = "".join(c if c.isalnum() else "_" for c in value.title)
        return [
            Heading(title, 3),
            Picture(
                self.about.named(f"displays-{slug}"),
                f"{title}, true shares and found ones side by side: {captions}.",
                f"{title} of the test set from two sides, true shares beside found ones: {captions}. "
                "A point is larger where more was measured, and its colour is that of its particles, mixed "
                f"by their shares.{_of_clusters(value)}{of_first}",
                draw_displays(value),
            ),
        ]


def draw_displays(value: Displays) -> Figure:
    """Draw an event a row: x over z and y over z, of each the truth and beside it the answer."""
    figure = Figure(figsize=(WIDTH * 4, HEIGHT * len(value.captions) + 0.9), layout="constrained")
    grid = figure.subplots(len(value.captions), 4, squeeze=False, sharex=True, sharey=True)
    areas = _areas(value.sizes)
    for number, caption in enumerate(value.captions):
        points = np.flatnonzero(value.event == number)
        points = points[np.argsort(-value.sizes[points], kind="stable")]  # small ones on top
        for column, (axis, shares) in enumerate(
            (axis, shares) for axis in (0, 1) for shares in (value.true, value.found)
        ):
            axes: Axes = grid[number][column]
            axes.scatter(
                value.places[points, 2],
                value.places[points, axis],
                s=areas[points],
                c=mixed(shares[points]),
                linewidths=0,
                rasterized=True,  # of hundreds of points each would be a path of its own
            )
            if number == len(value.captions) - 1:
                axes.set_xlabel(literal(f"z [{value.length_unit}]"))
        grid[number][0].set_ylabel(
            literal(f"{textwrap.fill(caption, CAPTION_WIDTH)}\nx, y [{value.length_unit}]")
        )
    for column, name in enumerate(f"{view}, {what}" for view in VIEWS for what in ANSWERS):
        grid[0][column].set_title(name, fontsize="small")
    handles = [_mark(_colour(number), name) for number, name in _names(value).items()]
    largest = _mark(GUIDE, f"{value.sizes.max():.3g} {value.size_unit}", np.sqrt(LARGEST))
    figure.legend(
        handles=[*handles, largest], loc="outside lower center", ncols=len(handles) + 1, frameon=False
    )
    return figure


def _names(value: Displays) -> dict[int, str]:
    """What is called what, by its column: one that is nowhere true is no particle, though it was found."""
    is_true, is_found = (shares.any(axis=0) for shares in (value.true, value.found))
    particles = {int(number): f"particle {number + 1}" for number in np.flatnonzero(is_true)}
    others = np.flatnonzero(is_found & ~is_true)
    return particles | {int(number): f"matches none, {n}" for n, number in enumerate(others, 1)}


def _of_clusters(value: Displays) -> str:
    """Say what colours mean that are no particle's."""
    matches_none = (value.found.any(axis=0) & ~value.true.any(axis=0)).any()
    told = " What was found and matches no particle has a colour of its own." if matches_none else ""
    return told + (" Grey: found in none." if (value.found.sum(axis=1) <= 0).any() else "")


def _colour(particle: int) -> str:
    return PALETTE[particle % len(PALETTE)]


def _mark(colour: str, label: str, size: float = 8.0) -> Line2D:
    return Line2D([], [], marker="o", linestyle="", color=colour, markersize=size, label=literal(label))


def mixed(shares: NDArray[Any]) -> NDArray[np.float64]:
    """Colours of points (point, 3): those of their particles, by their shares (point, particle)."""
    colours = np.array([to_rgb(_colour(number)) for number in range(shares.shape[1])])
    positive = np.clip(shares.astype(np.float64), 0, None)
    total = positive.sum(axis=1, keepdims=True)
    return np.where(total > 0, positive @ colours / np.where(total > 0, total, 1), to_rgb(GUIDE))


def _areas(sizes: NDArray[Any]) -> NDArray[np.float64]:
    """Areas of points, by the root of what was measured: that spans decades."""
    return np.asarray(LARGEST * np.sqrt(np.clip(sizes / max(float(sizes.max()), 1e-30), 0, 1)))
