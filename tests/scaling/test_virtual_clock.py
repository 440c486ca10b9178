"""The simulation of ways to agree: its clock by hand, and the real algorithms on it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from benchmarks.clock.cluster import Cluster
from benchmarks.clock.events import Exchange, in_step
from raysearch.agreement.make import make_agreement

CALM: dict[str, Any] = {"sigma": 0.0, "step_s": 1.0, "latency_s": 0.0, "message_s": 0.0, "noticed_s": 5.0}


class Downhill:
    """A worker on a parabola: each step halves the distance to zero."""

    def __init__(self, side: Any, start: Tensor) -> None:
        self.side, self.weights, self.steps = side, start.clone(), 0

    def message(self, n_steps: int) -> Tensor:
        self.weights = self.weights * 0.5**n_steps
        self.steps += n_steps
        return self.side.outgoing(self.weights)

    def hear(self, reply: Tensor) -> None:
        self.weights = self.side.incoming(self.weights, reply)


class Told(list[tuple[float, int, float]]):
    """What the watch was told."""

    def __call__(self, now: float, steps: int, weights: Tensor) -> None:
        self.append((now, steps, float(weights.abs().max())))


def exchanged(
    cluster: Cluster, name: str, n_steps: int, **settings: Any
) -> tuple[list[Downhill], Told, float]:
    agreement, start, told = make_agreement(name, settings), torch.ones(3), Told()
    learners = [Downhill(agreement.worker(start), start) for _ in range(cluster.workers)]
    centre = agreement.centre(start, cluster.workers)
    end = Exchange(cluster, learners, centre, agreement.settings.exchange_every, n_steps, told).run()
    return learners, told, end


FREE = {"exchange": "asynchronous"}


def test_a_slow_worker_holds_up_all_reduce_and_no_free_one() -> None:
    cluster = Cluster(4, slow={0: 2.0}, **CALM)
    told = Told()
    assert in_step(cluster, lambda alive: torch.zeros(1), 40, told) == pytest.approx(20.0)  # 10 rounds of 2 s
    learners, free, end = exchanged(cluster, "downpour", 40, centre_rate=0.1, **FREE)
    # 3.5 steps a second; the slow one takes half as many as each other
    assert end == pytest.approx(40 / 3.5, abs=2.0)
    assert learners[0].steps * 2 == pytest.approx(learners[1].steps, abs=1)
    assert sum(each.steps for each in learners) == 40
    assert free[-1][2] < 0.5


def test_workers_that_wait_for_each_other_go_at_the_pace_of_the_slowest() -> None:
    _, _, end = exchanged(Cluster(4, slow={0: 2.0}, **CALM), "local-sgd", 80, exchange_every=5)
    assert end == pytest.approx(4 * 5 * 2.0)


def test_messages_queue_at_the_centre() -> None:
    cluster = Cluster(8, **{**CALM, "message_s": 1.0})
    _, told, _ = exchanged(cluster, "downpour", 8, **FREE)
    # computed at 1 s, at the centre at 2 s; each takes 2 s of its link, there and back
    assert [now for now, _, _ in told] == pytest.approx([4.0 + 2 * n for n in range(8)])


def test_a_slow_link_is_the_rings_and_one_workers_alone() -> None:
    cluster = Cluster(4, slow_links={1: 10.0}, **{**CALM, "message_s": 0.1})
    assert cluster.ring_s(4) == pytest.approx(2 * 3 / 4 * 1.0)
    assert cluster.link_s(0) == pytest.approx(0.1)
    assert cluster.link_s(1) == pytest.approx(1.0)


WAYS = [
    ("downpour", FREE),
    ("easgd", FREE),
    ("gem", FREE),
    ("local-sgd", {}),
    ("diloco", {"exchange_every": 4}),
]


@pytest.mark.parametrize(("name", "settings"), WAYS)
def test_a_lost_worker_holds_nobody_up_for_ever(name: str, settings: dict[str, Any]) -> None:
    cluster = Cluster(4, lost={2: 3.5}, **CALM)
    learners, told, _ = exchanged(cluster, name, 400, **settings)
    assert told[-1][1] >= 0.9 * 400  # what the lost one had begun is all that is missing
    assert learners[2].steps < min(each.steps for number, each in enumerate(learners) if number != 2)
    assert told[-1][2] < 0.1


def test_all_reduce_without_a_lost_worker_goes_on_with_the_others() -> None:
    seen: list[int] = []

    def step(alive: Any) -> Tensor:
        seen.append(len(alive))
        return torch.zeros(1)

    end = in_step(Cluster(4, lost={2: 3.5}, **CALM), step, 30, Told())
    assert seen == [4, 4, 4, *[3] * 6]
    assert end == pytest.approx(3.5 + 5.0 + 6.0)  # the fourth step is lost with it


def test_the_same_seed_gives_the_same_run() -> None:
    noisy = {**CALM, "sigma": 0.5}
    one, same = (exchanged(Cluster(4, **noisy), "gem", 40, **FREE)[1] for _ in range(2))
    other = exchanged(Cluster(4, seed=2, **noisy), "gem", 40, **FREE)[1]
    assert one == same != other


def test_the_shipped_task_learns_in_the_simulation() -> None:
    from benchmarks.clock.__main__ import simulate

    result = simulate("downpour, every 8", Cluster(4), 480)
    assert result.looks[-1].loss < 1.3  # five classes: 1.61 knows nothing
    assert [look.steps for look in result.looks] == sorted(look.steps for look in result.looks)
