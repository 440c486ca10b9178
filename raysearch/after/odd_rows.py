"""What is odd about rows to be scored: far from all that the study was trained on, or empty."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raysearch.after.trained import TrainedTrial, check_data
from raysearch.data.paths import passed_over
from raysearch.data.spread import Departure
from raysearch.data.to_score import Piece, ToScore
from raysearch.errors import RaysearchError
from raysearch.tasks.file_task import FileTask

SPREAD = "spread"  # of the description of the data


class OddRows:
    """Looks at rows, piece by piece.

    Args:
        trained: the trial that scores them.
        data: what they are of.
        paths: files and folders that were named.
    """

    def __init__(self, trained: TrainedTrial, data: ToScore, paths: Sequence[Path]) -> None:
        self._trained, self._data, self._paths = trained, data, paths
        self._departure: Departure | None = None
        self._untold = ""
        self._n_empty = 0

    def look(self, piece: Piece) -> None:
        """Look at some rows."""
        if piece.empty is not None:
            self._n_empty += int(piece.empty.sum())
        if piece.quantities:
            if self._departure is None:
                self._departure = Departure(self._trained_on(), self._data.noun)
            self._departure.add(piece.quantities)

    def told(self) -> Iterator[str]:
        """Tell what was found, after the last row."""
        yield from passed_over(tuple(self._paths))
        yield from self._data.warnings
        if self._n_empty:
            noun = f"{self._data.noun}s" if self._n_empty > 1 else self._data.noun
            yield f"{self._n_empty:,} {noun} without {self._data.nothing}: predictions of them are NaN"
        if self._departure is not None:
            yield from self._departure.told()
        if self._untold:
            yield self._untold

    def _trained_on(self) -> Mapping[str, Mapping[str, float]]:
        """Find how the study's data are spread: from its ledger, or, of an older one from the data."""
        trained = self._trained
        known = trained.history.created.data.get(SPREAD)
        if known is not None or not isinstance(trained.task, FileTask):
            return known or {}
        try:
            check_data(trained.history, trained.task, trained.settings, trained.source)
            return trained.task.inspect(trained.source, trained.settings)[SPREAD]
        except RaysearchError:  # moved, changed or gone, of which nothing but this comparison needs them
            self._untold = (
                "the rows were not compared with what the study was trained on: its ledger does not tell how "
                "that is spread, and its data are not here as they were"
            )
            return {}


def without_empty(values: NDArray[Any], empty: NDArray[np.bool_] | None) -> NDArray[Any]:
    """Put NaN where a row holds nothing that a prediction could be of."""
    if empty is None or not empty.any() or values.dtype.kind != "f":
        return values
    values = values.copy()
    values[empty] = np.nan
    return values
