"""The name by which tasks written for raysearch 0.1 import what their ``other_data`` returns."""

from raysearch.data.to_score import OtherData, Piece

__all__ = ["OtherData", "Piece"]
