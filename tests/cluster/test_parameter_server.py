"""The server of a run, without Ray: threads in the place of workers, an event loop in that of the actor."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import Tensor

from raysearch.agreement.make import ALGORITHMS, make_agreement
from raysearch.cluster.parameter_server import ParameterServer
from raysearch.training.centres import Served
from raysearch.training.exchanging import Exchanging
from raysearch.training.workers import OneWorker

PATIENCE_S = 120


class Loop:
    """A server in an event loop of its own, as an actor has one; its methods wait for the reply."""

    def __init__(self, server: ParameterServer) -> None:
        self._server, self._loop = server, asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def __getattr__(self, method: str) -> Any:
        def ask(*arguments: object) -> Any:
            asked = getattr(self._server, method)(*arguments)
            return asyncio.run_coroutine_threadsafe(asked, self._loop).result(PATIENCE_S)

        return ask

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()


class Threads(OneWorker):
    """One of several workers that are threads."""

    def __init__(self, rank: int, barrier: threading.Barrier, loop: Loop) -> None:
        super().__init__()
        self.rank, self.size, self._barrier = rank, barrier.parties, barrier
        self.server = loop

    def wait(self) -> None:
        self._barrier.wait(PATIENCE_S)


@pytest.fixture
def opened() -> Iterator[list[Loop]]:
    loops: list[Loop] = []
    yield loops
    for loop in loops:
        loop.close()


def train(
    name: str, settings: dict[str, Any], opened: list[Loop], steps: list[int], epochs: int = 2
) -> tuple[Loop, list[torch.nn.Linear]]:
    """Workers that step so often an epoch each, towards their own rank."""
    agreement = make_agreement(name, settings)
    loop = Loop(ParameterServer(name, settings, len(steps)))
    opened.append(loop)
    barrier = threading.Barrier(len(steps))

    def work(rank: int) -> torch.nn.Linear:
        model = torch.nn.Linear(3, 1, bias=False)
        model.weight.data.fill_(5.0)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        workers = Threads(rank, barrier, loop)
        exchanging = Exchanging(workers, agreement, Served(workers, loop))
        exchanging.begin({"loss": optimizer})
        for _ in range(epochs):
            exchanging.begin_epoch()
            for _ in range(steps[rank]):
                optimizer.zero_grad()
                ((model.weight - rank) ** 2).mean().backward()
                optimizer.step()
                exchanging.after_step("loss")
            exchanging.end_epoch()
        return model

    with ThreadPoolExecutor(len(steps)) as pool:
        return loop, list(pool.map(work, range(len(steps))))


@pytest.mark.parametrize("name", ALGORITHMS)
def test_all_have_the_centre_s_weights_when_the_epoch_ends(name: str, opened: list[Loop]) -> None:
    loop, models = train(name, {"exchange": "asynchronous", "exchange_every": 3}, opened, [7, 7, 7])
    weights: Tensor = loop.weights("loss")
    assert all(torch.equal(model.weight.detach().reshape(-1), weights) for model in models)
    assert float(weights.max()) < 5.0
    assert torch.isfinite(weights).all()


@pytest.mark.parametrize("name", ["local-sgd", "easgd"])
def test_one_that_has_more_to_do_is_not_left_waiting(name: str, opened: list[Loop]) -> None:
    """Those who are through with an epoch are not waited for; in the next one they are again."""
    settings = {"exchange": "asynchronous", "exchange_every": 1}
    more = {"synchronous": True} if name == "easgd" else {}
    loop, _ = train(name, settings | more, opened, [2, 9, 4])
    # The first messages of the second epoch, of the two that were not there when the first one ended.
    assert loop.n_refused() == 2


def test_a_state_is_taken_back(opened: list[Loop]) -> None:
    settings = {"exchange": "asynchronous"}
    loop, _ = train("diloco", settings | {"exchange_every": 2}, opened, [4, 4])
    state = loop.state()
    again = Loop(ParameterServer("diloco", settings, 2))
    opened.append(again)
    again.begin("loss", torch.zeros(3))
    again.load_state(state)
    assert torch.equal(again.weights("loss"), loop.weights("loss"))
    # A second worker's model does not begin it anew.
    again.begin("loss", torch.zeros(3))
    assert torch.equal(again.weights("loss"), loop.weights("loss"))
