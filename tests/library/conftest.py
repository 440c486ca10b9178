"""Studies for the tests of the library."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from bare import bare

import raysearch
from raysearch.data.jets.files import SAMPLE

TAGGER = {"budget.epochs": 2, "data.limit": 2000, "search.options.n_startup_trials": 2}


# Of a module: what lasts for the session reaches the tests of other folders in the same process.
@pytest.fixture(autouse=True, scope="module")
def studies_are_bare() -> Iterator[None]:
    with bare():
        yield


@pytest.fixture(scope="session")
def tagger(tmp_path_factory: pytest.TempPathFactory) -> raysearch.Study:
    """A finished study of three trials of the jets that ship; not to be changed."""
    runs = tmp_path_factory.mktemp("tagger") / "runs"
    with bare(drawn=True):
        study = raysearch.tune(
            "jet-dnn", trials=3, seed=2, data=SAMPLE, runs=runs, name="t", local=True, set=TAGGER
        )
    assert isinstance(study, raysearch.Study)
    return study
