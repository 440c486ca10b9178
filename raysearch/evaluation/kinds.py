"""The kinds of data that can be compared: a new one is a module with ``evaluate(asked) -> Found`` and a line.

Light to import: a kind's module is loaded when it is asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Protocol, cast

from raysearch.errors import InputError, did_you_mean, one_of

if TYPE_CHECKING:
    from raysearch.evaluation.found import Asked, Found

KINDS = {"showers": "raysearch.evaluation.showers"}


class Evaluator(Protocol):
    """What the module of a kind has."""

    def evaluate(self, asked: Asked) -> Found:
        """Compare what lies at two paths.

        Raises:
            InputError: files are refused, or they cannot be compared.
        """


def evaluator(kind: str) -> Evaluator:
    """Load the module of a kind.

    Raises:
        InputError: it is not known.
    """
    if kind not in KINDS:
        raise InputError(f"--kind {kind}: must be {one_of(list(KINDS))}.{did_you_mean(kind, KINDS)}")
    return cast("Evaluator", importlib.import_module(KINDS[kind]))
