"""What a model costs, counted from the real one: weights, operations for an example, time for a batch.

An operation is a multiplication or an addition, so that a matrix product of (m, k) with (k, n) counts 2 m k
n; additions of biases and activation functions are not counted (the convention of torch's FlopCounterMode).
What else costs, such as distances of all pairs, a module tells itself in a method ``more_flop``, which is
given the arguments of each call of the module.
The example is one without padding, whatever a model saves on examples that have some. What is counted is the
model's plain form (``Task.plain``): of JEDI-net all pairs of constituents, as the blocks in which it computes
carry biases through products.
"""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from raysearch.data.tensors import TensorData
from raysearch.tasks.task import Task
from raysearch.training.evaluation import generator_on
from raysearch.training.precision import FLOAT32, computing_in
from raysearch.training.torch_compiler import put_off_compiler

COUNTED = ("parameters", "mflop")
LATENCY_BATCH = 1000  # as in the paper's resource table (arXiv:1908.05318, table 4)
REPEATS = 5
ENOUGH_MS = 10_000.0  # spent on a model: its times are known well enough, and others wait


def count_parameters(model: nn.Module) -> int:
    """Number of weights that are trained."""
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad)


@torch.no_grad()
def count_mflop(task: Task[Any], model: nn.Module, data: TensorData) -> float:
    """Operations of one example's inference, in 10^6.

    They are counted on a copy in double precision, for which no model has kernels of its own that would hide
    them.

    Args:
        task: knows how to apply the model.
        model: on the CPU or a GPU; left as it is.
        data: on the same device; the example has the shape of its first row.
    """
    put_off_compiler()
    double = copy.deepcopy(task.plain(model)).double().eval()
    more: list[int] = []
    for module in double.modules():
        if (told := getattr(module, "more_flop", None)) is not None:
            module.register_forward_pre_hook(lambda _, given, told=told: more.append(told(*given)))
    with in_double(), FlopCounterMode(display=False) as counter:
        apply_to_ones(task, double, data)
    return (counter.get_total_flops() + sum(more)) / 1e6


def apply_to_ones(task: Task[Any], model: nn.Module, data: TensorData) -> None:
    """Apply a model in double precision to an example of ones, of the shape of the first row of some data."""
    # Ones, not the example: padding could make a network skip operations.
    row = data.rows(torch.zeros(1, dtype=torch.int64))
    ones = [torch.ones_like(tensor) for tensor in row]
    batch = tuple(one.double() if one.is_floating_point() else one for one in ones)
    task.predict(model, batch, generator_on(batch[0].device, 0))


@contextmanager
def in_double() -> Iterator[None]:
    """Have what a task makes by itself, such as noise, in double precision as well."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@torch.no_grad()
def measure_latency(
    task: Task[Any], model: nn.Module, data: TensorData, precision: str = FLOAT32
) -> dict[str, Any]:
    """Time inference of a batch of real examples, which may have padding that the model saves on.

    Args:
        task: knows how to apply the model.
        model: in evaluation mode, on the device to measure.
        data: on the same device; the first ``LATENCY_BATCH`` examples are the batch, or all if there are
            fewer.
        precision: to compute in.

    Returns:
        ``ms``: median of some repeats after a warm-up, of fewer where they take seconds; ``spread_ms``:
        fastest and slowest; ``batch``; ``device``; ``threads``.
    """
    device = next(model.parameters()).device
    batch = data.rows(torch.arange(min(LATENCY_BATCH, len(data)), device=device))
    chance = generator_on(device, 0)
    times: list[float] = []
    while len(times) < 2 or (len(times) <= REPEATS and sum(times) < ENOUGH_MS):
        started = time.perf_counter()
        with computing_in(precision, device):
            task.predict(model, batch, chance)
        if device.type == "cuda":
            # Kernels are only queued by then.
            torch.cuda.synchronize(device)
        times.append(1e3 * (time.perf_counter() - started))
    # The first one warms up caches and allocators.
    times = times[1:]
    return {
        "ms": statistics.median(times),
        "spread_ms": [min(times), max(times)],
        "batch": len(batch[0]),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "threads": torch.get_num_threads(),
    }
