"""The 16 features of a jet's constituents, from their four-momenta.

Order and names are those of the public HLS4ML LHC jet files (raysearch/data/jets/layout.py). ``erel`` and
``ptrel`` are shares of the jet's energy and pT; ``etarel``, ``phirel`` and ``deltaR`` distances to its axis;
``costheta`` is pz / p; ``etarot`` and ``phirot`` stand in raysearch/data/jets/rotation.py. ``costhetarel`` is
tanh(etarot): read from a line that is commented out in the program that made the public files, and from the
shape of a plot of one of them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from raysearch.data.jets.frames import Frame
from raysearch.data.jets.rotation import hardest_up, turned, wrap


def derive_features(
    momenta: NDArray[np.floating], constituents: int | None = None, frame: Frame = Frame.public
) -> NDArray[np.float64]:
    """Derive the 16 features; the jet axis is the sum of all constituents given.

    Args:
        momenta: (jet, constituent, 4), px, py, pz, e in GeV, by falling pT, padded with zeros.
        constituents: derive them for so many of the hardest constituents only; None: for all.
        frame: the definitions of the turned features.

    Returns:
        (jet, constituents, 16) in the order of ``layout.FEATURES``, zero where padded.
    """
    p = momenta.astype(np.float64)
    # Of all constituents, also where few are wanted: axis and turn are those of the jet.
    jet_px, jet_py, jet_pz, jet_e = np.moveaxis(p.sum(axis=1, keepdims=True), -1, 0)
    all_pt = np.hypot(p[..., 0], p[..., 1])
    all_eta, all_phi = pseudorapidity(all_pt, p[..., 2]), np.arctan2(p[..., 1], p[..., 0])
    px, py, pz, e = np.moveaxis(p[:, :constituents], -1, 0)
    pt, eta, phi = (axis[:, :constituents] for axis in (all_pt, all_eta, all_phi))
    jet_pt, there = np.hypot(jet_px, jet_py), pt > 0
    eta_rel = eta - pseudorapidity(jet_pt, jet_pz)
    phi_rel = wrap(phi - np.arctan2(jet_py, jet_px))
    cos_theta = np.divide(pz, np.hypot(pt, pz), out=np.zeros_like(pz), where=there)
    if frame is Frame.public:
        eta_rot, phi_rot = turned(all_pt, all_eta, all_phi, constituents)
        cos_theta_rel = np.tanh(eta_rot)
    else:
        (eta_rot, phi_rot), cos_theta_rel = hardest_up(eta_rel, phi_rel), cos_theta
    features = (
        *(px, py, pz, e),
        np.divide(e, jet_e, out=np.zeros_like(e), where=there),
        pt,
        np.divide(pt, jet_pt, out=np.zeros_like(pt), where=there),
        *(eta, eta_rel, eta_rot),
        *(phi, phi_rel, phi_rot),
        np.hypot(eta_rel, phi_rel),
        cos_theta,
        cos_theta_rel,
    )
    return np.where(there[..., None], np.stack(features, axis=-1), 0.0)


def pseudorapidity(pt: NDArray[np.float64], pz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pseudorapidity asinh(pz / pT); 0 where pT is 0."""
    return np.arcsinh(np.divide(pz, pt, out=np.zeros_like(pz), where=pt > 0))
