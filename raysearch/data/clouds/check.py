"""The check of jets as point clouds: every value is read, and what no jet can be is refused."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from raysearch.data.clouds.jets import POINTS, JetClouds, load_jet_clouds
from raysearch.data.clouds.summary import CloudSummary
from raysearch.data.jets.files import jet_files
from raysearch.data.jets.layout import CLASSES
from raysearch.data.paths import DataPath
from raysearch.data.twins import TwinSearch, same_files
from raysearch.errors import InputError

QUANTILES = (0.05, 0.5, 0.95)
PT_SUM = (0.1, 3.0)  # of pT_rel over a jet at the median; other values are GeV, or scaled for a network
ALL_PT = 1.1  # above it are pT_rel of next to no jet; of shares of 1 TeV they are of many
MANY = 0.05  # of jets, or of particles
OFF_AXIS = 0.2  # distance of a jet's mean to its axis at the median: within 0.002 in real jets
FAR = 1.5  # from the axis there is next to no particle of a jet


def check_clouds(path: DataPath = None) -> CloudSummary:
    """Read every jet of every file.

    Args:
        path: as for :func:`raysearch.data.clouds.jets.load_jet_clouds`.

    Raises:
        InputError: files are refused or are the same, or particles are not told relative to the jet; lists
            all.
    """
    jets = load_jet_clouds(path)
    if problems := [*same_files(jets.sha256), *not_relative(jets), *off_axis(jets)]:
        raise InputError(*problems)
    there = (jets.particles != 0).any(axis=2)
    twins = TwinSearch()
    twins.add(jets.particles, empty=~speaking(jets.particles))
    return CloudSummary(
        files=tuple(jet_files(path)),
        sha256=jets.sha256,
        n=len(jets),
        has_events=False,
        warnings=tuple(odd(jets)),
        twins=twins.found(),
        n_per_class={name: int((jets.labels == number).sum()) for number, name in enumerate(CLASSES)},
        n_unknown=int((jets.labels < 0).sum()),
        points=POINTS,
        multiplicity=tuple(np.quantile(there.sum(axis=1), QUANTILES).tolist()),
        pt_sum=tuple(np.quantile(jets.particles[..., 2].sum(axis=1), QUANTILES).tolist()),
    )


def speaking(particles: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Tell which jets can be told apart: a single particle is the axis of its jet, and all of its pT."""
    return (particles != 0).any(axis=2).sum(axis=1) > 1


def not_relative(jets: JetClouds) -> Iterator[str]:
    """Tell pT that are no shares of the jet's."""
    total = float(np.median(jets.particles[..., 2].sum(axis=1)))
    if not PT_SUM[0] <= total <= PT_SUM[1]:
        yield (
            f"pT_rel add up to {total:.3g} in a jet at the median; they must be shares of the jet's pT, "
            "about 1 together, neither GeV nor scaled for a network"
        )


def off_axis(jets: JetClouds) -> Iterator[str]:
    """Tell places that are not around the jet's axis."""
    places, pt = jets.particles[..., :2].astype(np.float64), jets.particles[..., 2:].clip(0)
    total = pt.sum(axis=1)
    whole = total[:, 0] > 0
    if not whole.any():
        return
    mean = np.abs((places * pt).sum(axis=1)[whole] / total[whole])
    off = float(np.median(mean, axis=0).max())
    far = float((np.abs(places).max(axis=2)[pt[..., 0] > 0] > FAR).mean())
    if off > OFF_AXIS or far > MANY:
        yield (
            f"eta_rel and phi_rel are {off:.2g} off 0 in a jet at the median, and {far:.0%} of the particles "
            f"are more than {FAR:g} away; they must be distances from the jet's axis, neither eta and phi "
            "themselves nor degrees nor scaled for a network"
        )


def odd(jets: JetClouds) -> Iterator[str]:
    """Tell what no real jets have, and generated ones may."""
    if n := int((jets.particles[..., 2] < 0).sum()):
        yield f"{n:,} particles have a pT below 0"
    n_large = int((jets.particles[..., 2].sum(axis=1) > ALL_PT).sum())
    if n_large > MANY * len(jets):
        yield (
            f"pT_rel add up to more than {ALL_PT:g} in {n_large:,} of {len(jets):,} jets; are they shares of "
            "the jet's pT, or TeV?"
        )
    if n := int((~(jets.particles != 0).any(axis=(1, 2))).sum()):
        yield f"{n:,} jets have no particle"
