"""A model's outputs for a whole part of the data: the same bits however many workers share the batches."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from raysearch.data.tensors import Batch, TensorData
from raysearch.seeds import derive
from raysearch.tasks.outputs import by_row, outputs_of
from raysearch.tasks.task import Outputs, Task
from raysearch.training.precision import FLOAT32, computing_in, widened
from raysearch.training.workers import Workers

# Fixed, not a setting: the size of a batch decides how sums round, and what its generator draws.
EVALUATION_ROWS = 1000


@torch.no_grad()
def evaluate(
    task: Task[Any],
    model: nn.Module,
    data: TensorData,
    workers: Workers,
    *,
    seed: int,
    precision: str = FLOAT32,
) -> Outputs:
    """Apply a model to a part of the data, and keep what the task keeps of it.

    Whole batches are dealt to the workers, and each is given a generator of its own, so that neither the way
    numbers round nor what is drawn depends on how many workers there are.

    Args:
        task: knows how to apply the model.
        model: on the workers' device; in evaluation mode afterwards.
        data: on the workers' device.
        workers: that share the work.
        seed: of the run; a model that draws its outputs draws the same for the same seed.
        precision: to compute in.

    Returns:
        By name (example, ...), on the CPU, in float32 at least.
    """
    model.eval()
    batches = torch.arange(len(data), device=workers.device).split(EVALUATION_ROWS)
    mine: list[Outputs] = []
    for number in range(workers.rank, len(batches), workers.size):
        chance = generator_on(workers.device, derive(seed, "evaluate", number))
        with computing_in(precision, workers.device):
            batch = data.rows(batches[number])
            outputs = outputs_of(task, model, batch, chance)
        # Here and not at the end: all outputs of a generator would not fit into memory, what is kept does.
        mine.append(_kept(task, outputs, batch))
    shares = workers.gather(mine)
    # Batches were dealt like cards; this takes them up in their order again.
    every = [shares[number % workers.size][number // workers.size] for number in range(len(batches))]
    return {name: torch.cat([each[name] for each in every]) for name in every[0]}


def _kept(task: Task[Any], outputs: Outputs, batch: Batch) -> Outputs:
    # Metrics sum over the whole part, where half precision has three digits.
    wide = {name: widened(rows) for name, rows in outputs.items()}
    kept = by_row(task.kept(wide, batch), batch, f"{type(task).__name__}.kept")
    return {name: rows.cpu() for name, rows in kept.items()}


def generator_on(device: torch.device, seed: int) -> torch.Generator:
    """Make a seeded generator to draw from on a device."""
    return torch.Generator(device).manual_seed(seed)
