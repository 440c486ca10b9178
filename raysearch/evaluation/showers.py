"""Generated showers beside simulated ones: the metrics of 3DGAN and of CaloChallenge.

Both are read in any layout that the reader knows; what is compared has one grid. Energies and angles that
were asked for must be spread alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import cast

from raysearch.data.checked import checked
from raysearch.data.paths import passed_over
from raysearch.data.showers.layouts import Challenge
from raysearch.data.showers.summary import ShowerSummary
from raysearch.errors import InputError
from raysearch.evaluation.copies import find_copies
from raysearch.evaluation.found import Asked, Found
from raysearch.evaluation.read_showers import ReadShowers, read_showers
from raysearch.evaluation.spread import spread_warnings
from raysearch.metrics.generation.frechet import LEAST as FPD_LEAST
from raysearch.metrics.generation.itself import BesideItself, Measured, beside_itself
from raysearch.metrics.generation.two_sample import (
    LEAST,
    PUBLISHED,
    ClassifierSettings,
    classifier_auc,
)
from raysearch.metrics.showers.comparison import comparison
from raysearch.metrics.showers.features import THRESHOLD_GEV

CHALLENGE_THRESHOLD_GEV = 1.515e-5  # of a hit in data sets 2 and 3 of CaloChallenge, arXiv:2410.21611
CHALLENGE_FPD_LEAST = 10_000  # showers of the smallest batch there
AUC = "AUC, low-level cells"
LIKE = "Generate showers of the same conditions: raysearch predict NAME --like REAL --out FILE"


def evaluate(asked: Asked) -> Found:
    """Compare generated showers with simulated ones by every metric that their number allows.

    Raises:
        InputError: files are refused, are the same, have other grids, too few showers, or energies or angles
            that are spread otherwise; lists all that is found at a time.
    """
    if asked.of_class or asked.made_class:
        raise InputError("--class, --made-class: showers have no classes; leave them out")
    paths = {"real": asked.real, "made": asked.made}
    if asked.other_real is not None:
        paths["other real"] = asked.other_real
    summaries: dict[str, ShowerSummary] = {}
    for name, path in paths.items():
        asked.told(f"checking {path}")
        summaries[name] = cast("ShowerSummary", checked("showers", path))
    _require_comparable(paths, summaries)
    threshold = CHALLENGE_THRESHOLD_GEV if summaries["real"].layout == Challenge.name else THRESHOLD_GEV
    showers: dict[str, ReadShowers] = {}
    for name, path in paths.items():
        asked.told(f"reading {summaries[name].n:,} showers of {path}")
        showers[name] = read_showers(path, threshold)
    copies = find_copies({name: each.pieces() for name, each in showers.items()}, paths, "shower")
    if copies.problems:
        raise InputError(*copies.problems)
    of_files = [
        f"{name}: {warning}"
        for name, path in paths.items()
        for warning in (*summaries[name].warnings, *passed_over(path))
    ]
    warnings = (*copies.warnings, *of_files, *_spread(showers))
    classifier = PUBLISHED if asked.published else ClassifierSettings()
    found = comparison(
        *(each.sample for each in showers.values()),
        classifier=classifier,
        fpd_least=CHALLENGE_FPD_LEAST if asked.published else FPD_LEAST,
        seed=asked.seed,
        told=asked.told,
    )
    asked.told(AUC)
    values = {**found.values, AUC: _low_level_auc(list(showers.values()), classifier, asked.seed)}
    about: dict[str, str | int] = {
        **{name: str(path) for name, path in paths.items()},
        "showers a side": _a_side(summaries),
        "cells": " x ".join(map(str, summaries["real"].grid)),
        "hits": f"cells above {1e3 * threshold:g} MeV",
        "classifiers": f"{classifier}, 60 : 20 : 20 for training, validation and test",
        "seed": asked.seed,
    }
    return Found(about, values, found.refused, warnings)


def _a_side(summaries: Mapping[str, ShowerSummary]) -> int:
    """How many showers a side, which leaves as many for the floor: see ``beside_itself``."""
    counts = {name: summary.n for name, summary in summaries.items()}
    if "other real" not in counts:
        counts["real"] //= 2
    return min(counts.values())


def _require_comparable(paths: Mapping[str, Path], summaries: Mapping[str, ShowerSummary]) -> None:
    real, problems = summaries["real"], []
    for name in list(paths)[1:]:
        found = summaries[name]
        if set(found.sha256.values()) & set(real.sha256.values()):
            problems.append(
                f"{paths[name]}: holds a file that {paths['real']} holds; both need showers of their own"
            )
        if found.grid != real.grid:
            problems.append(f"{paths[name]}: has cells {found.grid}, but {paths['real']} has {real.grid}")
        if (found.theta_rad is None) != (real.theta_rad is None):
            told = ["angles" if each.theta_rad else "no angles" for each in (found, real)]
            problems.append(f"{paths[name]}: has {told[0]}, but {paths['real']} has {told[1]}")
    if _a_side(summaries) < LEAST:
        counts = ", ".join(f"{summary.n:,} in {paths[name]}" for name, summary in summaries.items())
        halves = "" if "other real" in paths else f"; of {paths['real']} half is needed for the floor"
        problems.append(f"showers: needs {LEAST} a side, got {counts}{halves}")
    if problems:
        raise InputError(*problems)


def _spread(showers: Mapping[str, ReadShowers]) -> tuple[str, ...]:
    """Tell energies and angles that are spread otherwise than in the real showers."""
    real = showers["real"].sample
    warnings: list[str] = []
    for name in list(showers)[1:]:
        other = showers[name].sample
        warnings += spread_warnings(f"{name}: energy", "GeV", real.energy, other.energy, LIKE)
        if real.theta is not None and other.theta is not None:
            warnings += spread_warnings(f"{name}: angle", "rad", real.theta, other.theta, LIKE)
    return tuple(warnings)


def _low_level_auc(showers: list[ReadShowers], settings: ClassifierSettings, seed: int) -> BesideItself:
    def auc(first: ReadShowers, second: ReadShowers) -> Measured:
        sampling = float(first.sample.sampling_fraction.mean())
        found = classifier_auc(first.low_level(sampling), second.low_level(sampling), settings, seed=seed)
        return Measured(found.value, found.error)

    return beside_itself(auc, *showers, seed=seed)
