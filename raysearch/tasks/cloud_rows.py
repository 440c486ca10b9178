"""Point clouds as a GAN's batches have them: of jets or of digits, all of them or those of one class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from raysearch.data.checked import checked
from raysearch.data.clouds.arrays import cloud_arrays
from raysearch.data.digits.arrays import digit_clouds
from raysearch.data.digits.layouts import N_CLASSES
from raysearch.data.digits.summary import DigitSummary
from raysearch.data.jets.layout import CLASSES
from raysearch.data.paths import DataPath
from raysearch.data.prepared import as_tensor
from raysearch.errors import InputError
from raysearch.models.cloud_frame import MEAN, spread, statistics, with_logs
from raysearch.tasks.file_task import Rows

JETS, DIGITS = "jets", "digits"
KIND_OF = {JETS: "clouds", DIGITS: "digits"}  # of files, in ``raysearch.data.kinds.KINDS``
CLASSES_OF = {JETS: CLASSES, DIGITS: tuple(map(str, range(N_CLASSES)))}
ALL = "all"  # instead of a class
DIGIT_POINTS = "points"  # name of generated digits; generated jets are named as JetNet's files have them

POINTS, NUMBER, LABEL, STATISTICS = range(4)  # columns of a batch


class CloudView(NamedTuple):
    """What a network sees: clouds of jets or digits, how many points at most, and of which class."""

    clouds: str
    points: int
    of_class: str


def cloud_rows(path: DataPath, view: CloudView) -> Rows:
    """Map clouds of the files at a path.

    Returns:
        Tensors: points float32 (cloud, point, 3); their number int64; labels int64, -1 where files do not
        tell; and, alike for all, the pixels of a digit along an axis, float32, 0 of jets.

    Raises:
        InputError: a file is refused, or no cloud is of the class; lists all.
    """
    if view.clouds == JETS:
        jets = cloud_arrays(path, view.points, None if view.of_class == ALL else view.of_class)
        points, labels, events, file_index = jets.particles, jets.labels, jets.events, jets.file_index
        side = 0
    else:
        digits, found = digit_clouds(path, view.points), checked(KIND_OF[DIGITS], path)
        assert isinstance(found, DigitSummary)
        side = max(found.size)
        taken = _of_class(digits.labels, view.of_class)
        points, labels = digits.points[taken], digits.labels[taken]
        events, file_index = digits.events[taken], digits.file_index[taken]
    tensor = as_tensor(points)
    of_all = torch.tensor(float(side)).expand(len(tensor))
    number = torch.cat([(some != 0).any(2).sum(1) for some in tensor.split(10_000)])
    return Rows((tensor, number, torch.from_numpy(np.array(labels)), of_all), events, file_index)


def _of_class(labels: NDArray[np.int64], of_class: str) -> NDArray[np.bool_] | slice:
    if of_class == ALL:
        return slice(None)
    chosen = labels == int(of_class)
    if not chosen.any():
        raise InputError(f"class {of_class}: no digit is of it")
    return chosen


def statistics_of(rows: Rows, train: NDArray[np.int64]) -> Tensor:
    """Measure the training part, for :class:`raysearch.models.cloud_frame.CloudFrame`, (5, 3).

    Jets are divided by their greatest eta_rel, phi_rel (without sign) and pT_rel; digits by their side, as in
    the public code (MPGAN), where coordinates begin at -1/2 and intensities lie from -1/2 to 1/2.
    """
    points, side = rows.tensors[POINTS].index_select(0, torch.from_numpy(train)), float(rows.tensors[-1][0])
    if side:
        greatest = torch.tensor([side, side, 1.0])
        centre = greatest / 2
    else:
        greatest = points.abs().amax((0, 1)).clamp(min=1e-6)
        centre = greatest * torch.tensor([0, 0, 0.5])
    return statistics(points, (points != 0).any(2), centre, greatest)


def log_statistics_of(rows: Rows, train: NDArray[np.int64]) -> Tensor:
    """Measure the same of jets, with spreads of the logarithm of pT_rel; of digits as they are."""
    found = statistics_of(rows, train)
    if float(rows.tensors[-1][0]):
        return found
    points = rows.tensors[POINTS].index_select(0, torch.from_numpy(train))
    return torch.cat([found[:MEAN], spread(with_logs(points), (points != 0).any(2))])


def multiplicities(rows: Rows, train: NDArray[np.int64]) -> dict[str, list[int]]:
    """Count training clouds of 0, 1, 2, ... points, by label as a text, for whoever generates others."""
    points, number, labels, _ = rows.tensors
    chosen = torch.from_numpy(train)
    number, labels = number[chosen], labels[chosen]
    return {
        str(label): torch.bincount(number[labels == label], minlength=points.shape[1] + 1).tolist()
        for label in labels.unique().tolist()
    }


def class_facts(rows: Rows, of_class: str, noun: str) -> Iterator[tuple[str, Any]]:
    """Tell how many of the files' clouds are taken, where not all are."""
    if of_class != ALL:
        yield "of_class", of_class
        yield f"n_{noun}s_of_class", len(rows.tensors[POINTS])


def as_statistics(described: Mapping[str, Any]) -> Tensor:
    """Read what was kept of :func:`statistics_of`."""
    return torch.tensor(described["statistics"], dtype=torch.float32)
