"""For tests of models: the textbook networks that benchmarks are timed against, and kernels of their own."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from raysearch.models.kernels import build

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))


@pytest.fixture(autouse=True)
def kernel_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep the libraries that these tests compile together, away from the user's and other tests'.

    Whether a kernel can be had is remembered by a process, and what a test took away comes back after it.
    """
    monkeypatch.setenv("RAYSEARCH_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    build.load.cache_clear()
    build._warn_once.cache_clear()
    yield
    build.load.cache_clear()
    build._warn_once.cache_clear()
