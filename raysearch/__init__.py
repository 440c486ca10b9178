"""raysearch: search for good neural networks in high-energy physics, on a laptop or a Ray cluster."""

__version__ = "0.1.0"
