"""Studies for the tests of the library: no mirror, as it has tests of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

import raysearch
from raysearch.data.jets.files import SAMPLE

sys.path.insert(0, str(Path(__file__).parents[1] / "cli"))

TAGGER = {"budget.epochs": 2, "data.limit": 2000, "search.options.n_startup_trials": 2}


def without_mirror() -> Any:
    return patch("raysearch.tracking.mirror.start_mirror", lambda folder: None)


# Of a module: what lasts for the session reaches the tests of other folders in the same process.
@pytest.fixture(autouse=True, scope="module")
def no_mirror() -> Iterator[None]:
    with without_mirror():
        yield


@pytest.fixture(scope="session")
def tagger(tmp_path_factory: pytest.TempPathFactory) -> raysearch.Study:
    """A finished study of three trials of the jets that ship; not to be changed."""
    runs = tmp_path_factory.mktemp("tagger") / "runs"
    with without_mirror():
        study = raysearch.tune(
            "jet-dnn", trials=3, seed=2, data=SAMPLE, runs=runs, name="t", local=True, set=TAGGER
        )
    assert isinstance(study, raysearch.Study)
    return study
