"""Pions with Pythia's collisions have the showers that docs/hits.md says they have."""

from random import Random

import numpy as np
import pytest

from raysearch.data.hits.cascade import MM, Cascade
from raysearch.data.hits.deposits import points_of
from raysearch.data.hits.geometry import sensor_at

PIONS = 150
# Mean and about one error of 150 pions: visible energy, electromagnetic part, depth and radius in cm.
DESCRIBED = {
    10.0: ((0.777, 0.009), (0.49, 0.02), (18.2, 0.9), (2.75, 0.15)),
    100.0: ((0.845, 0.006), (0.65, 0.012), (24.0, 0.8), (2.41, 0.1)),
}


@pytest.mark.hep
@pytest.mark.parametrize("energy", DESCRIBED)
def test_response_electromagnetic_part_depth_and_width_are_those_of_the_page(energy):
    from raysearch.data.hits.block import pion  # needs the extra `hep`
    from raysearch.data.hits.nucleon import Nucleons

    cascade, rng = Cascade(Nucleons(11), Random(11)), np.random.default_rng(11)
    found = []
    for _ in range(PIONS):
        tracks = cascade.of(pion(energy, np.array([10.0, -20.0, -2000.0])))
        points, _ = points_of([tracks], rng)
        x, y, z, gev = points[sensor_at(*(points[:, :3].T / MM)) >= 0].T
        radius = np.sqrt(np.average((x - 1) ** 2 + (y + 2) ** 2, weights=gev))
        electromagnetic = sum(shower[6] for shower in tracks.showers)
        assert gev.sum() < 1.001 * energy
        found.append((gev.sum() / energy, electromagnetic / energy, np.average(z, weights=gev), radius))
    for mean, (described, error) in zip(np.mean(found, axis=0), DESCRIBED[energy], strict=True):
        assert mean == pytest.approx(described, abs=4 * error)
