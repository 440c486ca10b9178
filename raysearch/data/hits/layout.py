"""The layout of files of hits: a table of sensors, and for each event as many hits as there are.

- ``sensors`` (sensors, 6): x, y, z of the middle, width and depth in mm, layer; see geometry.py;
- ``n_hits`` (event,): how many hits an event has; those of all events follow one another in
- ``hit_sensor`` (hit,): the sensor, a row of ``sensors``, no sensor twice in an event, and
- ``hit_deposits`` (hit, particles): GeV that each particle left there, 0 for none;
- ``hit_energy`` (hit,), optional: GeV that was measured there; else it is the sum of the deposits;
- ``particle_energy`` (event, particles): GeV of each particle, 0 where an event has fewer than others;
- ``particle_vertex`` (event, particles, 3), optional: mm where each particle began;
- ``particle_type`` (event, particles), optional: its PDG code;
- ``event`` (event,), optional: event numbers, by which events are split.

Where no truth is wanted, as of data that a network is applied to, ``hit_energy`` or ``hit_deposits`` will do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import h5py

from raysearch.data.hits.geometry import COLUMNS
from raysearch.errors import InputError, did_you_mean

SENSORS, N_HITS, EVENT = "sensors", "n_hits", "event"
HIT_SENSOR, HIT_DEPOSITS, HIT_ENERGY = "hit_sensor", "hit_deposits", "hit_energy"
PARTICLE_ENERGY, PARTICLE_VERTEX, PARTICLE_TYPE = "particle_energy", "particle_vertex", "particle_type"


@dataclass(frozen=True)
class _Wanted:
    """What a dataset must be: kinds of numbers, the axes of its shape, and whether it must be there."""

    kinds: str
    axes: tuple[str | int, ...]
    needed: bool = True


REAL, WHOLE = "fiu", "iu"
DATASETS = {
    SENSORS: _Wanted(REAL, ("sensors", len(COLUMNS))),
    N_HITS: _Wanted(WHOLE, ("events",)),
    HIT_SENSOR: _Wanted(WHOLE, ("hits",)),
    HIT_DEPOSITS: _Wanted(REAL, ("hits", "particles")),
    HIT_ENERGY: _Wanted(REAL, ("hits",), needed=False),
    PARTICLE_ENERGY: _Wanted(REAL, ("events", "particles")),
    PARTICLE_VERTEX: _Wanted(REAL, ("events", "particles", 3), needed=False),
    PARTICLE_TYPE: _Wanted(WHOLE, ("events", "particles"), needed=False),
    EVENT: _Wanted(WHOLE, ("events",), needed=False),
}
MAY_BE_NONE = ("hits",)  # of an axis of nothing else may the length be 0


@dataclass(frozen=True)
class Layout:
    """What one file holds.

    Attributes:
        n: events.
        sensors: of the detector.
        hits: of all events.
        particles: of the event with most of them, or more; 0 where no truth was wanted.
        has_energy: whether hits bring a measured energy.
        has_events: whether events bring numbers of their own.
        unused: names of datasets that nothing reads.
    """

    n: int
    sensors: int
    hits: int
    particles: int
    has_energy: bool
    has_events: bool
    unused: tuple[str, ...] = ()

    @property
    def measured(self) -> str:
        """The dataset that tells the energy of a hit."""
        return HIT_ENERGY if self.has_energy else HIT_DEPOSITS


def layout_of(opened: h5py.File, file: Path, *, truth: bool = True) -> Layout:
    """Find what a file holds, and check its datasets' shapes and kinds.

    Args:
        opened: the file.
        file: its path.
        truth: whether it must tell what each particle left.

    Raises:
        InputError: there are no events, or they are not as they must be; lists all faults.
    """
    lengths: dict[str, tuple[int, str]] = {}
    wanted = DATASETS if truth else _without_truth(opened)
    problems = [
        f"{file}: {problem}" for name in wanted for problem in _misfits(opened, name, wanted[name], lengths)
    ]
    if problems:
        raise InputError(*problems)
    return Layout(
        n=lengths["events"][0],
        sensors=lengths["sensors"][0],
        hits=lengths["hits"][0],
        particles=lengths["particles"][0] if truth else 0,
        has_energy=HIT_ENERGY in opened,
        has_events=EVENT in opened,
        unused=tuple(name for name in opened if name not in DATASETS),
    )


def _without_truth(opened: h5py.File) -> dict[str, _Wanted]:
    """What a file must hold of what was measured."""
    measured = HIT_DEPOSITS if HIT_DEPOSITS in opened and HIT_ENERGY not in opened else HIT_ENERGY
    names = (SENSORS, N_HITS, HIT_SENSOR, measured, EVENT)
    return {name: replace(DATASETS[name], needed=name != EVENT) for name in names}


def _misfits(
    opened: h5py.File, name: str, wanted: _Wanted, lengths: dict[str, tuple[int, str]]
) -> Iterator[str]:
    """Tell what is wrong with one dataset, and note the lengths of axes that nothing before it had.

    Args:
        opened: the file.
        name: of the dataset.
        wanted: what it must be.
        lengths: of axes, each with the dataset that gave it.
    """
    shape = f"({', '.join(map(str, wanted.axes))}{',' if len(wanted.axes) == 1 else ''})"
    if name not in opened:
        if wanted.needed:
            yield f"{name}: is missing; it must be {shape}.{did_you_mean(name, opened)}"
        return
    found = opened[name]
    if not isinstance(found, h5py.Dataset) or found.dtype.kind not in wanted.kinds:
        yield f"{name}: must be {'whole ' if wanted.kinds == WHOLE else ''}numbers {shape}"
        return
    if len(found.shape) != len(wanted.axes):
        yield f"{name}: must be {shape}, is {found.shape}"
        return
    for axis, length in zip(wanted.axes, found.shape, strict=True):
        there, first = (axis, "") if isinstance(axis, int) else lengths.setdefault(axis, (length, name))
        if length != there:
            than = f"{first} has {there} {axis}" if first else f"it must be {shape}"
            yield f"{name}: is {found.shape}, but {than}"
        elif length == 0 and axis not in MAY_BE_NONE:
            yield f"{name}: is {found.shape}, without any {axis}"
