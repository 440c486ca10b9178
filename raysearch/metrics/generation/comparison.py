"""Several metrics of one pair of samples, each beside its floor; one that says nothing is refused alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from raysearch.errors import InputError
from raysearch.metrics.generation.itself import BesideItself, Measured, Rows, beside_itself

Figures = dict[str, Measured]
"""Name of a figure to what it is; a metric may have several."""

S = TypeVar("S", bound=Rows)


@dataclass(frozen=True)
class Comparison:
    """What was found.

    Attributes:
        values: name of a figure to its value and its floor, both :class:`Measured`, and how many rows on a
            side.
        refused: name of a metric to why it says nothing of samples as small as these, or cannot be computed.
    """

    values: Mapping[str, BesideItself]
    refused: Mapping[str, str]


def compared(
    metrics: Mapping[str, Callable[[S, S], Figures]],
    real: S,
    made: S,
    other_real: S | None = None,
    *,
    seed: int = 0,
    told: Callable[[str], None] = lambda _: None,
) -> Comparison:
    """Compute every metric that the samples allow, and its floor.

    Args:
        metrics: of two samples, the real one first; an InputError of one refuses it, with the reason.
        real: real rows.
        made: generated rows.
        other_real: real rows that are not among ``real``; without them all is done with halves of ``real``.
        seed: of all choices of rows, which are the same for all metrics.
        told: told the name of a metric before it is computed.
    """
    values: dict[str, BesideItself] = {}
    refused: dict[str, str] = {}
    for name, metric in metrics.items():
        told(name)
        try:
            found = beside_itself(metric, real, made, other_real, seed=seed)
        except InputError as error:
            refused[name] = str(error)
        else:
            values |= {
                part: BesideItself(value, found.itself[part], found.n) for part, value in found.value.items()
            }
    return Comparison(values, refused)
