"""Lets these tests run the command line as those of the command line do, on the sample of 0.1.0."""

import sys
from pathlib import Path

import pytest

SAMPLE = Path(__file__).parent / "sample" / "jets.h5"

sys.path.insert(0, str(Path(__file__).parents[1] / "cli"))


@pytest.fixture(autouse=True)
def sample_of_0_1_0(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAYSEARCH_JETS", str(SAMPLE))
