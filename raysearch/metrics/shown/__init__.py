"""What a task shows of the test set: values from a short vocabulary, each of which the report has a room for.

A task gives a list of them (``Task.shown``), the final evaluation keeps them in one file (:func:`pack`), and
the report draws each by its type (``raysearch/report/shown``), without the task's code.
"""

from raysearch.metrics.shown.columns import columns, constants
from raysearch.metrics.shown.displays import Displays
from raysearch.metrics.shown.packing import of_arrays, pack, unpack
from raysearch.metrics.shown.values import (
    Against,
    Condition,
    Coordinate,
    Estimates,
    Parts,
    Pictures,
    Scores,
    Shown,
    Spectra,
    calorimeter_energy,
)

__all__ = [
    "Against",
    "Condition",
    "Coordinate",
    "Displays",
    "Estimates",
    "Parts",
    "Pictures",
    "Scores",
    "Shown",
    "Spectra",
    "calorimeter_energy",
    "columns",
    "constants",
    "of_arrays",
    "pack",
    "unpack",
]
