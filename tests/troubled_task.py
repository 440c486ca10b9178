"""A user's task whose runs get into trouble in their second epoch: out of memory, asleep, spinning, stopped.

``place`` numbers the trials of a grid, and ``troubles`` says what befalls them in turn: ``none,oom``, every
other one. ``spell`` is a file: once it is there, nothing befalls anybody.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn
from toy_task import Toy, ToySettings

from raysearch.data.source import DataSource
from raysearch.data.tensors import Batch, Parts

STEPS_OF_AN_EPOCH = 4
FOR_EVER_S = 1e6
IN_TROUBLE = "RAYSEARCH_TEST_IN_TROUBLE"  # a variable of the process; the module is loaded for each run anew


@dataclass(frozen=True)
class Settings(ToySettings):
    width: int = 4
    place: int = 0
    troubles: str = "none"
    spell: str = ""
    ask_mb: int = 4000


class Troubled(Toy):
    Settings = Settings

    def load(self, source: DataSource, settings: Settings) -> Parts:
        troubles = settings.troubles.split(",")
        self._befalls = troubles[settings.place % len(troubles)]
        self._spell, self._ask_mb, self._n_steps = settings.spell, settings.ask_mb, 0
        return super().load(source, settings)

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        self._n_steps += 1
        if self._n_steps > STEPS_OF_AN_EPOCH and not (self._spell and Path(self._spell).exists()):
            if self._befalls != "none":
                os.environ[IN_TROUBLE] = "yes"
            getattr(self, f"_{self._befalls}")()
        return super().loss(model, batch)

    def _none(self) -> None:
        pass

    def _oom(self) -> None:
        # Written to: without a limit the machine's memory would fill.
        self._held = [torch.ones(25_000_000) for _ in range(0, self._ask_mb, 100)]

    def _huge(self) -> None:
        torch.empty(1 << 50)

    def _raises(self) -> None:
        raise ValueError("bad weather")

    def _sleep(self) -> None:
        time.sleep(FOR_EVER_S)

    def _spin(self) -> None:
        while True:
            pass

    def _stop(self) -> None:
        os.kill(os.getpid(), signal.SIGSTOP)

    def _lock(self) -> None:
        """Of a group of workers the second one alone; the others then wait for it."""
        if dist.is_initialized() and dist.get_rank() != 1:
            return
        lock = threading.Lock()
        with lock:
            lock.acquire()
