"""Pictures: examples of what a generator makes below those of the simulation, over one scale of colours."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure

from raysearch.errors import InputError
from raysearch.metrics.shown import Pictures
from raysearch.report.blocks import Block, Heading, Picture, listing
from raysearch.report.shown.part import About, Examples
from raysearch.report.style import literal

ACROSS = 5  # pairs beside each other
WIDTH = 2.6  # of one of them, inches
DECADES = 1e4  # of a logarithmic scale, below the largest value
CAPTION_WIDTH = 24  # letters of a line above a picture


@dataclass(frozen=True)
class PicturesPart(Examples[Pictures]):
    """The examples of the first run; of others they would say nothing more."""

    about: About
    value: Pictures

    @classmethod
    def evaluate(cls, runs: Sequence[Sequence[Pictures]], about: About) -> Self:
        """Take those of the first run.

        Raises:
            InputError: no value in them is finite.
        """
        value = runs[0][0]
        if not all(np.isfinite(each).any() for each in (value.real, value.made)):
            raise InputError(f"{value.title}: no value is finite")
        return cls(about, value)

    @property
    def first(self) -> Pictures:
        """The value."""
        return self.value

    @staticmethod
    def truth(value: Pictures) -> np.ndarray:
        """The real ones."""
        return value.real

    @staticmethod
    def answer(value: Pictures) -> np.ndarray:
        """The made ones."""
        return value.made

    def blocks(self) -> list[Block]:
        """One figure."""
        value, n_runs = self.value, len(self.about.tests)
        of_first = (
            f" The generator is that of the first of {n_runs} {self.about.word}s." if n_runs > 1 else ""
        )
        slug = "".join(c if c.isalnum() else "_" for c in value.title)
        title = value.title[:1].upper() + value.title[1:]
        real, made = value.origins
        where = "left and right" if len(value.real) == 1 else "above and below"
        return [
            Heading(title, 3),
            Picture(
                self.about.named(f"pictures-{slug}"),
                f"{title}, {real} and {made}, {where}: {listing(list(value.captions))}.",
                f"{title} of the {real} and of the {made} ({where}), over one scale of colours: "
                f"{listing(list(value.captions))}.{of_first}",
                draw_pictures(value),
            ),
        ]


def draw_pictures(value: Pictures) -> Figure:
    """Draw pairs of examples, real above made, further pairs below; a single pair side by side."""
    if len(value.real) == 1:
        return _draw_single(value)
    n_pairs, height, width = value.real.shape
    across = min(ACROSS, n_pairs)
    down = -(-n_pairs // across)
    tall = WIDTH * min(max(height / width, 0.5), 1.6)
    lines = max(len(_caption(each).splitlines()) for each in value.captions)
    size = (WIDTH * across + 1.8, (2 * tall + 0.5 + 0.2 * lines) * down + 0.3)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(2 * down, across, squeeze=False, sharex=True, sharey=True)
    scale = _scale(value)
    for axes in grid.flat:
        axes.set_visible(False)
    for place in range(n_pairs):
        row, column = divmod(place, across)
        upper, lower = grid[2 * row][column], grid[2 * row + 1][column]
        for axes, examples, name in (
            (upper, value.real, value.origins[0]),
            (lower, value.made, value.origins[1]),
        ):
            _draw_picture(axes, examples[place], scale)
            _name_rows(axes, value)
            axes.tick_params(labelbottom=axes is lower, labelleft=column == 0)
            if column == 0:
                axes.set_ylabel(f"{name}\n{literal(value.y)}".rstrip(), loc="center")
        upper.set_title(_caption(value.captions[place]), fontsize="small")
        lower.set_xlabel(literal(value.x))
    _colour_bar(figure, grid, scale, value)
    return figure


def _draw_single(value: Pictures) -> Figure:
    """Draw one pair side by side, as large as its names need."""
    size = max(4.2, 0.34 * len(value.names))
    figure = Figure(figsize=(2 * size + 1.4, size + 0.6), layout="constrained")
    grid = figure.subplots(1, 2, squeeze=False, sharey=True)
    scale = _scale(value)
    for axes, examples, name in zip(grid[0], (value.real, value.made), value.origins, strict=True):
        _draw_picture(axes, examples[0], scale)
        _name_rows(axes, value)
        axes.set_title(name, fontsize="small")
        axes.set_xlabel(literal(value.x))
    grid[0][0].set_ylabel(literal(value.y))
    _colour_bar(figure, grid, scale, value)
    return figure


def _draw_picture(axes: Axes, example: np.ndarray, scale: tuple[Normalize, str]) -> None:
    """One picture; what has no place on a logarithmic scale stays white."""
    norm, cmap = scale
    shown = np.ma.masked_invalid(example)
    if isinstance(norm, LogNorm):
        shown = np.ma.masked_less_equal(shown, 0)
    axes.set_visible(True)
    axes.imshow(shown, origin="lower", aspect="auto", norm=norm, cmap=cmap, interpolation="nearest")
    axes.minorticks_off()


def _name_rows(axes: Axes, value: Pictures) -> None:
    """Write the names of rows and columns, of a table that has them."""
    if value.names:
        names = [literal(name) for name in value.names]
        axes.set_xticks(range(len(names)), names, rotation=90, fontsize="x-small")
        axes.set_yticks(range(len(names)), names, fontsize="x-small")


def _colour_bar(figure: Figure, grid: np.ndarray, scale: tuple[Normalize, str], value: Pictures) -> None:
    label = literal(f"[{value.unit}]") if value.unit else ""
    figure.colorbar(ScalarMappable(*scale), ax=grid, label=label, pad=0.02, aspect=35)


def _caption(caption: str) -> str:
    return literal(textwrap.fill(caption, CAPTION_WIDTH))


def _scale(value: Pictures) -> tuple[Normalize, str]:
    """One scale for all pictures, so that they can be compared: around 0 where values have both signs."""
    known = np.concatenate([each[np.isfinite(each)] for each in (value.real, value.made)]).astype(np.float64)
    largest = float(np.abs(known).max()) or 1.0
    if known.min() < 0:
        return Normalize(-largest, largest), "RdBu_r"
    positive = known[known > 0]
    if value.log and len(positive):
        return LogNorm(max(float(positive.min()), largest / DECADES), largest), "viridis_r"
    return Normalize(0, largest), "viridis_r"
