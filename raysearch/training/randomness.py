"""The global generators of a process, which a reused actor would carry from one run to the next.

raysearch draws from generators of its own; a user's task may not. Whatever it draws from torch, NumPy or
Python's ``random`` is set before every part of a run, so that settings A, B, A give A's bits twice.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch

from raysearch.data.source import DataSource
from raysearch.data.tensors import Parts
from raysearch.tasks.task import Task

# Not the run's: all trials, folds and the final evaluation must draw the same.
DATA_SEED = 0


def seed_all(seed: int) -> None:
    """Seed the global generators of torch (on every device), NumPy and Python."""
    torch.manual_seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - it is the global generator that is meant
    random.seed(seed)


def load_parts(
    task: Task[Any],
    source: DataSource,
    settings: Any,  # noqa: ANN401 - the task's own type
) -> Parts:
    """Load the data from the same seed in all runs, so that a part drawn at random is one and the same."""
    seed_all(DATA_SEED)
    return task.load(source, settings)
