"""Evolution over Ray actors: any number gives one process's bits; a killed one costs its own work only."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import ray
import torch
from numpy.typing import NDArray
from ray.util.placement_group import placement_group, remove_placement_group

from raysearch.cluster.places import WorkerResources
from raysearch.cluster.population import ActorEvaluator
from raysearch.data.source import DataSource
from raysearch.evolve.strategy import Round
from raysearch.training.attempt import attempt_run
from raysearch.training.order import EpochReport, Order, Outcome
from raysearch.training.workers import OneWorker

SMALL = WorkerResources(cpus=0.5)


def order(folder: Path, workers: int) -> Order:
    return Order(
        task="calo_regressor",
        study_folder=str(folder),
        trial=0,
        fold=0,
        attempt=1,
        settings={"filters": 4, "batch_size": 64},
        seed=5,
        source=DataSource(None, (0.65, 0.15, 0.2), limit=640),
        epochs=2,
        workers=workers,
        strategy="truncation-ga",
        evolution={"population": 12, "parents": 4, "power": 0.02, "elite_batches": 1},
    )


@pytest.fixture(scope="module", autouse=True)
def session() -> Iterator[None]:
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


def evolve(evaluator: ActorEvaluator | None, folder: Path, workers: int) -> tuple[Outcome, list[EpochReport]]:
    reports: list[EpochReport] = []
    outcome = attempt_run(order(folder, workers), OneWorker(), reports.append, evaluator)
    assert outcome.state == "finished", outcome.message
    return outcome, reports


def with_actors(folder: Path, workers: int, kind: type[ActorEvaluator] = ActorEvaluator) -> list[object]:
    group = placement_group([SMALL.bundle()] * workers)
    evaluator = kind(order(folder, workers), SMALL, group)
    try:
        return essence(*evolve(evaluator, folder, workers))
    finally:
        evaluator.close()
        remove_placement_group(group)


def essence(outcome: Outcome, reports: list[EpochReport]) -> list[object]:
    return [outcome.value, outcome.weights_sha256, [report.metrics for report in reports]]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> list[object]:
    """The run in this process."""
    return essence(*evolve(None, tmp_path_factory.mktemp("alone"), 1))


@pytest.mark.parametrize(
    "workers",
    [pytest.param(1, marks=pytest.mark.ray_cluster), 2, pytest.param(4, marks=pytest.mark.ray_cluster)],
)
def test_any_number_of_actors_gives_the_same_bits(alone: list[object], tmp_path: Path, workers: int) -> None:
    assert with_actors(tmp_path, workers) == alone


class Killing(ActorEvaluator):
    """Kills one actor while it works on the third generation, and counts what is evaluated again."""

    n_rounds = 0

    def losses(self, asked: Round, batches: Sequence[torch.Tensor]) -> NDArray[np.float64]:
        Killing.n_rounds += 1
        if Killing.n_rounds == 3:
            self.survivor = self.actors[1]
            pid = ray.get(self.actors[0].__ray_call__.remote(lambda _: os.getpid()))
            os.kill(pid, signal.SIGKILL)
        found = super().losses(asked, batches)
        if Killing.n_rounds == 3:
            assert self.actors[1] is self.survivor, "the other actor goes on with what it has"
        return found


def test_a_killed_actor_costs_its_own_evaluations_only(alone: list[object], tmp_path: Path) -> None:
    Killing.n_rounds = 0
    assert with_actors(tmp_path, 2, Killing) == alone
