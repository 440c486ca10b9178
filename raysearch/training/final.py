"""The final evaluation: the best model on the test set, which nothing has seen before; with folds, each."""

from __future__ import annotations

import hashlib
import io
import json
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from raysearch.data.plain_scaling import to_plain
from raysearch.errors import FinalTestError, StoppedError, StorageError
from raysearch.files import write_durably
from raysearch.seeds import derive
from raysearch.tasks import load_task
from raysearch.tasks.own_code import task_file
from raysearch.tasks.settings import make_settings
from raysearch.training.checkpoint import load_checkpoint, weights_sha256
from raysearch.training.counting import measure_latency
from raysearch.training.evaluation import evaluate
from raysearch.training.finite import finite, left_out
from raysearch.training.order import Order
from raysearch.training.randomness import load_parts, seed_all
from raysearch.training.shown_file import packed
from raysearch.training.study_data import same_data
from raysearch.training.workers import OneWorker


@dataclass(frozen=True)
class TestOutcome:
    """Test metrics that are finite, which are not, and where predictions lie in the study's folder."""

    metrics: dict[str, float]
    predictions: str
    predictions_sha256: str
    n_test: int
    latency: dict[str, Any]
    message: str = ""


def evaluate_on_test(
    order: Order, weights: str, expected_sha256: str, device: torch.device | None = None
) -> TestOutcome:
    """Apply a run's best weights to the test set and keep the predictions.

    Args:
        order: the run.
        weights: its best checkpoint, inside the study's folder.
        expected_sha256: of the weights, as the ledger has it.
        device: where to compute; the CPU if not given.

    Raises:
        StorageError: the checkpoint is gone or is not the one in the ledger.
        ChangedError: the data or the code are not those that the study began with.
        FinalTestError: the task raised something else.
    """
    try:
        return _evaluate(order, weights, expected_sha256, device)
    except (StorageError, StoppedError):
        raise
    except Exception as error:
        frames, file = traceback.extract_tb(error.__traceback__), task_file(order.reference)
        own = [frame for frame in frames if file is not None and Path(frame.filename).name == file.name]
        place = (own or frames)[-1]
        raise FinalTestError(
            f"trial {order.trial}, the best, could not be applied to the test set: {type(error).__name__}: "
            f"{error} ({Path(place.filename).name}, line {place.lineno}, in {place.name})"
        ) from error


def _evaluate(order: Order, weights: str, expected_sha256: str, device: torch.device | None) -> TestOutcome:
    torch.set_num_threads(order.threads)
    folder = Path(order.study_folder)
    # The ledger's hash, not the newest file: it is this model that was chosen.
    content = load_checkpoint(folder / weights)
    if content is None or weights_sha256(content["model"]) != expected_sha256:
        raise StorageError(f"{folder / weights}: gone or damaged; the best model cannot be evaluated")
    task = load_task(order.reference)
    settings = make_settings(task, order.settings)
    worker = OneWorker(device)
    source = order.source.of_fold(order.fold)
    with same_data(task, order):
        test, scaling = load_parts(task, source, settings).test, task.scaling(source, settings)
        facts = task.training_facts(source, settings)
    # The part stays on the CPU as well: metrics and what is shown are made from it there.
    there = test.to(worker.device)
    seed_all(derive(order.seed, "weights"))  # what a model draws and does not keep in its state_dict
    model = task.model(settings).to(worker.device)
    model.load_state_dict(content["model"])
    outputs = evaluate(task, model, there, worker, seed=order.seed, precision=order.precision)
    latency = measure_latency(task, model, there, order.precision)
    beside = {"scaling": to_plain(scaling), "training_facts": facts}
    _export(folder, order, content["model"], beside)
    predictions = packed(task, outputs, test)
    name = f"test/predictions-{order.trial}-{order.fold}.npz"
    # Before the record that names it with its hash: a record without its file would be damage.
    write_durably(folder / name, predictions)
    metrics = {f"test_{key}": float(value) for key, value in task.metrics(outputs, test).items()}
    return TestOutcome(
        metrics=finite(metrics),
        predictions=name,
        predictions_sha256=hashlib.sha256(predictions).hexdigest(),
        n_test=len(test),
        latency=latency,
        message="; ".join(left_out(metrics)),
    )


def _export(folder: Path, order: Order, weights: dict[str, torch.Tensor], beside: dict[str, Any]) -> None:
    """Write ``model.pt``, a ``state_dict``, and ``model.json``, how to build it, to ``best/``."""
    buffer = io.BytesIO()
    torch.save(weights, buffer)
    there = folder / "best" / (f"fold-{order.fold}" if order.runs > 1 else "")
    write_durably(there / "model.pt", buffer.getvalue())
    about = {
        "task": order.task,
        "trial": order.trial,
        "fold": order.fold,
        "settings": order.settings,
        "precision": order.precision,
        **beside,
        "weights_sha256": weights_sha256(weights),
        "torch": torch.__version__,
    }
    write_durably(there / "model.json", (json.dumps(about, indent=2) + "\n").encode())
