"""Follows a hadron and all that it makes through tungsten, collision by collision.

A hadron flies straight, loses energy along its way if it is charged, and meets a nucleus after a distance
that is drawn. There it hits one nucleon after another, the foremost of what each collision makes hitting the
next, as in Pythia's own PythiaCascade (T. Sjostrand, M. Utheim, arXiv:2108.03481): their number is geometric,
with the mean A sigma(hadron-nucleon) / sigma(hadron-nucleus). What collisions make is followed in turn until
it has less energy than a collision needs. Photons and electrons are handed on, see electromagnetic.py.

Lengths are in cm here, energies in GeV; z runs along the beam from the front face.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from raysearch.data.hits.geometry import DEPTH_MM, HALF_MM
from raysearch.data.hits.model import MODEL, Model
from raysearch.data.showers.model import TUNGSTEN

Vector = tuple[float, float, float]

PHOTON, ELECTRON, MUON = 22, 11, 13
UNSEEN = (12, 14, 16)  # neutrinos
PROTON, NEUTRON = 2212, 2112
FIRST_BARYON = 1000  # PDG codes of baryons have four digits, of mesons three
MM = 0.1  # cm


class Hadron(NamedTuple):
    """A particle on its way: PDG code, mass, charge in e, kinetic energy, place and direction."""

    pdg: int
    mass: float
    charge: float
    kinetic: float
    place: Vector
    direction: Vector


class Made(NamedTuple):
    """What a collision made: PDG code, mass, charge, kinetic energy; momentum, with the hadron along z."""

    pdg: int
    mass: float
    charge: float
    kinetic: float
    momentum: Vector


Collide = Callable[[int, float, int], tuple[list[Made], float]]
"""A hadron's PDG code and energy, and a nucleon's code, to what they make and their cross-section in mb."""


@dataclass
class Tracks:
    """What a cascade leaves.

    Attributes:
        segments: straight tracks, (start x, y, z, end x, y, z, energy that is seen on it).
        showers: photons and electrons, (x, y, z, direction x, y, z, energy, 1 for a photon).
    """

    segments: list[tuple[float, ...]] = field(default_factory=list)
    showers: list[tuple[float, ...]] = field(default_factory=list)


class Cascade:
    """One hadron's cascade.

    Args:
        collide: what makes of a hadron and a nucleon what they make.
        random: where distances and numbers of nucleons come from.
        model: its parameters.
    """

    def __init__(self, collide: Collide, random: Random, model: Model = MODEL) -> None:
        self._collide, self._random, self._model = collide, random, model
        self._under_way: list[Hadron] = []
        self._tracks = Tracks()

    def of(self, first: Hadron) -> Tracks:
        """Follow a hadron to the last of all that it makes."""
        self._under_way, self._tracks = [first], Tracks()
        while self._under_way:
            self._fly(self._under_way.pop())
        return self._tracks

    def _fly(self, hadron: Hadron) -> None:
        model = self._model
        if hadron.kinetic < model.least_collision:
            self._stop(hadron)
            return
        way = self._way(hadron.pdg)
        lost = way * model.loss_gev_cm if hadron.charge else 0.0
        end = _moved(hadron, way)
        if lost > 0.0:
            # One that loses all that it has stops on the way.
            share = min(1.0, hadron.kinetic / lost)
            stop = _moved(hadron, share * way)
            self._tracks.segments.append((*hadron.place, *stop, share * lost))
        if lost < hadron.kinetic and is_inside(end):
            there = hadron._replace(place=end, kinetic=hadron.kinetic - lost)
            if there.kinetic < model.least_collision:
                self._stop(there)
            else:
                self._meet_nucleus(there)

    def _way(self, pdg: int) -> float:
        """Draw the distance to the next nucleus."""
        if abs(pdg) == MUON:
            return DEPTH_MM * MM
        return -self._model.length_cm(self._barn(pdg)) * math.log(1.0 - self._random.random())

    def _barn(self, pdg: int) -> float:
        return self._model.baryon_barn if abs(pdg) > FIRST_BARYON else self._model.meson_barn

    def _stop(self, hadron: Hadron) -> None:
        """Have a slow hadron leave what is seen of it along its way to the next nucleus, or to its end."""
        model, way = self._model, self._way(hadron.pdg)
        # An antibaryon annihilates with a nucleon. A meson's mass is lost, as nuclei's energy of binding is.
        left = hadron.kinetic + (2 * hadron.mass if hadron.pdg < -FIRST_BARYON else 0.0)
        if hadron.charge:
            end = _moved(hadron, min(way, hadron.kinetic / model.loss_gev_cm))
            self._tracks.segments.append((*hadron.place, *end, model.seen_charged * left))
        else:
            end = _moved(hadron, way)
            self._tracks.segments.append((*end, *end, model.seen_neutral * left))

    def _meet_nucleus(self, hadron: Hadron) -> None:
        """Hit nucleons of one nucleus, one after another."""
        foremost: Hadron | None = hadron
        while foremost is not None:
            nucleon = PROTON if self._random.random() < TUNGSTEN.z / TUNGSTEN.a else NEUTRON
            energy = foremost.kinetic + foremost.mass
            made, millibarn = self._collide(foremost.pdg, energy, nucleon)
            if not made:  # Pythia knows no collision of these two
                self._stop(foremost)
                return
            nucleons = TUNGSTEN.a * 1e-3 * millibarn / self._barn(foremost.pdg)
            foremost = self._hand_on(made, foremost, goes_on=self._random.random() * nucleons > 1.0)

    def _hand_on(self, made: list[Made], before: Hadron, *, goes_on: bool) -> Hadron | None:
        """Send off what a collision made, but for the foremost hadron if it hits one more nucleon."""
        foremost: Hadron | None = None
        farthest = 0.0
        turned = _axes(before.direction)
        for each in made:
            px, py, pz = each.momentum
            p = math.sqrt(px * px + py * py + pz * pz)
            kind = abs(each.pdg)
            if p == 0.0 or kind in UNSEEN:
                continue
            direction = _combined(turned, px / p, py / p, pz / p)
            if kind in {PHOTON, ELECTRON}:
                is_photon = float(kind == PHOTON)
                self._tracks.showers.append((*before.place, *direction, each.kinetic, is_photon))
                continue
            hadron = Hadron(each.pdg, each.mass, each.charge, each.kinetic, before.place, direction)
            if goes_on and pz > farthest and kind != MUON and each.kinetic > self._model.least_collision:
                if foremost is not None:
                    self._under_way.append(foremost)
                foremost, farthest = hadron, pz
            else:
                self._under_way.append(hadron)
        return foremost


def is_inside(place: Vector) -> bool:
    """Whether a place in cm lies in the calorimeter."""
    x, y, z = place
    half = HALF_MM * MM
    return -half < x < half and -half < y < half and 0.0 <= z < DEPTH_MM * MM


def _moved(hadron: Hadron, way: float) -> Vector:
    (x, y, z), (u, v, w) = hadron.place, hadron.direction
    return x + way * u, y + way * v, z + way * w


def _axes(direction: Vector) -> tuple[Vector, Vector, Vector]:
    """Two directions across a third, and that third."""
    u, v, w = direction
    if abs(w) > 0.9:  # far from the x axis
        norm = math.sqrt(v * v + w * w)
        first = (0.0, w / norm, -v / norm)
    else:
        norm = math.sqrt(u * u + v * v)
        first = (v / norm, -u / norm, 0.0)
    a, b, c = first
    return first, (v * c - w * b, w * a - u * c, u * b - v * a), direction


def _combined(axes: tuple[Vector, Vector, Vector], x: float, y: float, z: float) -> Vector:
    (a, b, c), (d, e, f), (u, v, w) = axes
    return a * x + d * y + u * z, b * x + e * y + v * z, c * x + f * y + w * z
