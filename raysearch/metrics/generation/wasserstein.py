"""One-dimensional Wasserstein-1 distances of jets: W1-M, W1-P, W1-pT, W1-EFP.

R. Kansal et al., arXiv:2106.11535; definitions as in jetnet 0.2.5 (jet-net/JetNet,
jetnet/evaluation/gen_metrics.py), whose batches are drawn with replacement and without a seed. A distance
falls with the root of the batch: only values of one size can be compared.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import wasserstein_distance

from raysearch.metrics.generation.batches import over_batches
from raysearch.metrics.generation.comparison import Figures
from raysearch.metrics.generation.jet_sample import FEATURES, JetSample

BATCHES, MOST = 5, 10_000  # of the paper
LEAST = 100  # jets of a batch; a real W1-M of 100 jets is ten times that of 10,000


def jet_w1(real: JetSample, made: JetSample, *, seed: int = 0) -> Figures:
    """Compute all four, mean and error over five batches of up to 10,000 jets.

    Args:
        real: real jets.
        made: generated ones.
        seed: of the batches.

    Returns:
        ``W1-M`` of the relative jet mass; ``W1-P``, the mean over features of all particles; ``W1-pT`` of
        their pT alone; ``W1-EFP``, the mean over five energy-flow polynomials.

    Raises:
        InputError: fewer than 200 jets on a side.
    """
    whole = [_computed(sample) for sample in (real, made)]
    return over_batches(_of_batch, *whole, batches=BATCHES, most=MOST, least=LEAST, seed=seed)


def _computed(sample: JetSample) -> JetSample:
    """Have polynomials and masses of all jets, of which batches take theirs."""
    _ = sample.mass, sample.polynomials
    return sample


def quick_w1(real: JetSample, made: JetSample) -> dict[str, float]:
    """Compute all but W1-EFP, of whole samples at once, for looking at a network while it trains."""
    particles = [_particles(sample) for sample in (real, made)]
    of_features = {
        name: wasserstein_distance(*(part[:, number] for part in particles))
        for number, name in enumerate(FEATURES)
    }
    return {
        "W1-M": float(wasserstein_distance(real.mass, made.mass)),
        "W1-P": float(np.mean(list(of_features.values()))),
        "W1-pT": float(of_features["pT_rel"]),
    }


def _particles(sample: JetSample) -> NDArray[np.floating[Any]]:
    """Features of all particles, (particle, 3); where there is none, one far from all real ones."""
    found = sample.particles[sample.there]
    return found if len(found) else np.ones((1, len(FEATURES)))


def _of_batch(real: JetSample, made: JetSample) -> dict[str, float]:
    polynomials = zip(real.four_of_four.T, made.four_of_four.T, strict=True)
    w1_efp = float(np.mean([wasserstein_distance(*pair) for pair in polynomials]))
    return {**quick_w1(real, made), "W1-EFP": w1_efp}
