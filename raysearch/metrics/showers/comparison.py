"""Every number by which generated showers are judged, each beside the simulation against itself.

All but the low-level classifier, which needs cells: see :mod:`raysearch.metrics.showers.classifier`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from raysearch.metrics.generation.comparison import Comparison, Figures, compared
from raysearch.metrics.generation.frechet import LEAST, fpd, kpd
from raysearch.metrics.generation.itself import Measured
from raysearch.metrics.generation.two_sample import ClassifierSettings, classifier_auc
from raysearch.metrics.showers.classifier import high_level_inputs
from raysearch.metrics.showers.correlation import correlation_difference
from raysearch.metrics.showers.high_level import high_level
from raysearch.metrics.showers.sample import ShowerSample
from raysearch.metrics.showers.scalar import sampling_fraction_error, scalar_metric
from raysearch.metrics.showers.separation import separation_powers


def comparison(
    real: ShowerSample,
    made: ShowerSample,
    other_real: ShowerSample | None = None,
    *,
    classifier: ClassifierSettings | None = None,
    fpd_least: int = LEAST,
    seed: int = 0,
    told: Callable[[str], None] = lambda _: None,
) -> Comparison:
    """Compare generated showers with simulated ones by every metric that their number allows.

    Args:
        real: simulated showers.
        made: generated ones, in the same grid.
        other_real: simulated showers that are not among ``real``, such as the training part; without them all
            is done with halves of ``real``.
        classifier: settings of the high-level classifier.
        fpd_least: showers of FPD's smallest batch, of which a side needs as many.
        seed: of every random choice.
        told: told the name of a metric before it is computed.
    """

    def auc(first: ShowerSample, second: ShowerSample) -> Figures:
        found = classifier_auc(*high_level_inputs(first, second), classifier, seed=seed)
        return {"AUC, high-level features": Measured(found.value, found.error)}

    def frechet(first: ShowerSample, second: ShowerSample) -> Figures:
        return {"FPD": Measured(*fpd(high_level(first), high_level(second), least=fpd_least))}

    metrics: dict[str, Callable[[ShowerSample, ShowerSample], Figures]] = {
        "3DGAN metric": lambda first, second: _scalar(first, second, seed),
        "sampling fraction error": _sampling,
        "separation power": _separation,
        "correlation difference": _correlation,
        "FPD": frechet,
        "KPD": _kernel,
        "AUC, high-level features": auc,
    }
    return compared(metrics, real, made, other_real, seed=seed, told=told)


def _scalar(real: ShowerSample, made: ShowerSample, seed: int) -> Figures:
    found = scalar_metric(real, made, error_seed=seed)
    parts = {"moments": found.moments, "profiles": found.profiles, "angle": found.angle}
    return {
        "3DGAN metric": Measured(found.total, found.error),
        **{f"3DGAN metric, {name}": Measured(part) for name, part in parts.items() if part is not None},
    }


def _sampling(real: ShowerSample, made: ShowerSample) -> Figures:
    return {"sampling fraction error": Measured(*sampling_fraction_error(real, made))}


def _separation(real: ShowerSample, made: ShowerSample) -> Figures:
    """The mean over kinds of features, then each of them, the worst first."""
    found = separation_powers(real, made)
    worst_first = sorted(found, key=lambda name: -found[name])
    return {
        "separation power, mean": Measured(float(np.mean(list(found.values())))),
        **{f"separation power, {name}": Measured(found[name]) for name in worst_first},
    }


def _correlation(real: ShowerSample, made: ShowerSample) -> Figures:
    return {"correlation difference": Measured(correlation_difference(real, made))}


def _kernel(real: ShowerSample, made: ShowerSample) -> Figures:
    return {"KPD": Measured(*kpd(high_level(real), high_level(made)))}
