"""Metrics that are no finite numbers: neither a ledger (JSON) nor MLflow holds them, so they are left out, and told."""

from __future__ import annotations

import math
from collections.abc import Mapping


def finite(metrics: Mapping[str, float]) -> dict[str, float]:
    """Take the metrics that can be kept."""
    return {name: value for name, value in metrics.items() if math.isfinite(value)}


def left_out(metrics: Mapping[str, float]) -> list[str]:
    """Tell of each of the others that it is left out."""
    return [
        f"{name} is no finite number and left out"
        for name, value in metrics.items()
        if not math.isfinite(value)
    ]
