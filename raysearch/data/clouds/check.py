"""The check of jets as point clouds: every value is read, and what no jet can be is refused."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from raysearch.data.clouds.jets import POINTS, JetClouds, load_jet_clouds
from raysearch.data.clouds.summary import CloudSummary
from raysearch.data.jets.files import jet_files
from raysearch.data.jets.layout import CLASSES
from raysearch.data.paths import DataPath
from raysearch.data.twins import TwinSearch, same_files
from raysearch.errors import InputError

QUANTILES = (0.05, 0.5, 0.95)
PT_SUM = (0.1, 3.0)  # of pT_rel over a jet at the median; other values are GeV, or scaled for a network


def check_clouds(path: DataPath = None) -> CloudSummary:
    """Read every jet of every file.

    Args:
        path: as for :func:`raysearch.data.clouds.jets.load_jet_clouds`.

    Raises:
        InputError: files are refused or are the same, or pT are no shares of the jet's; lists all.
    """
    jets = load_jet_clouds(path)
    if problems := [*same_files(jets.sha256), *not_relative(jets)]:
        raise InputError(*problems)
    there = (jets.particles != 0).any(axis=2)
    twins = TwinSearch()
    twins.add(jets.particles, empty=~there.any(axis=1))
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


def not_relative(jets: JetClouds) -> Iterator[str]:
    """Tell pT that are no shares of the jet's."""
    total = float(np.median(jets.particles[..., 2].sum(axis=1)))
    if not PT_SUM[0] <= total <= PT_SUM[1]:
        yield (
            f"pT_rel add up to {total:.3g} in a jet at the median; they must be shares of the jet's pT, "
            "about 1 together, neither GeV nor scaled for a network"
        )


def odd(jets: JetClouds) -> Iterator[str]:
    """Tell what no real jets have, and generated ones may."""
    if n := int((jets.particles[..., 2] < 0).sum()):
        yield f"{n:,} particles have a pT below 0"
    if n := int((~(jets.particles != 0).any(axis=(1, 2))).sum()):
        yield f"{n:,} jets have no particle"
