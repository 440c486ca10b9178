"""Lets these tests import the textbook networks that the benchmarks are timed against."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
