"""Every number by which generated jets are judged, each beside real jets against real ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from raysearch.metrics.generation.comparison import Comparison, Figures, compared
from raysearch.metrics.generation.frechet import fpd, kpd
from raysearch.metrics.generation.itself import Measured
from raysearch.metrics.generation.jet_sample import JetSample
from raysearch.metrics.generation.movers import BATCHES, PUBLISHED_BATCHES, coverage_and_matching
from raysearch.metrics.generation.neighbours import neighbour_figures
from raysearch.metrics.generation.two_sample import (
    PUBLISHED,
    ClassifierSettings,
    classifier_auc,
    standardised,
)
from raysearch.metrics.generation.wasserstein import jet_w1

Floats = NDArray[np.float64]


def jet_comparison(
    real: JetSample,
    made: JetSample,
    other_real: JetSample | None = None,
    *,
    published: bool = False,
    seed: int = 0,
    told: Callable[[str], None] = lambda _: None,
) -> Comparison:
    """Compare generated with real jets by every metric that their number allows.

    Args:
        real: real jets.
        made: generated ones.
        other_real: real jets that are not among ``real``; without them all is done with halves of ``real``.
        published: networks as large and batches as many as those of published figures.
        seed: of every random choice.
        told: told the name of a metric before it is computed.
    """
    settings = PUBLISHED if published else ClassifierSettings()

    def auc(name: str, features: Callable[[JetSample, JetSample], tuple[Floats, Floats]]) -> Metric:
        def metric(first: JetSample, second: JetSample) -> Figures:
            found = classifier_auc(*standardised(*features(first, second)), settings, seed=seed)
            return {name: Measured(found.value, found.error)}

        return metric

    def movers(first: JetSample, second: JetSample) -> Figures:
        n = PUBLISHED_BATCHES if published else BATCHES
        return coverage_and_matching(first, second, batches=n, seed=seed)

    metrics: dict[str, Metric] = {
        "W1": lambda first, second: jet_w1(first, second, seed=seed),
        "FPD": lambda first, second: {"FPD": Measured(*fpd(first.polynomials, second.polynomials))},
        "KPD": lambda first, second: {"KPD": Measured(*kpd(first.polynomials, second.polynomials))},
        "COV and MMD": movers,
        "precision, recall, density, coverage": lambda first, second: neighbour_figures(
            *(part.astype(np.float64) for part in standardised(*logarithms(first, second))), seed=seed
        ),
        "AUC, particles": auc("AUC, particles", low_level),
        "AUC, energy flow": auc("AUC, energy flow", logarithms),
    }
    for sample in (real, made, *([] if other_real is None else [other_real])):
        _ = sample.mass, sample.polynomials  # once, before samples are cut
    return compared(metrics, real, made, other_real, seed=seed, told=told)


Metric = Callable[[JetSample, JetSample], Figures]


def low_level(real: JetSample, made: JetSample) -> tuple[Floats, Floats]:
    """Particles by falling pT side by side, (n, 3 particles) each, as many as the wider sample has."""
    width = max(real.particles.shape[1], made.particles.shape[1])
    return _side_by_side(real, width), _side_by_side(made, width)


def logarithms(real: JetSample, made: JetSample) -> tuple[Floats, Floats]:
    """Log10 of the polynomials of connected graphs, (n, 21) each; those of others are sums of these.

    What is not above the least real value (0 where a jet has one particle) counts as that.
    """
    first, second = real.primes, made.primes
    positive = np.where(first > 0, first, np.inf).min(axis=0)
    least = np.where(np.isfinite(positive), positive, 1.0)
    return np.log10(np.maximum(first, least)), np.log10(np.maximum(second, least))


def _side_by_side(sample: JetSample, width: int) -> Floats:
    particles = sample.particles
    order = np.argsort(-particles[..., 2], axis=1, kind="stable")
    falling = np.take_along_axis(particles, order[..., None], axis=1)
    padded = np.zeros((len(falling), width, falling.shape[2]))
    padded[:, : falling.shape[1]] = falling
    return padded.reshape(len(padded), -1)
