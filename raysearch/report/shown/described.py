"""What a study's description of its data tells beside counts and files: a task's own words, in the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from raysearch.report.blocks import listing, number

JET_CLASSES = ["g", "q", "w", "z", "t"]  # of ledgers of version 0.1.0, which tell no units
NOT_FLAT = (
    *("path", "files", "split_by", "split", "n_train", "n_validation", "n_test", "classes"),
    *("spread", "warnings"),
)


def units(data: Mapping[str, Any]) -> str:
    """What the data consist of: ``units`` if they say so, jets where they have jet classes, else examples."""
    told, classes = data.get("units"), data.get("classes")
    return told if isinstance(told, str) else "jets" if classes == JET_CLASSES else "examples"


def energy_tev(data: Mapping[str, Any]) -> float | None:
    """Centre-of-mass energy in TeV, if the data say it."""
    energy = data.get("sqrt_s_tev")
    return energy if isinstance(energy, int | float) else None


def further_rows(data: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Rows of a table for all that the data tell beside source, files, sizes and split."""
    rows = [("classes", listing(list(map(str, data["classes"]))))] if data.get("classes") else []
    return [*rows, *((key, flat(value)) for key, value in data.items() if key not in NOT_FLAT)]


def flat(value: object) -> str:
    """Write a nested plain value on one line."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {flat(inner)}" for key, inner in value.items())
    return ", ".join(map(flat, value)) if isinstance(value, (list, tuple)) else number(value)
