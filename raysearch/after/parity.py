"""Compares a file that was exported with the model it comes from: one function, in batches of any size."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from raysearch.errors import RaysearchError

TOLERANCE = 1e-4  # in single precision: of probabilities, and of other outputs over their size
SHARES_ADD_UP = 1e-5  # to one, within this, in single precision
BATCHES = (1, 7, 32)  # in turn, until all are compared


class Compared(NamedTuple):
    """What is exported and what it must give.

    Attributes:
        module: made of plain operations.
        inputs: of examples.
        expected: what raysearch's own model gives for them, float64 (example, ...).
        examples: what they are called.
    """

    module: nn.Module
    inputs: tuple[Tensor, ...]
    expected: Tensor
    examples: str


class ParityError(RaysearchError):
    """The exported file gives other numbers than the model; exit code 1."""


def sizes_of(expected: Tensor) -> Tensor | None:
    """How large outputs (example, ...) are: each as it is, or as its mean over examples where that is more.

    None for shares of one, such as probabilities, which are compared as they are. Single precision rounds by
    a share of a value, so that 500 GeV cannot agree to 1e-4 GeV; and an output near 0 is made of larger
    values.
    """
    if (
        expected.ndim > 1
        and (expected >= 0).all()
        and ((expected.sum(dim=-1) - 1).abs() < SHARES_ADD_UP).all()
    ):
        return None
    size = expected.abs()
    return size.maximum(size.mean(dim=0)).clamp(min=torch.finfo(torch.float32).tiny)


def largest_difference(
    run: Callable[[Sequence[Tensor]], Tensor],
    inputs: Sequence[Tensor],
    expected: Tensor,
    sizes: Tensor | None,
) -> float:
    """Compare on batches of several sizes; differences are over ``sizes`` (example, ...), or as they are.

    Raises:
        ParityError: their shapes differ, or they do by more than the tolerance.
    """
    worst, where, start = 0.0, 0, 0
    # A graph that was drawn with one size of a batch in it would pass with that size alone.
    lengths = itertools.cycle(BATCHES)
    while start < len(expected):
        rows = slice(start, start + next(lengths))
        with torch.no_grad():
            outputs = run([x[rows].contiguous() for x in inputs]).double()
        # Before the subtraction, which of a column and a row makes a table of all pairs.
        _need_one_shape(outputs, expected[rows])
        difference = (outputs - expected[rows]).abs()
        if sizes is not None:
            difference /= sizes[rows]
        # NaN counts as the largest difference: no comparison would notice it.
        difference = difference.reshape(len(difference), -1).amax(1).nan_to_num(nan=torch.inf)
        if difference.max() > worst:
            worst, where = difference.max().item(), start + int(difference.argmax())
        start = rows.stop
    if worst > TOLERANCE:
        of_size = "" if sizes is None else " of the outputs' size"
        raise ParityError(
            f"the exported file differs from the model by {worst:.2g}{of_size} (test example {where}), more "
            f"than {TOLERANCE:g}; nothing was written"
        )
    return worst


def _need_one_shape(outputs: Tensor, expected: Tensor) -> None:
    if outputs.shape != expected.shape:
        ours, theirs = (f"({', '.join(['N', *map(str, each.shape[1:])])})" for each in (expected, outputs))
        raise ParityError(
            f"the exported file gives outputs of shape {theirs}, the task's predict of shape {ours}; nothing "
            "was written. Have the task's exported(model) give what predict gives"
        )
