"""What a report shows of generated jets beside real ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raysearch.metrics.generation.jet_sample import FEATURES, JetSample
from raysearch.metrics.shown import Parts, Spectra

MOST = 3000  # jets of which particles are shown
UNITS = {"phi_rel": "rad"}
NUMBER = "particles"
OF_JETS: dict[str, Callable[[JetSample], NDArray[Any]]] = {
    "relative jet mass": lambda jets: jets.mass,  # of which W1-M is
    "pT_rel of the hardest particle": lambda jets: jets.particles[..., 2].max(axis=1),
    "sum of pT_rel": lambda jets: jets.particles[..., 2].sum(axis=1),
    NUMBER: lambda jets: jets.there.sum(axis=1),
}
# What follows the number in other spectra is the nearer to real jets for it.
GIVEN = "each generated jet is asked for with the number of particles of a jet of the test set"


def jet_spectra(real: JetSample, made: JetSample) -> list[Spectra]:
    """Lay quantities of jets side by side, and the features of particles of up to ``MOST`` jets.

    Features are left out where a sample has no particle.

    Args:
        real: jets of the test set.
        made: by a generator that was told their numbers of particles.
    """
    shown = [
        Spectra(name, "", _floats(of(real)), _floats(of(made)), given=GIVEN if name == NUMBER else "")
        for name, of in OF_JETS.items()
    ]
    few = real[slice(MOST)], made[slice(MOST)]
    first, second = (jets.particles[jets.there] for jets in few)
    parts = Parts("jet", *(np.nonzero(jets.there)[0].astype(np.int32) for jets in few))
    if not (len(first) and len(second)):
        return shown
    for number, name in enumerate(FEATURES):
        pair = _floats(first[:, number]), _floats(second[:, number])
        unit, log = UNITS.get(name, ""), name == "pT_rel"
        shown.append(Spectra(f"{name} of particles", unit, pair[0], pair[1], log=log, parts=parts))
    return shown


def _floats(values: NDArray[Any]) -> NDArray[np.float32]:
    return np.asarray(values, np.float32)
