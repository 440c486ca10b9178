"""Whether hits to be predicted are of the detector that a network was trained on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from raysearch.data.hits.geometry import COLUMNS, Table


def describe_sensors(table: Table) -> dict[str, Any]:
    """Tell what a study keeps of its detector: plain values.

    Args:
        table: float32 (sensor, 6), see ``COLUMNS``; in whatever order.

    Returns:
        ``n``; ``sha256`` of the sorted rows; ``low`` and ``high`` of each column.
    """
    in_order = np.ascontiguousarray(table[np.lexsort(table.T[::-1])], dtype="<f4")
    return {
        "n": len(table),
        "sha256": hashlib.sha256(in_order.tobytes()).hexdigest(),
        "low": table.min(axis=0).tolist(),
        "high": table.max(axis=0).tolist(),
    }


def another_detector(file: Path, table: Table, trained_on: Mapping[str, Any]) -> Iterator[str]:
    """Tell in a line that the sensors of a file are not those of :func:`describe_sensors`, if so."""
    found = describe_sensors(table)
    if found["sha256"] == trained_on["sha256"]:
        return
    ends = zip(COLUMNS, *(one[end] for one in (found, trained_on) for end in ("low", "high")), strict=True)
    others = [
        f"{name} from {low:g} to {high:g}, not {trained_low:g} to {trained_high:g}"
        for name, low, high, trained_low, trained_high in ends
        if (low, high) != (trained_low, trained_high)
    ]
    how = "; ".join(others) or "in the same ranges, but elsewhere"
    yield (
        f"{file}: the sensors are not those that the network was trained on ({how}): shares of another "
        "detector mean nothing unless that is what is studied"
    )
