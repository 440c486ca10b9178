"""Two workers that agree in every way there is, without Ray: runs go on after a kill, and tell the truth."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from gan_runs import order as gan_order
from killing import Killed, kill_after
from torch import multiprocessing
from toy import TOY_TASK
from toy_gan import ToyGan, ToyGanSettings

from raysearch.agreement.make import ALGORITHMS, make_agreement
from raysearch.data.source import DataSource
from raysearch.errors import InputError
from raysearch.tasks import load_task
from raysearch.tasks.settings import make_settings
from raysearch.training.attempt import attempt_run
from raysearch.training.centres import HeldByAll
from raysearch.training.checkpoint import Checkpoints, load_checkpoint
from raysearch.training.evaluation import evaluate
from raysearch.training.exchanging import REFUSED, Exchanging
from raysearch.training.order import EpochReport, Order
from raysearch.training.workers import OneWorker, TorchWorkers, Workers

EPOCHS, KILLED_AFTER = 4, 2
# Plain steps: a mean of weights after them is what a step along the mean of gradients gives.
PLAIN = f"""
import sys
sys.path.insert(0, {str(TOY_TASK.parent)!r})
import torch
from toy_task import Toy

class Plain(Toy):
    def optimizer(self, settings, parameters):
        return torch.optim.SGD(parameters, lr=settings.learning_rate)
"""
EXCHANGE = {
    "exchange_every": 3
}  # in epochs of 4 steps a worker, so that the last exchange is the epoch's own
WAYS: dict[str, tuple[str, dict[str, Any]]] = {name: (name, EXCHANGE) for name in ALGORITHMS}
WAYS |= {
    "easgd-synchronous": ("easgd", {**EXCHANGE, "synchronous": True}),
    "downpour-stale": ("downpour", {**EXCHANGE, "staleness_limit": 0}),
    "gem-masters": ("gem", {**EXCHANGE, "masters": 2, "sync_every": 2}),
}


def order(folder: Path, way: str, **changes: Any) -> Order:
    name, exchange = WAYS[way]
    told = {
        "agreement": name,
        "exchange": exchange,
        "workers": 2,
        "epochs": EPOCHS,
        "settings": {"batch_size": 32},
        **changes,
    }
    return gan_order(folder / way, **told)


def plain_order(folder: Path, workers: int, batch_size: int, **changes: Any) -> Order:
    return Order(
        task=f"{folder}/plain.py:Plain",
        study_folder=str(folder / f"plain-{batch_size}-{workers}-{changes.get('agreement')}"),
        trial=0,
        fold=0,
        attempt=1,
        settings={"width": 4, "batch_size": batch_size, "learning_rate": 0.05},
        seed=5,
        source=DataSource(None, (0.6, 0.2, 0.2)),
        epochs=EPOCHS,
        workers=workers,
        **changes,
    )


def train(what: Order, workers: Workers) -> dict[str, Any]:
    reports: list[EpochReport] = []
    outcome = attempt_run(what, workers, reports.append)
    assert outcome.state == "finished", outcome.message
    told = asdict(outcome) | {"seconds": 0}
    return told | {"reports": [report.metrics for report in reports]}


def both(folder: Path, way: str, workers: Workers) -> dict[str, Any]:
    """A run in one go, and one that is killed and goes on."""
    straight = train(order(folder / "straight", way), workers)
    killed = order(folder / "killed", way)
    with pytest.raises(Killed):
        attempt_run(killed, workers, kill_after(KILLED_AFTER))
    workers.wait()
    resumed = train(order(folder / "killed", way, attempt=2), workers)
    return {"straight": straight, "resumed": resumed}


def work(rank: int, folder: str) -> None:
    here = Path(folder)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    workers = TorchWorkers(torch.device("cpu"))
    told: dict[str, Any] = {way: both(here, way, workers) for way in WAYS}
    told["local"] = train(
        plain_order(here, 2, 4, agreement="local-sgd", exchange={"exchange_every": 1}), workers
    )
    (here / f"told-{rank}").write_text(json.dumps(told))
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("agreements")
    (folder / "plain.py").write_text(PLAIN)
    multiprocessing.spawn(work, (str(folder),), nprocs=2)
    return folder


def told(folder: Path, rank: int = 0) -> dict[str, Any]:
    return json.loads((folder / f"told-{rank}").read_text())


@pytest.mark.parametrize("way", WAYS)
def test_all_workers_come_to_the_same(folder: Path, way: str) -> None:
    assert told(folder, 0)[way] == told(folder, 1)[way]
    assert told(folder)[way]["straight"]["facts"]["agreement"] == WAYS[way][0]


@pytest.mark.parametrize("way", WAYS)
def test_a_killed_run_goes_on_to_the_same_bits(folder: Path, way: str) -> None:
    straight, resumed = told(folder)[way]["straight"], told(folder)[way]["resumed"]
    assert resumed["reports"] == straight["reports"]
    assert resumed["weights_sha256"] == straight["weights_sha256"]


def test_no_two_ways_are_the_same(folder: Path) -> None:
    sums = {way: told(folder)[way]["straight"]["weights_sha256"] for way in WAYS}
    assert len({*sums.values()}) == len(WAYS)


def last(folder: Path, way: str) -> dict[str, Any]:
    found = Checkpoints(folder / "killed" / way / "trials/0/fold-0", 1).newest("last", KILLED_AFTER)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("way", WAYS)
def test_a_checkpoint_holds_the_centre_and_what_each_worker_has(folder: Path, way: str) -> None:
    content = last(folder, way)
    first, second = content["exchanging"]["workers"]
    model = ToyGan().model(ToyGanSettings())
    model.load_state_dict(content["model"])
    for name in ("critic", "generator"):
        centre = content["exchanging"]["centres"][name]
        weights = centre.get("above", centre)["side"]["weights"]
        parts = getattr(model, name).parameters()
        assert torch.equal(weights, torch.cat([part.detach().reshape(-1) for part in parts]))
        moments = [each["own"]["optimizers"][name]["state"][0]["exp_avg"] for each in (first, second)]
        assert not torch.equal(*moments), "each has seen other rows"
    differ = not torch.equal(first["weights"]["critic"], second["weights"]["critic"])
    # Where the centre waits for all of them, or refuses the second, both begin again from the same weights.
    assert differ == (way not in {"local-sgd", "diloco", "downpour-stale"})


@pytest.mark.parametrize("way", ["easgd", "diloco"])
def test_what_is_reported_is_true_of_the_saved_weights(folder: Path, way: str) -> None:
    outcome = told(folder)[way]["straight"]
    what = order(folder / "straight", way)
    task = load_task(what.task)
    settings = make_settings(task, what.settings)
    model = task.model(settings)
    content = load_checkpoint(Path(what.study_folder) / outcome["weights"])
    assert content is not None
    model.load_state_dict(content["model"])
    validation = task.load(what.source, settings).validation
    loss = task.metrics(evaluate(task, model, validation, OneWorker(), seed=what.seed), validation)["loss"]
    assert outcome["value"] == pytest.approx(loss, rel=1e-6)


def test_every_row_is_seen_once_an_epoch_by_one_worker(folder: Path) -> None:
    """256 rows in batches of 32: four for each of two workers."""
    reports = told(folder)["easgd"]["straight"]["reports"]
    assert [report["presentations"] for report in reports] == [256, 512, 768, 1024]


def test_a_mean_of_weights_after_each_plain_step_is_a_step_along_the_mean_of_gradients(folder: Path) -> None:
    """Batches of 4 for each of two workers against batches of 8."""
    local = told(folder)["local"]
    one = train(plain_order(folder, 1, 8), OneWorker())
    for ours, theirs in zip(local["reports"], one["reports"], strict=True):
        assert ours == pytest.approx(theirs, rel=1e-4)


def test_messages_that_are_refused_are_told(folder: Path) -> None:
    assert (
        told(folder)["downpour-stale"]["straight"]["message"] == f"{REFUSED} in {EPOCHS} of {EPOCHS} epochs"
    )
    assert told(folder)["downpour"]["straight"]["message"] == ""


def test_an_epoch_of_fewer_batches_than_workers_is_refused(tmp_path: Path) -> None:
    exchanging = exchanging_of(Pretended(3))
    with pytest.raises(InputError, match=r"3 workers, but an epoch has 2 of 8 rows; make batch_size smaller"):
        list(exchanging.shares(torch.arange(16), 8))


def test_batches_left_over_are_nobody_s() -> None:
    exchanging = exchanging_of(Pretended(2))
    shares = list(exchanging.shares(torch.arange(40), 8))
    assert [(share.number, share.n_steps, share.rows.tolist()) for share in shares] == [
        (1, 2, list(range(8))),
        (2, 2, list(range(16, 24))),
    ]


def test_optimisers_that_hold_weights_together_are_refused() -> None:
    model = torch.nn.Linear(2, 2)
    optimizers = {"one": torch.optim.SGD(model.parameters()), "two": torch.optim.SGD([model.weight])}
    with pytest.raises(
        InputError, match="agreement: easgd exchanges each optimiser's weights, but one and two"
    ):
        exchanging_of(OneWorker()).begin(optimizers)


def exchanging_of(workers: Workers) -> Exchanging:
    agreement = make_agreement("easgd", {})
    return Exchanging(workers, agreement, HeldByAll(workers, agreement, seed=1))


class Pretended(OneWorker):
    """The first of several workers, as far as dealing goes."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
