"""Every number by which generated showers are judged, each beside the simulation against itself.

All but the low-level classifier, which needs cells: see :mod:`raysearch.metrics.showers.classifier`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from raysearch.errors import InputError
from raysearch.metrics.frechet import fpd, kpd
from raysearch.metrics.itself import BesideItself, beside_itself
from raysearch.metrics.showers.classifier import ClassifierSettings, classifier_auc, high_level_inputs
from raysearch.metrics.showers.correlation import correlation_difference
from raysearch.metrics.showers.high_level import high_level
from raysearch.metrics.showers.sample import ShowerSample
from raysearch.metrics.showers.scalar import sampling_fraction_error, scalar_metric
from raysearch.metrics.showers.separation import separation_powers

Distance = Callable[[ShowerSample, ShowerSample], float]


@dataclass(frozen=True)
class Comparison:
    """What was found.

    Attributes:
        values: name of a metric to its value and its floor, floats both, and how many showers on a side.
        refused: name of a metric to why it says nothing of samples as small as these.
    """

    values: dict[str, BesideItself]
    refused: dict[str, str]


def comparison(
    real: ShowerSample,
    made: ShowerSample,
    other_real: ShowerSample | None = None,
    *,
    classifier: ClassifierSettings | None = None,
    seed: int = 0,
) -> Comparison:
    """Compare generated showers with simulated ones by every metric that their number allows.

    Args:
        real: simulated showers.
        made: generated ones, in the same grid.
        other_real: simulated showers that are not among ``real``, such as the training part; without them all
            is done with halves of ``real``.
        classifier: settings of the high-level classifier.
        seed: of every random choice.
    """

    def auc(first: ShowerSample, second: ShowerSample) -> float:
        return classifier_auc(*high_level_inputs(first, second), classifier, seed=seed).value

    distances: dict[str, Distance] = {
        "3DGAN metric": lambda first, second: scalar_metric(first, second).total,
        "3DGAN metric, moments": lambda first, second: scalar_metric(first, second).moments,
        "3DGAN metric, profiles": lambda first, second: scalar_metric(first, second).profiles,
        "sampling fraction error": lambda first, second: sampling_fraction_error(first, second)[0],
        "correlation difference": correlation_difference,
        "AUC, high-level features": auc,
        "FPD": lambda first, second: fpd(high_level(first), high_level(second)).value,
        "KPD": lambda first, second: kpd(high_level(first), high_level(second)).value,
    }
    values: dict[str, BesideItself] = {}
    refused: dict[str, str] = {}
    for name, distance in distances.items():
        try:
            values[name] = beside_itself(distance, real, made, other_real, seed=seed)
        except InputError as error:
            refused[name] = str(error)
    powers = beside_itself(separation_powers, real, made, other_real, seed=seed)
    for name, value in powers.value.items():
        values[f"separation power, {name}"] = BesideItself(value, powers.itself[name], powers.n)
    return Comparison(values, refused)
