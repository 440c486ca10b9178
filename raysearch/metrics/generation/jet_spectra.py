"""What a report shows of generated jets beside real ones."""

from __future__ import annotations

import numpy as np

from raysearch.metrics.generation.jet_sample import FEATURES, JetSample
from raysearch.metrics.shown import Spectra

MOST = 3000  # jets of which particles are shown
UNITS = {"phi_rel": "rad"}


def jet_spectra(real: JetSample, made: JetSample) -> list[Spectra]:
    """Lay quantities of jets and of their particles side by side.

    Returns:
        The relative jet mass, of which W1-M is; the hardest particle's pT; pT of all that are there; how
        many there are; and the three features of all particles of up to ``MOST`` jets.
    """
    whole = {
        "relative jet mass": [sample.mass for sample in (real, made)],
        "pT_rel of the hardest particle": [sample.particles[..., 2].max(axis=1) for sample in (real, made)],
        "sum of pT_rel": [sample.particles[..., 2].sum(axis=1) for sample in (real, made)],
        "particles": [sample.there.sum(axis=1) for sample in (real, made)],
    }
    shown = [Spectra(name, "", *map(_floats, pair)) for name, pair in whole.items()]
    some = [sample[slice(MOST)] for sample in (real, made)]
    for number, name in enumerate(FEATURES):
        pair = [_floats(sample.particles[sample.there][:, number]) for sample in some]
        if all(map(len, pair)):
            shown.append(Spectra(f"{name} of particles", UNITS.get(name, ""), *pair, log=name == "pT_rel"))
    return shown


def _floats(values: np.ndarray) -> np.ndarray:
    return np.asarray(values, np.float32)
