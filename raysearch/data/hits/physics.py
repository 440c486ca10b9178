"""What hits cannot be, and what they should not be: more energy than particles had, other units, nothing.

What a detector cannot give is refused with its place; what may be meant, and be learnt from, is told.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from raysearch.data.faults import FaultyValues
from raysearch.data.hits.files import HitPiece
from raysearch.data.hits.layout import HIT_DEPOSITS, HIT_SENSOR, PARTICLE_ENERGY
from raysearch.data.spread import Quantities

MOST_SHARE = 1.3  # of the particles' energy that sensors may hold at the median, calibrated as they may be
LEAST_SHARE = 1e-4  # thinner than any sampling calorimeter
MOST_OWN = 2.0  # of a particle's own energy that it may leave, calibrated as deposits may be
MANY = 0.05  # of the particles
MOST_ENERGY_GEV = 20_000.0  # of particles at the median

SUM_NAME, HITS_NAME, ENERGY_NAME = "sum of the hits in GeV", "hits", "energy of the particles in GeV"

Floats = NDArray[np.float64]


def look_at_hits(values: FaultyValues, piece: HitPiece, n_sensors: int, measured: str | None) -> None:
    """Note what no detector gives.

    Args:
        values: where to note it.
        piece: some events.
        n_sensors: of the detector.
        measured: the dataset that tells energies; None where truth does, which is looked at by itself.
    """
    first, where = piece.first_hit, f"{HIT_SENSOR}[{{}}]"
    if measured is not None:
        good = np.isfinite(piece.energy) & (piece.energy > 0)
        values.note("energies that are not positive numbers", ~good, first, f"{measured}[{{}}]")
    outside = (piece.sensor < 0) | (piece.sensor >= n_sensors)
    values.note(f"hits of no sensor (there are 0 to {n_sensors - 1})", outside, first, where)
    values.note("hits of a sensor that the event has hit already", _again(piece, n_sensors), first, where)


def look_at_truth(values: FaultyValues, piece: HitPiece) -> None:
    """Note what particles cannot have left.

    Args:
        values: where to note it.
        piece: some events.
    """
    first, start = piece.first_hit, piece.rows.start
    deposits, energies = piece.deposits, piece.particle_energy
    where = f"{HIT_DEPOSITS}[{{}}]"
    values.note("deposits that are not finite", ~np.isfinite(deposits), first, where)
    values.note("deposits below 0", deposits < 0, first, where)
    # Shares of a hit that nobody left are no number.
    values.note("hits that no particle left", (deposits == 0).all(axis=1), first, where)
    good = np.isfinite(energies) & (energies >= 0)
    values.note("energies of particles that are not 0 or positive", ~good, start, f"{PARTICLE_ENERGY}[{{}}]")
    values.note("events without a particle", (energies == 0).all(axis=1), start, "event {}")
    nobody = (deposits > 0) & (energies[piece.event] == 0)
    values.note("deposits of particles of energy 0, which means none", nobody, first, where)


def _again(piece: HitPiece, n_sensors: int) -> NDArray[np.bool_]:
    _, kept = np.unique(piece.event * n_sensors + piece.sensor, return_index=True)
    again = np.ones(len(piece.sensor), bool)
    again[kept] = False
    return again


class HitPhysics:
    """Looks at the events of one file, piece by piece.

    Args:
        name: of the file, without its folder: warnings are kept for this content, wherever it lies.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._sums: list[Floats] = []
        self._energies: list[Floats] = []
        self._unseen = 0
        self._n_particles = self._above_own = 0

    def look(self, piece: HitPiece) -> None:
        """Look at some events."""
        sums, energy = sums_of(piece)
        self._sums.append(sums)
        self._energies.append(energy)
        left = [np.bincount(piece.event, each, len(sums)) for each in piece.deposits.T]
        there, left_EP = piece.particle_energy > 0, np.stack(left, axis=1)
        self._unseen += int((there & (left_EP == 0))[sums > 0].sum())
        self._n_particles += int(there.sum())
        self._above_own += int((there & (left_EP > MOST_OWN * piece.particle_energy)).sum())

    def warned(self) -> Iterator[str]:
        """Tell what is odd, after the last event."""
        sums, energy = np.concatenate(self._sums), np.concatenate(self._energies)
        good = (energy > 0) & (sums > 0) & np.isfinite(energy) & np.isfinite(sums)
        units = []
        if good.any():
            units = list(
                self._units(float(np.median(sums[good] / energy[good])), float(np.median(energy[good])))
            )
        yield from units
        if not units and self._above_own > MANY * self._n_particles:
            yield (
                f"{self._name}: {self._above_own:,} of {self._n_particles:,} particles left more than "
                f"{MOST_OWN:g} times their own energy; are deposits and energies of the same ones?"
            )
        if n_empty := int((sums == 0).sum()):
            yield f"{self._name}: {n_empty:,} event{'s' if n_empty > 1 else ''} without a hit"
        if self._unseen:
            particles = "particles" if self._unseen > 1 else "particle"
            yield f"{self._name}: {self._unseen:,} {particles} that left nothing, where others did"

    def _units(self, share: float, energy: float) -> Iterator[str]:
        if energy > MOST_ENERGY_GEV:
            yield (
                f"{self._name}: the particles of an event have {energy:.3g} GeV at the median, if "
                f"{PARTICLE_ENERGY} is in GeV as it must be; is it in MeV?"
            )
        if not LEAST_SHARE <= share <= MOST_SHARE:
            yield (
                f"{self._name}: hits hold {share:.3g} times the energy of the particles at the median; are "
                "both in GeV?"
            )


def sums_of(piece: HitPiece) -> tuple[Floats, Floats]:
    """Energies of all hits and of all particles of events, each (event,) in GeV."""
    n = len(piece.events)
    # Of no hits, bincount counts in whole numbers.
    return np.bincount(piece.event, piece.energy, n).astype(np.float64), piece.particle_energy.sum(axis=1)


def quantities_of(piece: HitPiece) -> Quantities:
    """Quantities of events by which data are compared; without truth the first two."""
    sums, energy = sums_of(piece)
    found = {SUM_NAME: sums, HITS_NAME: np.bincount(piece.event, minlength=len(sums))}
    return {**found, ENERGY_NAME: energy} if piece.particle_energy.size else found
