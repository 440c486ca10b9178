"""The 16 features of a jet's constituents, from their four-momenta.

Order and names are those of the public HLS4ML LHC jet files (raysearch/data/jets/layout.py), whose
definitions were never published in full. Ours were chosen by applying the published JEDI-net of 100
constituents, trained on the public jets, to our jets: the closer a definition, the better it tags. Two are
choices:

- ``etarot, phirot``: rotation about the jet axis in the (etarel, phirel) plane that puts the hardest
  constituent on the positive phirot axis;
- ``costhetarel``: cos(theta) itself. cos(theta_i - theta_jet), which the name suggests, tags less well.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def derive_features(momenta: NDArray[np.floating], constituents: int | None = None) -> NDArray[np.float64]:
    """Derive the 16 features; the jet axis is the sum of all constituents given.

    Args:
        momenta: (jet, constituent, 4), px, py, pz, e in GeV, by falling pT, padded with zeros.
        constituents: derive them for so many of the hardest constituents only; None: for all.

    Returns:
        (jet, constituents, 16) in the order of ``layout.FEATURES``, zero where padded.
    """
    p = momenta.astype(np.float64)
    # Of all constituents, also where few are wanted: the axis is that of the jet.
    jet_px, jet_py, jet_pz, jet_e = np.moveaxis(p.sum(axis=1, keepdims=True), -1, 0)
    px, py, pz, e = np.moveaxis(p[:, :constituents], -1, 0)
    pt, jet_pt = np.hypot(px, py), np.hypot(jet_px, jet_py)
    there = pt > 0
    eta, phi = pseudorapidity(pt, pz), np.arctan2(py, px)
    eta_rel = eta - pseudorapidity(jet_pt, jet_pz)
    phi_rel = wrap(phi - np.arctan2(jet_py, jet_px))
    eta_rot, phi_rot = _rotate_hardest_up(eta_rel, phi_rel)
    cos_theta = np.divide(pz, np.hypot(pt, pz), out=np.zeros_like(pz), where=there)
    features = (
        *(px, py, pz, e),
        np.divide(e, jet_e, out=np.zeros_like(e), where=there),
        pt,
        np.divide(pt, jet_pt, out=np.zeros_like(pt), where=there),
        *(eta, eta_rel, eta_rot),
        *(phi, phi_rel, phi_rot),
        np.hypot(eta_rel, phi_rel),
        cos_theta,
        cos_theta,
    )
    return np.where(there[..., None], np.stack(features, axis=-1), 0.0)


def pseudorapidity(pt: NDArray[np.float64], pz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pseudorapidity asinh(pz / pT); 0 where pT is 0."""
    return np.arcsinh(np.divide(pz, pt, out=np.zeros_like(pz), where=pt > 0))


def wrap(angle: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bring angles in radians into [-pi, pi)."""
    # To [-pi, pi): a jet may lie across the seam.
    return (angle + np.pi) % (2 * np.pi) - np.pi


def _rotate_hardest_up(
    eta: NDArray[np.float64], phi: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    length = np.hypot(eta[:, :1], phi[:, :1])
    on_axis = length == 0  # a single constituent is the axis: nothing to rotate
    sine = np.divide(eta[:, :1], length, out=np.zeros_like(length), where=~on_axis)
    cosine = np.divide(phi[:, :1], length, out=np.ones_like(length), where=~on_axis)
    return cosine * eta - sine * phi, sine * eta + cosine * phi
