"""A finished study and a bundle of it, for the tests of both ways."""

from __future__ import annotations

from pathlib import Path

import pytest
from bundled_studies import make_study

from raysearch.study.bundle import pack


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished study; not to be changed."""
    return make_study(tmp_path_factory.mktemp("runs") / "s")


@pytest.fixture(scope="module")
def good(study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its bundle; not to be changed."""
    out = tmp_path_factory.mktemp("good") / "s.raysearch.tar.gz"
    pack(study, out)
    return out
