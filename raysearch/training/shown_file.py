"""The file of what a task shows of some data."""

from __future__ import annotations

from typing import Any

from raysearch.data.tensors import TensorData
from raysearch.metrics.shown import pack
from raysearch.tasks.task import Outputs, Task


def packed(task: Task[Any], outputs: Outputs, data: TensorData) -> bytes:
    """Pack what a task shows; of one that shows nothing its outputs, which the report leaves to others."""
    shown = task.shown(outputs, data)
    kept = {} if shown else {name: each.numpy() for name, each in outputs.items()}
    return pack(shown, **kept)
