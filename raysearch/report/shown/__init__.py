"""How the report shows each type of value: one room for each, which the rest of the report knows by ``part.py`` only."""

from typing import Any

from raysearch.metrics.shown import Estimates, Scores
from raysearch.report.shown.estimates import EstimatesPart
from raysearch.report.shown.part import Part
from raysearch.report.shown.scores import ScoresPart

PARTS: dict[type, type[Part[Any]]] = {
    Scores: ScoresPart,
    Estimates: EstimatesPart,
}
