"""The toy task of the tests, which also counts its steps and misbehaves where a study asks for it."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
from toy_task import Toy, ToySettings

from raysearch.data.source import DataSource
from raysearch.data.tensors import Batch, Parts

STEPS = "RAYSEARCH_CAMPAIGN_STEPS"  # names the file that grows by a byte with each step of training
STEPS_AN_EPOCH = 4
TROUBLE_AT = 6  # step of a run: after its first epoch, and never in a rehearsal, which takes one


@dataclass(frozen=True)
class FaultySettings(ToySettings):
    """Those of the toy task.

    Attributes:
        jitter_s: the longest random pause of a step, in seconds.
        megabytes: that a run in this trouble takes.
    """

    jitter_s: float = 0.0
    megabytes: int = 0


class Faulty(Toy):
    """Fits a parabola; in trouble it hangs, dies or takes memory after its first epoch."""

    Settings = FaultySettings

    def load(self, source: DataSource, settings: FaultySettings) -> Parts:
        """Load the toy's data, and begin to count."""
        self._n_steps, self._asked, self._megabytes = 0, settings, settings.megabytes
        return super().load(source, settings)

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Take the toy's loss, unless it is time for trouble."""
        self._n_steps += 1
        _count_step()
        if self._n_steps >= TROUBLE_AT:
            TROUBLES.get(self._asked.trouble, _none)(self._megabytes)
        if self._asked.jitter_s:  # of the machine and not of a seed: it must decide nothing
            time.sleep(int.from_bytes(os.urandom(2), "big") / 65536 * self._asked.jitter_s)
        return super().loss(model, batch)


def _count_step() -> None:
    if path := os.environ.get(STEPS):
        with Path(path).open("ab", buffering=0) as file:
            file.write(b".")


def _none(_: int) -> None:
    """No trouble that this task knows; the toy task has some of its own."""


def _sleep(_: int) -> None:
    while True:
        time.sleep(3600)


def _spin(_: int) -> None:
    while True:
        pass


def _stop(_: int) -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def _deadlock(_: int) -> None:
    both = threading.Lock()
    both.acquire()
    both.acquire()


def _take_memory(megabytes: int) -> None:
    taken = [bytearray(b"x" * 2**20) for _ in range(megabytes)]  # written to: the pages are there
    time.sleep(len(taken))  # the limit that is looked at from outside finds it here


TROUBLES = {
    "sleeps": _sleep,
    "spins": _spin,
    "stops": _stop,
    "deadlocks": _deadlock,
    "takes memory": _take_memory,
}
