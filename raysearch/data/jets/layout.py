"""Names, order and published figures of the public HLS4ML LHC jet files, which ours follow.

Data set: Pierini, Duarte, Tran, Freytsis, "HLS4ML LHC Jet dataset (150 particles)", CC BY 4.0,
doi:10.5281/zenodo.3602260; used by JEDI-net, Eur. Phys. J. C 80 (2020) 58, arXiv:1908.05318. A file holds

- ``jetConstituentList`` (jet, constituent, 16), by falling pT, padded with zeros; momenta in GeV;
- ``jets`` (jet, 59): 53 jet quantities, then one-hot class and ``undef``;
- ``particleFeatureNames``: the 16 names, and a 17th, ``j1_pdgid``, that has no data;
- ``jetFeatureNames``: the 59 names;
- ``jetImage`` (jet, 100, 100): scalar sum of pT in cells of eta and phi, see raysearch/data/jets/images.py;
- ``jetImageECAL``, ``jetImageHCAL``: not read here.

Our files add ``event`` (jet,) and may hold only the four-momenta and no images, which are then derived.
"""

from __future__ import annotations

CONSTITUENTS = "jetConstituentList"
PARTICLES = "particle_features"  # of the point clouds of JetNet, another layout
JETS = "jets"
CONSTITUENT_NAMES = "particleFeatureNames"
JET_NAMES = "jetFeatureNames"
IMAGE = "jetImage"
EVENT = "event"
NOT_READ = ("jetImageECAL", "jetImageHCAL")  # of the public files

MOMENTA = ("j1_px", "j1_py", "j1_pz", "j1_e")
FEATURES = (
    *MOMENTA,
    "j1_erel",
    "j1_pt",
    "j1_ptrel",
    "j1_eta",
    "j1_etarel",
    "j1_etarot",
    "j1_phi",
    "j1_phirel",
    "j1_phirot",
    "j1_deltaR",
    "j1_costheta",
    "j1_costhetarel",
)
FEATURE_WITHOUT_DATA = "j1_pdgid"

CLASSES = ("g", "q", "w", "z", "t")

TAUS = ("tau1_b1", "tau2_b1", "tau3_b1", "tau1_b2", "tau2_b2", "tau3_b2", "tau32_b1", "tau32_b2")
CORRELATORS = (
    "c1_b0",
    "c1_b1",
    "c1_b2",
    "c2_b1",
    "c2_b2",
    "d2_b1",
    "d2_b2",
    "d2_a1_b1",
    "d2_a1_b2",
    "m2_b1",
    "m2_b2",
    "n2_b1",
    "n2_b2",
)
QUANTITIES = (
    *("ptfrac", "pt", "eta", "mass"),
    *TAUS,
    "zlogz",
    *CORRELATORS,
    *(f"{name}_mmdt" for name in TAUS + CORRELATORS),
    *("mass_trim", "mass_mmdt", "mass_prun", "mass_sdb2", "mass_sdm1"),
    "multiplicity",
)
JET_COLUMNS = tuple(f"j_{name}" for name in (*QUANTITIES, *CLASSES, "undef"))
LABELS = slice(len(QUANTITIES), len(QUANTITIES) + len(CLASSES))

# The 16 inputs of the paper's DNN (arXiv:1908.05318, section 4), as positions in JET_COLUMNS.
DNN_COLUMNS = tuple(
    JET_COLUMNS.index(f"j_{name}")
    for name in ("zlogz", *(f"{name}_mmdt" for name in CORRELATORS), "mass_mmdt", "multiplicity")
)

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
PUBLIC_MULTIPLICITY = (22, 34, 46, 61, 89)  # constituents per jet of the public files at QUANTILES
