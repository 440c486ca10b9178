"""The names that tasks written for raysearch 0.1 import, which are then told what to write instead."""

from raysearch.data.to_score import Piece
from raysearch.data.to_score import ToScore as OtherData

__all__ = ["OtherData", "Piece"]
