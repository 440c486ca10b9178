"""For all tests: one thread, as a run has, and the space file of a toy study."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from toy import TOY_SPACE, TOY_TASK

os.environ.setdefault("OMP_NUM_THREADS", "1")
if "RAYSEARCH_CACHE" not in os.environ:  # not the user's own
    _cache = tempfile.TemporaryDirectory(prefix="raysearch-cache-")
    os.environ["RAYSEARCH_CACHE"] = _cache.name


@pytest.fixture
def toy_space(tmp_path: Path) -> Path:
    """A space file for the toy task; a study of it takes a second."""
    path = tmp_path / "toy.yaml"
    path.write_text(TOY_SPACE.format(task=TOY_TASK))
    return path
