"""Draws digits of the 8 x 8 sample, real, reconstructed and generated, a row each.

    python benchmarks/digit_rows.py --vae NAME=STUDY ... --generator NAME=STUDY ... [--out docs/figures]

STUDY is a study's folder: of the task nnd_vae, or of graph_gan or flow_matching. Nobody chooses among digits:
shown are the first ones of each label, of the test part or of the training part, and the first that a
generator makes for these; one that is not told labels makes whatever it makes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from raysearch.after.trained import TrainedTrial
from raysearch.data.tensors import TensorData
from raysearch.library.opened_study import OpenedStudy
from raysearch.metrics.generation.digit_images import N_DIGITS
from raysearch.report.style import hep_style, to_bytes
from raysearch.tasks.cloud_rows import DIGIT_POINTS, LABEL
from raysearch.tasks.nnd_vae_results import RECONSTRUCTED
from raysearch.tasks.nnd_vae_rows import POINTS, STATISTICS, in_files_units
from raysearch.training.randomness import load_parts

SIDE = 8
SEED = 1
FINE = 8  # parts of a pixel along each axis, by which points are placed
CELL, NAMES = 0.62, 2.7  # inches: of a digit, of what stands to the left of it


class Row(NamedTuple):
    """Some digits and what they are called; whether a gap is above them."""

    name: str
    images: NDArray[np.float64]
    is_apart: bool


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description="Draw digits real, reconstructed and generated.")
    parser.add_argument("--vae", action="append", default=[], metavar="NAME=STUDY")
    parser.add_argument("--generator", action="append", default=[], metavar="NAME=STUDY")
    parser.add_argument("--out", type=Path, default=Path("docs/figures"))
    given = parser.parse_args(arguments)
    rows = [
        row
        for of, named in ((of_vae, given.vae), (of_generator, given.generator))
        for name, _, study in (each.partition("=") for each in named)
        for row in of(name, OpenedStudy(Path(study)).trained())
    ]
    with hep_style():
        given.out.mkdir(parents=True, exist_ok=True)
        (given.out / "sparse-digits.svg").write_bytes(to_bytes(drawn(rows), "svg"))


def of_vae(name: str, trained: TrainedTrial) -> Iterator[Row]:
    """Digits of both parts, each above what becomes of it, and what is made of draws from the Gaussians."""
    parts = load_parts(trained.task, trained.source.of_fold(0), trained.settings)
    for part, data in (("of the test part", parts.test), ("trained on", parts.train)):
        first = firsts(data)
        real, outputs = data.column(POINTS)[first], predicted(trained, data, first)
        yield Row(f"real, {part}", images(in_pixels(real, data)), part == "of the test part")
        yield Row(f"{name}, reconstructed", images(in_pixels(outputs[RECONSTRUCTED], data)), False)
    outputs = predicted(trained, parts.test, firsts(parts.test))
    yield Row(f"{name}, generated", images(in_pixels(outputs[DIGIT_POINTS], parts.test)), False)


def of_generator(name: str, trained: TrainedTrial) -> Iterator[Row]:
    data = load_parts(trained.task, trained.source.of_fold(0), trained.settings).test
    points = predicted(trained, data, firsts(data))[DIGIT_POINTS]
    yield Row(f"{name}, generated", images(points), True)


def firsts(data: TensorData) -> Tensor:
    """Rows of the first digit of each label; where there is one label, the first ten of all."""
    labels = data.column(LABEL)
    if len(labels.unique()) == 1:
        return torch.arange(N_DIGITS)
    return torch.cat([(labels == digit).nonzero()[:1, 0] for digit in range(N_DIGITS)])


def predicted(trained: TrainedTrial, data: TensorData, rows: Tensor) -> dict[str, Tensor]:
    with torch.no_grad():
        chance = torch.Generator().manual_seed(SEED)
        outputs = trained.task.predict(trained.models[0].model.eval(), data.rows(rows), chance)
    assert not isinstance(outputs, Tensor)
    return dict(outputs)


def in_pixels(points: Tensor, data: TensorData) -> Tensor:
    """The VAE's points as files have them."""
    return in_files_units(points, data.column(STATISTICS)[: len(points)], of_jets=False)


def images(points: Tensor) -> NDArray[np.float64]:
    """Paint each point as a square of the size of a pixel where it lies, the brighter ones above."""
    canvas = np.zeros((len(points), SIDE * FINE, SIDE * FINE))
    for digit, its in zip(canvas, points.numpy(), strict=True):
        for x, y, intensity in its:
            column, row = (
                slice(*np.clip(np.rint([a * FINE, (a + 1) * FINE]), 0, None).astype(int)) for a in (x, y)
            )
            digit[row, column] = np.maximum(digit[row, column], intensity)
    return canvas


def drawn(rows: Sequence[Row]) -> Figure:
    """A row of ten digits each; black is the brightest that a real pixel can be."""
    gaps = sum(row.is_apart for row in rows) - rows[0].is_apart
    figure = Figure(figsize=(NAMES + CELL * N_DIGITS, CELL * (len(rows) + gaps / 2)))
    height, place = len(rows) + gaps / 2, 0.0
    left, across = NAMES / figure.get_figwidth(), CELL / figure.get_figwidth()
    for number, row in enumerate(rows):
        place += 1 + (row.is_apart and number > 0) / 2
        bottom = 1 - place / height
        for column, image in enumerate(row.images):
            axes = figure.add_axes((left + column * across, bottom, 0.94 * across, 0.94 / height))
            axes.imshow(image, cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")
            axes.set(xticks=[], yticks=[])
            axes.minorticks_off()
        figure.text(0.95 * left, bottom + 0.47 / height, row.name, ha="right", va="center")
    return figure


if __name__ == "__main__":
    main(sys.argv[1:])
