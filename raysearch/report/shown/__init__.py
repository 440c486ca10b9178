"""How the report shows each type of value: a room for each, known to the rest by ``part.py`` only."""

from typing import Any

from raysearch.metrics.shown import Displays, Estimates, Pictures, Scores, Spectra
from raysearch.report.shown.displays import DisplaysPart
from raysearch.report.shown.estimates import EstimatesPart
from raysearch.report.shown.part import Part
from raysearch.report.shown.pictures import PicturesPart
from raysearch.report.shown.scores import ScoresPart
from raysearch.report.shown.spectra import SpectraPart

PARTS: dict[type, type[Part[Any]]] = {
    Scores: ScoresPart,
    Estimates: EstimatesPart,
    Spectra: SpectraPart,
    Pictures: PicturesPart,
    Displays: DisplaysPart,
}
