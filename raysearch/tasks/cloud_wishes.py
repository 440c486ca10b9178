"""Rows for a generator of point clouds: how many points each is to have, as training or other clouds have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from raysearch.data.clouds.jet_layouts import LABEL
from raysearch.data.conditions import Conditions
from raysearch.data.to_score import Piece, ToScore
from raysearch.errors import InputError
from raysearch.seeds import generator
from raysearch.tasks.cloud_rows import ALL, JETS, NUMBER, CloudView, as_statistics, cloud_rows

AT_ONCE = 1000  # clouds of a piece

Ints = NDArray[np.int64]


def clouds_to_generate(
    wanted: Conditions, view: CloudView, described: Mapping[str, Any], *, is_told: bool
) -> ToScore:
    """Make rows ready; none of them has points yet.

    Args:
        wanted: how many, or files whose clouds' labels and numbers of points to take, row by row.
        view: of the trained model.
        described: what its study told of its data, and the task of the model's training part.
        is_told: whether the network is told labels; of one that is not, and makes all classes, none is kept.

    Raises:
        InputError: conditions, or files that are refused.
    """
    wanted.only()
    number, labels = _like(wanted, view, is_told=is_told) if wanted.like else _drawn(wanted, described)
    found = as_statistics(described)
    has_labels = is_told or view.of_class != ALL

    def read() -> Iterator[Piece]:
        for start in range(0, len(number), AT_ONCE):
            some = slice(start, start + AT_ONCE)
            n = len(number[some])
            batch = (
                torch.zeros(()).expand(n, view.points, len(found.T)),  # a single zero in memory
                torch.from_numpy(number[some]),
                torch.from_numpy(labels[some]),
                found.expand(n, *found.shape),
            )
            yield Piece(0, start, batch, {LABEL: labels[some]} if has_labels else {})

    return ToScore((), len(number), read, noun="jet" if view.clouds == JETS else "digit")


def _like(wanted: Conditions, view: CloudView, *, is_told: bool) -> tuple[Ints, Ints]:
    rows = cloud_rows(tuple(wanted.like), view)
    labels = rows.tensors[NUMBER + 1].numpy()
    n_unknown = int((labels < 0).sum())
    if is_told and n_unknown:
        raise InputError(
            f"--like: files do not tell the class of {n_unknown:,} of {len(labels):,} rows, which the "
            "generator has to be told; give files of a class each, or --number"
        )
    return rows.tensors[NUMBER].numpy(), labels


def _drawn(wanted: Conditions, described: Mapping[str, Any]) -> tuple[Ints, Ints]:
    """Draw labels and numbers of points as often as training clouds have them; the same for the same wish."""
    counts = described["multiplicities"]
    labels = np.array(list(map(int, counts)))
    table = np.array(list(counts.values()), np.float64)
    table[:, 0] = 0  # a cloud without points is none
    if not table.any():
        raise InputError("predict: no cloud of the study's training part has a point")
    chance = generator(wanted.seed, "clouds to generate")
    places = chance.choice(table.size, wanted.number, p=table.ravel() / table.sum())
    which, number = np.divmod(places, table.shape[1])
    return number.astype(np.int64), labels[which].astype(np.int64)
