"""The 52 substructure quantities of the public HLS4ML LHC jet files, computed with FastJet and its contribs.

Definitions, in the order of ``layout.QUANTITIES`` without ``ptfrac``; all on the jet's constituents:

- tauN_bB: N-subjettiness, not normalised, one-pass minimisation from exclusive kT axes (arXiv:1108.2701);
- zlogz: sum of (e_i / E) ln(e_i / E);
- c1 c2 d2 m2 n2, d2_a1_bB: energy correlators in (pT, R), arXiv:1305.0007, 1409.6298 (D2 with alpha 1) and
  1609.07483;
- _mmdt: the same after modified mass drop, that is soft drop (arXiv:1402.2657) with beta 0, zcut 0.1;
- mass_trim: kT subjets of R 0.2 with at least 3 % of the pT (arXiv:0912.1342); mass_prun: Cambridge/Aachen,
  zcut 0.1, Rcut factor 0.5 (arXiv:0903.5081); mass_sdb2, mass_sdm1: soft drop with beta 2 and -1;
- multiplicity: number of constituents.

They are those of the public ntupliser (nhanvtran/trackObservables), which takes R0 = 1 for soft drop whatever
the jets' radius. One version of it writes M2 with beta 2 into the columns n2_b2; here they hold N2. Where a
quantity is undefined (0/0 for one or two constituents) it is 0. and awkward are GPL-2 and
BSD-3, and come with the extra ``hep``.
"""

from __future__ import annotations

import awkward as ak
import fastjet
import numpy as np
from numpy.typing import NDArray

from raysearch.data.jets.correlators import correlators
from raysearch.data.jets.layout import CORRELATORS

ALL_IN_ONE = 100.0  # a radius at which every jet is one jet again
CORRELATOR_ARGUMENTS = {
    "c1_b0": {"func": "c1", "beta": 0.0},
    "c1_b1": {"func": "c1", "beta": 1.0},
    "c1_b2": {"func": "c1", "beta": 2.0},
    "c2_b1": {"func": "c2", "beta": 1.0},
    "c2_b2": {"func": "c2", "beta": 2.0},
    "d2_b1": {"func": "d2", "beta": 1.0},
    "d2_b2": {"func": "d2", "beta": 2.0},
    "d2_a1_b1": {"func": "generalizedd2", "alpha": 1.0, "beta": 1.0},
    "d2_a1_b2": {"func": "generalizedd2", "alpha": 1.0, "beta": 2.0},
    "m2_b1": {"func": "m2", "beta": 1.0},
    "m2_b2": {"func": "m2", "beta": 2.0},
    "n2_b1": {"func": "n2", "beta": 1.0},
    "n2_b2": {"func": "n2", "beta": 2.0},
}


def substructure(
    jets: ak.Array, soft_drop_radius: float = 1.0, *, correlators_of_fastjet: bool = False
) -> dict[str, NDArray[np.float64]]:
    """Compute the quantities of every jet.

    Args:
        jets: (jet, var) records with px, py, pz, E in GeV; at least one constituent each.
        soft_drop_radius: R0 of soft drop; it does not matter to mass_mmdt.
        correlators_of_fastjet: for the bits of files that version 0.1.0 made; ours are faster.

    Returns:
        One array (jet,) per name of ``layout.QUANTITIES``, ``ptfrac`` excepted; masses and pT in GeV.
    """
    momenta = {axis: ak.to_numpy(ak.sum(jets[axis], axis=1)) for axis in ("px", "py", "pz", "E")}
    pt = np.hypot(momenta["px"], momenta["py"])
    energy_share = jets.E / momenta["E"]
    groomed, kept = _groom(jets, soft_drop_radius)
    shapes = _shapes_of_fastjet if correlators_of_fastjet else _shapes
    values = {
        "pt": pt,
        "eta": np.arcsinh(momenta["pz"] / pt),
        "mass": _mass(momenta["E"], momenta["px"], momenta["py"], momenta["pz"]),
        "zlogz": ak.to_numpy(ak.sum(energy_share * np.log(energy_share), axis=1)),
        **shapes(jets, ""),
        **shapes(jets[kept], "_mmdt"),
        **groomed,
        "multiplicity": ak.to_numpy(ak.num(jets, axis=1)).astype(np.float64),
    }
    return {
        name: np.nan_to_num(value, nan=0.0, posinf=0.0, neginf=0.0) + 0.0 for name, value in values.items()
    }


def _recluster(jets: ak.Array) -> fastjet.ClusterSequence:
    return fastjet.ClusterSequence(jets, fastjet.JetDefinition(fastjet.cambridge_algorithm, ALL_IN_ONE))


def _shapes(jets: ak.Array, suffix: str) -> dict[str, NDArray[np.float64]]:
    flat = np.stack([ak.to_numpy(ak.flatten(jets[axis])) for axis in ("px", "py", "pz", "E")], axis=-1)
    ends = np.cumsum(ak.to_numpy(ak.num(jets, axis=1)))
    found = [correlators(momenta) for momenta in np.split(flat, ends[:-1])]
    ratios = {name + suffix: np.array([each[name] for each in found]) for name in CORRELATORS}
    return _subjettiness(_recluster(jets), suffix) | ratios


def _shapes_of_fastjet(jets: ak.Array, suffix: str) -> dict[str, NDArray[np.float64]]:
    sequence = _recluster(jets)
    ratios = {
        name + suffix: ak.to_numpy(sequence.exclusive_jets_energy_correlator(njets=1, **arguments))
        for name, arguments in CORRELATOR_ARGUMENTS.items()
    }
    return _subjettiness(sequence, suffix) | ratios


def _subjettiness(sequence: fastjet.ClusterSequence, suffix: str) -> dict[str, NDArray[np.float64]]:
    values: dict[str, NDArray[np.float64]] = {}
    for beta in (1, 2):
        tau = np.asarray(
            sequence.njettiness("UnnormalizedMeasure", "OnePass_KT_Axes", [1, 2, 3], float(beta))
        )
        values |= {f"tau{n}_b{beta}{suffix}": tau[:, n - 1] for n in (1, 2, 3)}
        values[f"tau32_b{beta}{suffix}"] = np.divide(
            tau[:, 2], tau[:, 1], out=np.zeros(len(tau)), where=tau[:, 1] > 0
        )
    return values


def _groom(jets: ak.Array, radius: float) -> tuple[dict[str, NDArray[np.float64]], ak.Array]:
    """The five groomed masses, and (jet, var) the positions of the constituents that mMDT keeps."""
    whole = fastjet.JetDefinition(fastjet.cambridge_algorithm, ALL_IN_ONE)
    trim = fastjet.Filter(
        fastjet.JetDefinition(fastjet.kt_algorithm, 0.2), fastjet.SelectorPtFractionMin(0.03)
    )
    prune = fastjet.Pruner(fastjet.cambridge_algorithm, 0.1, 0.5)
    masses, kept = [], []
    for momenta in ak.to_list(ak.zip([jets.px, jets.py, jets.pz, jets.E])):
        particles = [fastjet.PseudoJet(*momentum) for momentum in momenta]
        for position, particle in enumerate(particles):
            particle.set_user_index(position)
        sequence = fastjet.ClusterSequence(particles, whole)  # outlives the jets made from it
        jet = sequence.inclusive_jets()[0]
        # Soft drop with beta 0 is the modified mass drop tagger (arXiv:1402.2657).
        mmdt = _soft_drop(jet, 0.0, radius)
        groomed = (trim(jet), mmdt, prune(jet), _soft_drop(jet, 2.0, radius), _soft_drop(jet, -1.0, radius))
        masses.append([max(found.m(), 0.0) for found in groomed])
        kept.append(sorted(constituent.user_index() for constituent in mmdt.constituents()))
    names = ("mass_trim", "mass_mmdt", "mass_prun", "mass_sdb2", "mass_sdm1")
    return dict(zip(names, np.array(masses, dtype=np.float64).T, strict=True)), ak.Array(kept)


def _soft_drop(jet: fastjet.PseudoJet, beta: float, radius: float, z_cut: float = 0.1) -> fastjet.PseudoJet:
    """Follow the harder branch down to z > zcut (R / R0)^beta, soft drop of arXiv:1402.2657.

    FastJet's own, through its Python interface, takes ten times as long for the same bits.
    """
    while True:
        harder, softer = fastjet.PseudoJet(), fastjet.PseudoJet()
        if not jet.has_parents(harder, softer):
            return jet
        if harder.pt() < softer.pt():
            harder, softer = softer, harder
        share = softer.pt() / (harder.pt() + softer.pt())
        if share > z_cut * (harder.delta_R(softer) / radius) ** beta:  # Eq. (1.1)
            return jet
        jet = harder


def _mass(
    e: NDArray[np.float64], px: NDArray[np.float64], py: NDArray[np.float64], pz: NDArray[np.float64]
) -> NDArray[np.float64]:
    return np.sqrt(np.maximum(e**2 - px**2 - py**2 - pz**2, 0.0))
