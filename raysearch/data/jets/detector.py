"""The parametric detector behind the public HLS4ML LHC jets: what it makes of the particles of events.

After the public ntupliser of that set (nhanvtran/trackObservables, processing/anaSubstructure.cpp) with the
values that the tag ``r1_h022_e0175_t220_nonu`` in the names of its files stands for:

- charged hadrons up to 220 GeV are tracks, exact in direction; beyond that they are neutral hadrons to it;
- neutral hadrons leave their energy in cells of 0.022 x 0.022 in eta and phi, photons in cells of 0.0175 x
  0.0175; both sorts cover |eta| < 3, and phi from 0 to 2 pi, with as many whole cells as fit, made a little
  larger so that they fill the range. A cell is a massless particle at its centre with the energy inside;
- electrons and muons are as they are; neutrinos and all other species are lost;
- with ``smeared`` every momentum is multiplied by a normal number around 1, whose width is the resolution
  (:func:`resolution`), at least by 1e-10.

Every track is found, and there is no pile-up. Whether the public files are smeared is not resolved: their
names say so, the sharp mass peaks in their plots speak against it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raysearch.data.jets.choices import Detector
from raysearch.data.jets.constituents import pseudorapidity

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CHARGED = (211, 321, 2212, 3112, 3222, 3312)  # PDG codes without sign
NEUTRAL = (3122, 130, 310, 2112, 3322)
PHOTON = (22,)
LEPTONS = (11, 13)
TRACKS_UP_TO_GEV = 220.0
HADRON_CELL, PHOTON_CELL = 0.022, 0.0175
MOST_ETA = 3.0
LEAST_FACTOR = 1e-10


@dataclass(frozen=True)
class Particles:
    """Particles of events, one after another: ``event`` (particle,) and ``momenta`` (particle, 4) in GeV.

    The columns of ``momenta`` are px, py, pz and E.
    """

    event: Ints
    momenta: Floats


def detect(particles: Particles, pdg: Ints, detector: Detector, rng: np.random.Generator) -> Particles:
    """Tell what a detector sees of the particles of events.

    Args:
        particles: stable ones.
        pdg: their PDG codes (particle,).
        detector: cells, or smeared.
        rng: where smearing takes its randomness from.

    Returns:
        Tracks and leptons, cells of hadrons and cells of photons, by rising event.
    """
    kind = np.abs(pdg)
    is_soft = np.hypot(*particles.momenta[:, :2].T) <= TRACKS_UP_TO_GEV
    is_charged = np.isin(kind, CHARGED)
    is_track = is_charged & is_soft | np.isin(kind, LEPTONS)
    is_hadron = is_charged & ~is_soft | np.isin(kind, NEUTRAL)
    seen = (
        _of(particles, is_track),
        _in_cells(_of(particles, is_hadron), HADRON_CELL),
        _in_cells(_of(particles, np.isin(kind, PHOTON)), PHOTON_CELL),
    )
    event = np.concatenate([part.event for part in seen])
    momenta = np.concatenate([part.momenta for part in seen])
    if detector is Detector.smeared:
        sort = np.repeat(np.arange(len(seen)), [len(part.event) for part in seen])
        momenta *= np.maximum(rng.normal(1.0, resolution(momenta, sort)), LEAST_FACTOR)[:, None]
    order = np.argsort(event, kind="stable")
    # FastJet, and the order of constituents in a jet, see them in this order.
    return Particles(event[order], momenta[order])


def resolution(momenta: Floats, sort: Ints) -> Floats:
    """Relative resolution of momenta (particle, 4), GeV, of tracks (sort 0), hadron (1), photon cells (2).

    Tracks and leptons: 0.00025 pT + 0.015; hadrons: 1.2 / sqrt(E / 7) + 0.05; photons:
    0.027 / sqrt(E / 1.6) + 0.15 x 1.6 / E + 0.005; each a sum in quadrature.
    """
    pt, energy = np.hypot(momenta[:, 0], momenta[:, 1]), momenta[:, 3]
    track = np.hypot(0.00025 * pt, 0.015)
    hadron = np.hypot(1.2 / np.sqrt(energy / 7), 0.05)
    photon = np.sqrt(0.027**2 * 1.6 / energy + (0.15 * 1.6 / energy) ** 2 + 0.005**2)
    return np.choose(sort, (track, hadron, photon))


def _of(particles: Particles, chosen: NDArray[np.bool_]) -> Particles:
    return Particles(particles.event[chosen], particles.momenta[chosen])


def _in_cells(particles: Particles, size: float) -> Particles:
    """Fill the energies of particles into cells, and make one particle of each."""
    px, py, pz, energy = particles.momenta.T
    n_eta, n_phi = int(2 * MOST_ETA / size), int(2 * np.pi / size)
    eta = pseudorapidity(np.hypot(px, py), pz)
    phi = np.arctan2(py, px) % (2 * np.pi)
    row = np.floor((eta + MOST_ETA) * (n_eta / (2 * MOST_ETA))).astype(np.int64)
    # Rounding may bring an angle just below 0 to 2 pi itself.
    column = np.floor(phi * (n_phi / (2 * np.pi))).astype(np.int64) % n_phi
    inside = (row >= 0) & (row < n_eta)
    # One key for event and cell, so that a single sort finds the cells of all events.
    keys = (particles.event * n_eta + row) * n_phi + column
    cells, which = np.unique(keys[inside], return_inverse=True)
    sums = np.bincount(which, weights=energy[inside], minlength=len(cells))
    rest, column = np.divmod(cells, n_phi)
    event, row = np.divmod(rest, n_eta)
    at_eta = (row + 0.5) * (2 * MOST_ETA / n_eta) - MOST_ETA
    at_phi = (column + 0.5) * (2 * np.pi / n_phi)
    pt = sums / np.cosh(at_eta)
    momenta = (pt * np.cos(at_phi), pt * np.sin(at_phi), pt * np.sinh(at_eta), sums)
    return Particles(event, np.stack(momenta, axis=-1))
