"""Studies of 0.1.0 go on with the sample of that version."""

from pathlib import Path

import pytest

SAMPLE = Path(__file__).parent / "sample" / "jets.h5"


@pytest.fixture(autouse=True)
def sample_of_0_1_0(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAYSEARCH_JETS", str(SAMPLE))
