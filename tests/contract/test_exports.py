"""Every task that ships is exported, but for those that refuse: one function for batches of any size."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest
import test_clouds_contract
import test_hits_contract
import test_tasks
import torch
from torch import Tensor

from raysearch.after.export import FORMATS, Standalone
from raysearch.data.tensors import TensorData
from raysearch.tasks import load_task
from raysearch.tasks.outputs import outputs_of
from raysearch.tasks.settings import make_settings
from raysearch.testing import TaskContract
from raysearch.testing.bench import Bench
from raysearch.training.evaluation import generator_on

MODULES = (test_tasks, test_clouds_contract, test_hits_contract)
# Of these the generator alone is exported, with random numbers among its inputs.
GENERATORS = {"flow_matching", "gan3d", "graph_gan", "nnd_vae"}
CLASSES = [
    each
    for module in MODULES
    for _, each in inspect.getmembers(module, inspect.isclass)
    if issubclass(each, TaskContract) and each.__module__ == module.__name__
]
CONTRACTS = {each.space_file().task: each for each in CLASSES}


def _tasks() -> list[Any]:
    """Others than the hits' are exported by tests of the commands already."""
    return [
        pytest.param(name, marks=() if name.startswith("hits") else pytest.mark.slow)
        for name in sorted(set(CONTRACTS) - GENERATORS)
    ]


@pytest.fixture(scope="module", params=_tasks())
def network(request: pytest.FixtureRequest) -> Any:
    """What an exporter is given of a fresh model, and inputs; of hits a tenth of the detector, in seconds."""
    bench = Bench(CONTRACTS[request.param].space_file(), epochs=2)
    task, settings = load_task(request.param), make_settings(load_task(request.param), bench.order().settings)
    torch.manual_seed(1)
    model = task.model(settings).eval()
    seen: list[tuple[Tensor, ...]] = []
    with model.register_forward_pre_hook(lambda _, given: seen.append(given)):
        _predict(task, model, bench.batch)
    thinned = [each[:, ::10] for each in seen[0]] if request.param.startswith("hits") else seen[0]
    yield Standalone([task.exported(model)], [None]).eval(), thinned
    bench.close()


@pytest.mark.parametrize("to", ["torch", pytest.param("onnx", marks=pytest.mark.slow)])
def test_an_exported_network_takes_batches_of_any_size(network: Any, to: str, tmp_path: Path) -> None:
    exported, inputs = network
    write, read = FORMATS[to]
    with torch.no_grad():
        write(exported, tuple(each[:4].clone() for each in inputs), tmp_path / "model.pt2", {"key": "value"})
        run = read(tmp_path / "model.pt2")
        for rows in (slice(0, 1), slice(1, 6), slice(0, 10)):
            some = [each[rows].contiguous() for each in inputs]
            torch.testing.assert_close(run(some), exported(*some), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("to", ["torch", "onnx"])
@pytest.mark.parametrize(
    "contract",
    [each for each in CLASSES if each.space_file().task in GENERATORS],
    ids=lambda each: each.__name__,
)
def test_an_exported_generator_makes_what_predict_makes(
    contract: type[TaskContract], to: str, tmp_path: Path
) -> None:
    bench = Bench(contract.space_file(), epochs=2)
    task, settings = bench.task, bench.settings
    torch.manual_seed(1)
    model, batch = task.model(settings).eval(), tuple(each[:10] for each in bench.batch)
    chance, write, read = torch.Generator().manual_seed(2), *FORMATS[to]
    with torch.no_grad():
        made = outputs_of(task, model, batch, torch.Generator().manual_seed(2))
        expected = next(iter(task.written(made, TensorData(batch)).values()))
        alone, inputs = task.generator_alone(model, batch, chance)
        write(
            alone.eval(), tuple(each[:4].clone() for each in inputs), tmp_path / "model.pt2", {"key": "value"}
        )
        run = read(tmp_path / "model.pt2")
        for rows in (slice(0, 1), slice(1, 6), slice(0, 10)):
            some = [each[rows].contiguous() for each in inputs]
            torch.testing.assert_close(run(some), torch.from_numpy(expected[rows]), rtol=1e-4, atol=1e-4)
    bench.close()


def _predict(task: Any, model: torch.nn.Module, batch: tuple[Tensor, ...]) -> None:
    with torch.no_grad():
        task.predict(model, batch, generator_on(torch.device("cpu"), 0))
