"""What of shown values is written row by row, for a user's own data that a trained model is applied to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from raysearch.metrics.shown.values import Array, Estimates, Scores, Shown


def columns(shown: Sequence[Shown]) -> dict[str, Array]:
    """What there is to write for each row of other data, under the names of the file that ``predict`` writes.

    Answers are left out: of other data they are not known, or are handed through by their reader.

    Returns:
        Of scores ``scores`` (row, class); of estimates ``outputs`` and ``calibrated`` (row,); of a second
        value of a type with its quantity or place behind the name. Spectra and pictures are not by row.
    """
    found: dict[str, Array] = {}
    for place, value in enumerate(shown):
        if isinstance(value, Scores):
            _add(found, "scores", value.scores, str(place))
        elif isinstance(value, Estimates):
            behind = "_".join(value.quantity.split())
            _add(found, "outputs", value.estimated, behind)
            if value.plain is not None:
                _add(found, "calibrated", value.plain, behind)
    return found


def constants(shown: Sequence[Shown]) -> dict[str, Array]:
    """What a file of :func:`columns` says once: names of the classes, ``classes`` (class,)."""
    found: dict[str, Array] = {}
    for place, value in enumerate(shown):
        if isinstance(value, Scores):
            _add(found, "classes", np.array(value.classes), str(place))
    return found


def _add(found: dict[str, Array], name: str, values: Array, behind: str) -> None:
    found[f"{name}_{behind}" if name in found else name] = values
