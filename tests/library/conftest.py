"""Studies for the tests of the library: no mirror, as it has tests of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

import raysearch
from raysearch.data.jets.files import SAMPLE

sys.path.insert(0, str(Path(__file__).parents[1] / "cli"))

TAGGER = {"budget.epochs": 2, "data.limit": 2000, "search.options.n_startup_trials": 2}


@pytest.fixture(autouse=True, scope="session")
def no_mirror() -> Iterator[None]:
    with patch("raysearch.tracking.mirror.start_mirror", lambda folder: None):
        yield


@pytest.fixture(scope="session")
def tagger(tmp_path_factory: pytest.TempPathFactory) -> raysearch.Study:
    """A finished study of three trials of the jets that ship; not to be changed."""
    runs = tmp_path_factory.mktemp("tagger") / "runs"
    study = raysearch.tune(
        "jet-dnn", trials=3, seed=2, data=SAMPLE, runs=runs, name="t", local=True, set=TAGGER
    )
    assert isinstance(study, raysearch.Study)
    return study
