"""The names by which tasks written for raysearch 0.1 import what their ``other_data`` returns."""

from raysearch.data.to_score import Piece
from raysearch.data.to_score import ToScore as OtherData

__all__ = ["OtherData", "Piece"]
