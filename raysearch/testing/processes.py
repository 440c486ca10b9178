"""Two processes of their own for a contract: a run there, one that goes on there, one of two workers.

They are forks of a process that has imported torch and nothing of a task (``forkserver``), so that a class of
tests costs no import; module variables, caches and the salt of Python's hashes are not this process's.
"""

from __future__ import annotations

import multiprocessing
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from raysearch.testing.need import BrokenContractError
from raysearch.testing.runs import Ran, carry_out, judge
from raysearch.training.order import Order
from raysearch.training.workers import TorchWorkers

PATIENCE = timedelta(minutes=5)  # for each other
LAST_LINES = 12
PRELOADED = "raysearch.testing.preloaded"


@dataclass(frozen=True)
class Plan:
    """What two processes are to do.

    Attributes:
        alone: a run from its beginning, in one process.
        resumed: a run that was stopped, in one process.
        shared: a run of two workers.
        grown: a run that was stopped with one worker, and goes on with two.
        weights: of a model, for whose outputs the two share the rows.
    """

    alone: Order
    resumed: Order
    shared: Order
    grown: Order
    weights: Mapping[str, Tensor]


class Told:
    """What two processes found, or how they failed.

    Args:
        found: by process, then by what was to be done.
    """

    def __init__(self, found: list[dict[str, Any]]) -> None:
        self._found = found

    def ran(self, what: str, rank: int = 0) -> Ran:
        """What one of the plan's runs came to in one of the processes.

        Raises:
            BrokenContractError: it failed.
        """
        return Ran(**self._of(what, rank))

    def outputs(self, rank: int) -> dict[str, Tensor]:
        """Outputs for shared rows.

        Raises:
            BrokenContractError: they failed.
        """
        return self._of("outputs", rank)

    def _of(self, what: str, rank: int) -> Any:  # noqa: ANN401 - a run or outputs
        found = self._found[rank].get(what)
        if found is None:
            raise BrokenContractError(
                f"worker {rank} ended without a word; its error stands above, of its own process"
            )
        if isinstance(found, str):
            raise BrokenContractError(f"worker {rank} fails:\n{found}")
        return found


def apart(plan: Plan, folder: Path) -> Told:
    """Carry a plan out.

    Args:
        plan: what to do.
        folder: a new one, for what the processes tell.
    """
    folder.mkdir(parents=True)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([PRELOADED])
    processes = [context.Process(target=_work, args=(rank, plan, folder)) for rank in (0, 1)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return Told([_read(folder / f"told-{rank}") for rank in (0, 1)])


def _read(path: Path) -> dict[str, Any]:
    return torch.load(path, weights_only=True) if path.exists() else {}


def _work(rank: int, plan: Plan, folder: Path) -> None:
    """Do one process's part of a plan; what fails is told as text, and ends it."""
    told: dict[str, Any] = {}

    def note(what: str, call: Callable[[], Any]) -> bool:
        try:
            told[what] = call()
        except Exception:  # noqa: BLE001 - told to whoever waits
            told[what] = "".join(traceback.format_exc().splitlines(keepends=True)[-LAST_LINES:])
        torch.save(told, folder / f"told-{rank}")
        return not isinstance(told[what], str)

    if rank == 0:
        note("alone", lambda: asdict(carry_out(plan.alone)))
        note("resumed", lambda: asdict(carry_out(plan.resumed)))
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2, timeout=PATIENCE
    )
    workers = TorchWorkers(torch.device("cpu"))
    # After a failure this process ends, so that the other one is not waited for by nobody.
    whole = note("outputs", lambda: judge(plan.alone, plan.weights, workers))
    whole = whole and note("shared", lambda: asdict(carry_out(plan.shared, workers)))
    if whole:
        note("grown", lambda: asdict(carry_out(plan.grown, workers)))
    dist.destroy_process_group()
