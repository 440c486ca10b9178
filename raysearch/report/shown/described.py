"""What a study's description of its data tells beside counts and files: a task's own words, in the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from raysearch.ledger.history import History
from raysearch.report.blocks import listing, number

JET_CLASSES = ["g", "q", "w", "z", "t"]  # of ledgers of version 0.1.0, which tell no units
PLAIN_NAME = "energy sum, calibrated"
NOT_FLAT = (
    *("path", "files", "split_by", "split", "n_train", "n_validation", "n_test", "classes"),
    *("spread", "warnings"),
)


class PlainLoss(NamedTuple):
    """The loss on validation data of an estimate that needs no network."""

    name: str
    loss: float


def plain_loss(history: History) -> PlainLoss | None:
    """The loss that networks have to beat, where the data say it and it is the objective: a calibration's."""
    calibration = history.created.data.get("calibration")
    known = calibration.get("validation_error") if isinstance(calibration, dict) else None
    if not isinstance(known, int | float) or history.created.objective != "val_loss":
        return None
    return PlainLoss(PLAIN_NAME, float(known))


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
