"""For all tests: one thread, as a run has, how many at once, and the space file of a toy study."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
from toy import TOY_SPACE, TOY_TASK

os.environ.setdefault("OMP_NUM_THREADS", "1")
if "RAYSEARCH_CACHE" not in os.environ:  # not the user's own
    _cache = tempfile.TemporaryDirectory(prefix="raysearch-cache-")
    os.environ["RAYSEARCH_CACHE"] = _cache.name

# Behind an ampersand or nohup they are ignored, and so they would be in every process that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

MOST_AT_ONCE = 4  # each takes a gigabyte, and a Ray of its own now and then


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """The whole suite runs in a process for each CPU; chosen files and markers in this one."""
    whole = config.args_source is config.ArgsSource.TESTPATHS and "not ray_cluster" in config.option.markexpr
    return min(len(os.sched_getaffinity(0)), MOST_AT_ONCE) if whole else 0


def pytest_runtest_setup(item: pytest.Item) -> None:
    """What needs a GPU is left out where there is none."""
    if item.get_closest_marker("gpu"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("torch sees no GPU here")


@pytest.fixture(autouse=True, scope="module")
def own_environment() -> Iterator[None]:
    """What Ray is told through the environment in one file is not told to the processes of the next."""
    with patch.dict(os.environ):
        yield


@pytest.fixture
def toy_space(tmp_path: Path) -> Path:
    """A space file for the toy task; a study of it takes a second."""
    path = tmp_path / "toy.yaml"
    path.write_text(TOY_SPACE.format(task=TOY_TASK))
    return path
