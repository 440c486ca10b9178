"""Collisions of hadrons with protons and neutrons at rest by Pythia 8, at any energy and of any hadron.

Set up as Pythia's own PythiaCascade is: beams and energy may be others each time, with soft processes and
those of low energy, and multiparton interactions for all beams as a file that comes with Pythia has them.
Needs the extra ``hep``; Pythia keeps global state, so that this runs in a process of its own.
"""

from __future__ import annotations

from pathlib import Path

import pythia8mc

from raysearch.data.hits.cascade import Made
from raysearch.data.hits.recipe import CARD
from raysearch.data.jets.pythia_data import pythia_data, where_to_look
from raysearch.errors import ResourceError

AT_REST_GEV = 0.93827  # energy of a nucleon at rest: with 0 Pythia makes nothing, and says nothing


class Nucleons:
    """Makes collisions; a new one for each seed, for Pythia remembers what it has made.

    Args:
        seed: of Pythia, from 1 to 900,000,000.

    Raises:
        ResourceError: Pythia's data are not where it looks for them.
        ValueError: Pythia refuses a setting, or cannot start.
    """

    def __init__(self, seed: int) -> None:
        data = pythia_data()
        self._pythia = pythia8mc.Pythia(data, False)
        # Without its data, or with those of another version, it takes no setting at all.
        if not self._pythia.readString("Print:quiet = on"):
            raise ResourceError(where_to_look())
        setup = Path(data).parent / "setups" / "InitDefaultMPI.cmnd"
        if not self._pythia.readFile(str(setup)):
            raise ResourceError(f"{setup}: Pythia cannot read it; it comes with pythia8mc")
        for line in (*CARD, f"Random:seed = {seed}"):
            if not self._pythia.readString(line):
                raise ValueError(f"Pythia does not know {line!r}")
        if not self._pythia.init():
            raise ValueError("Pythia could not start for collisions of hadrons with nucleons")

    def __call__(self, pdg: int, energy: float, nucleon: int) -> tuple[list[Made], float]:
        """Collide a hadron with a nucleon at rest.

        Args:
            pdg: of the hadron.
            energy: of the hadron in GeV, its mass with it.
            nucleon: PDG code of proton or neutron.

        Returns:
            What they make, nothing if Pythia cannot; and the total cross-section in mb.
        """
        pythia = self._pythia
        if not (
            pythia.setBeamIDs(pdg, nucleon) and pythia.setKinematics(energy, AT_REST_GEV) and pythia.next()
        ):
            return [], 0.0
        event = pythia.event
        made = []
        for number in range(1, event.size()):
            each = event[number]
            if each.isFinal():
                mass = each.m()
                momentum = each.px(), each.py(), each.pz()
                made.append(Made(each.id(), mass, each.charge(), each.e() - mass, momentum))
        return made, pythia.getSigmaTotal()
