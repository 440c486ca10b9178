"""What a table of sensors must be, and that files of one study have the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from raysearch.data.faults import FaultyValues
from raysearch.data.hits.geometry import COLUMNS, Table
from raysearch.data.hits.layout import SENSORS

WIDTH, DEPTH, LAYER = (COLUMNS.index(name) for name in ("width", "depth", "layer"))
# Calorimeters are between these along their longest side; one of 2 m whose table is in cm is not.
SMALL_MM, LARGE_MM = 300.0, 100_000.0


def look_at_sensors(values: FaultyValues, table: Table) -> None:
    """Note sensors that cannot be.

    Args:
        values: where to note them.
        table: (sensors, 6).
    """
    where = f"{SENSORS}[{{}}]"
    values.note("values that are not finite", ~np.isfinite(table), 0, where)
    flat = (table[:, WIDTH] <= 0) | (table[:, DEPTH] <= 0)
    values.note("sensors whose width or depth is not above 0", flat, 0, where)
    layer = table[:, LAYER]
    no_layer = np.isfinite(layer) & ((layer % 1 != 0) | (layer < 0))
    values.note("layers that are not whole numbers from 0", no_layer, 0, where)
    _, first = np.unique(table[:, :3], axis=0, return_index=True)
    again = np.ones(len(table), bool)
    again[first] = False
    values.note("sensors where another one is", again, 0, where)


def size_mm(table: Table) -> tuple[float, float, float]:
    """From the first to the last edge of sensors along x, y and z."""
    half = table[:, [WIDTH, WIDTH, DEPTH]] / 2
    low, high = (table[:, :3] - half).min(axis=0), (table[:, :3] + half).max(axis=0)
    x, y, z = (high - low).tolist()
    return x, y, z


def odd_size(name: str, table: Table) -> Iterator[str]:
    """Warn of a detector of a strange size; ``name`` is the file's."""
    longest = max(size_mm(table))
    if not SMALL_MM <= longest <= LARGE_MM:
        yield f"{name}: the detector is {longest:.3g} mm long, if {SENSORS} is in mm as it must be; is it?"


def differing(tables: Mapping[Path, Table]) -> Iterator[str]:
    """Tell in one line which files are of another detector than the first one."""
    (first, table), *rest = tables.items()
    others = [file for file, other in rest if not np.array_equal(other, table)]
    if others:
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        how = _difference(table, tables[others[0]])
        yield (
            f"{others[0]}{more}: {SENSORS} are not those of {first}: {how}; files of one study are of one "
            "detector"
        )


def _difference(one: Table, other: Table) -> str:
    if len(one) != len(other):
        return f"{len(other):,} sensors, not {len(one):,}"
    row, column = np.argwhere(one != other)[0]
    return f"{COLUMNS[column]} of sensor {row} is {other[row, column]:g}, not {one[row, column]:g}"
