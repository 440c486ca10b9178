"""What a task's model gives for a batch, checked: tensors by name, with one row for each of the batch's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from raysearch.data.tensors import Batch
from raysearch.errors import InputError
from raysearch.tasks.task import OUTPUTS, Outputs, Task


def outputs_of(task: Task[Any], model: nn.Module, batch: Batch, chance: torch.Generator) -> Outputs:
    """Apply a task's model to a batch: its outputs by name, whatever form :meth:`Task.predict` gave them.

    Raises:
        InputError: it gave anything but tensors by row.
    """
    found = task.predict(model, batch, chance)
    return by_row(
        {OUTPUTS: found} if isinstance(found, Tensor) else found, batch, f"{type(task).__name__}.predict"
    )


def by_row(found: Any, batch: Batch, origin: str) -> Outputs:  # noqa: ANN401 - whatever a task gave
    """Check that outputs are tensors by name, with one row for each of a batch.

    Raises:
        InputError: they are not.
    """
    n_rows = len(batch[0])
    if not (
        isinstance(found, Mapping) and found and all(isinstance(rows, Tensor) for rows in found.values())
    ):
        raise InputError(f"task: {origin} must give a tensor, or tensors by name, got {type(found).__name__}")
    wrong = {name: tuple(rows.shape) for name, rows in found.items() if rows.shape[:1] != (n_rows,)}
    if wrong:
        raise InputError(
            *(
                f"task: {origin} gives {name!r} of shape {shape} for a batch of {n_rows} rows; "
                f"needs ({n_rows}, ...)"
                for name, shape in wrong.items()
            )
        )
    return found
