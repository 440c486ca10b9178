"""Turns the constituents of a jet about it: the features etarot and phirot of the public files, and of 0.1.0.

The steps of :func:`turned` were read off the public program that added the columns ``j1_*`` to the public
HLS4ML LHC jets; applied to jets of our own they bring a network that was trained on the public jets closer to
what it reaches there (docs/jets.md). The program has no rule for a jet without a second constituent: ours is
not to turn it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEAST_DISTANCE = 0.1  # in eta and phi, of the constituent that a jet is turned by from the hardest one


def turned(pt: Floats, eta: Floats, phi: Floats, constituents: int | None = None) -> tuple[Floats, Floats]:
    """Turn jets about their hardest constituent, so that the next one apart points along -phirot.

    1. Shift: deta, dphi of each constituent to the hardest.
    2. Take the hardest constituent that is more than 0.1 from it in sqrt(deta^2 + dphi^2).
    3. Write each constituent as a vector of unit pT: x = cos(dphi), y = sin(dphi), z = sinh(deta).
    4. Turn (y, z) about x by the angle that brings the one of step 2 to z = 0, y < 0; without one, by none.
    5. etarot = asinh(z / sqrt(x^2 + y^2)), phirot = asin(y / sqrt(x^2 + y^2)) of the turned vectors.
    6. Mirror: where the pT at deta < 0 exceeds that at deta > 0, both before the turn, etarot changes sign.

    Args:
        pt: (jet, constituent) in GeV, falling, 0 where padded.
        eta: the same shape.
        phi: the same shape, in radians.
        constituents: tell it of so many of the hardest only; None: of all.

    Returns:
        etarot and phirot (jet, constituents); what padded places hold means nothing.
    """
    there = pt > 0
    d_eta, d_phi = np.where(there, eta - eta[:, :1], 0.0), wrap(phi - phi[:, :1])
    apart = there & (np.hypot(d_eta, d_phi) > LEAST_DISTANCE)
    # By falling pT, so that the first one apart is the hardest one.
    second = apart.argmax(axis=1)[:, None]
    second_y = np.sin(np.take_along_axis(d_phi, second, axis=1))
    second_z = np.sinh(np.take_along_axis(d_eta, second, axis=1))
    length, turns = np.hypot(second_y, second_z), apart.any(axis=1, keepdims=True)
    cosine = np.divide(-second_y, length, out=np.ones_like(length), where=turns)
    sine = np.divide(second_z, length, out=np.zeros_like(length), where=turns)
    below, above = (np.where(side, pt, 0.0).sum(axis=1) for side in (d_eta < 0, d_eta > 0))
    side = np.where(below > above, -1.0, 1.0)[:, None]
    d_eta, d_phi = d_eta[:, :constituents], d_phi[:, :constituents]
    x, y, z = np.cos(d_phi), np.sin(d_phi), np.sinh(d_eta)
    y, z = cosine * y - sine * z, sine * y + cosine * z
    across = np.hypot(x, y)  # 0 for padding alone: constituents of a jet lie near each other
    up, along = (np.divide(axis, across, out=np.zeros_like(axis), where=across > 0) for axis in (z, y))
    return side * np.arcsinh(up), np.arcsin(np.clip(along, -1.0, 1.0))


def hardest_up(eta_rel: Floats, phi_rel: Floats) -> tuple[Floats, Floats]:
    """Turn jets in the plane of etarel and phirel, the hardest to +phirot, as version 0.1.0 did."""
    length = np.hypot(eta_rel[:, :1], phi_rel[:, :1])
    on_axis = length == 0  # a single constituent is the axis: nothing to rotate
    sine = np.divide(eta_rel[:, :1], length, out=np.zeros_like(length), where=~on_axis)
    cosine = np.divide(phi_rel[:, :1], length, out=np.ones_like(length), where=~on_axis)
    return cosine * eta_rel - sine * phi_rel, sine * eta_rel + cosine * phi_rel


def wrap(angle: Floats) -> Floats:
    """Bring angles in radians into [-pi, pi)."""
    # To [-pi, pi): a jet may lie across the seam.
    return (angle + np.pi) % (2 * np.pi) - np.pi
