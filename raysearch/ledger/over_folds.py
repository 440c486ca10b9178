"""One figure from those of a trial's folds or repeats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean, stdev


def means(metrics: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Means of what all of them have, by name."""
    return {name: fmean(each[name] for each in metrics) for name in common_names(metrics)}


def spreads(metrics: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Sample standard deviations of what all of them have, by name; of fewer than two there are none."""
    if len(metrics) < 2:
        return {}
    return {name: stdev(each[name] for each in metrics) for name in common_names(metrics)}


def mean_and_sd(metrics: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Means and, with ``_sd`` behind their names, sample standard deviations."""
    return means(metrics) | {f"{name}_sd": value for name, value in spreads(metrics).items()}


def common_names(metrics: Sequence[Mapping[str, float]]) -> list[str]:
    """Names that all of them have; a metric that is no finite number is left out of a ledger."""
    return [name for name in metrics[0] if all(name in each for each in metrics)] if metrics else []
