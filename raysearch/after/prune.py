"""Prunes a trained network and retrains it, round by round, as arXiv:1804.06913 does for hls4ml.

Round 0 drops nothing: the found model is trained on with the L1 penalty, so that later rounds can be compared
with one that was trained as long. Each further round drops the smallest weights
(raysearch/after/magnitude.py) and retrains what is left. The published script evaluates its last pruning
without retraining; here every round tells both.

All that is known lies in ``table.json``, written at the beginning and after each round; a round that was cut
off goes on from its last epoch.
"""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from raysearch import __version__
from raysearch.after.magnitude import Masks, all_kept, drop_smallest, hold, n_dropped, n_weights, schedule
from raysearch.after.nonzero import count_nonzero_mflop
from raysearch.after.prune_report import write_report
from raysearch.after.prune_table import (
    TABLE,
    Metrics,
    Recipe,
    Round,
    Table,
    alone,
    check_same,
    read_round,
    write_round,
)
from raysearch.after.retrain import Retrainer
from raysearch.after.trained import FoldModel, TrainedTrial, check_data
from raysearch.data.plain_scaling import to_plain
from raysearch.data.tensors import Parts, TensorData
from raysearch.errors import InputError, RaysearchError
from raysearch.files import write_durably
from raysearch.models.averaged import Averaged
from raysearch.seeds import derive
from raysearch.training.checkpoint import weights_sha256
from raysearch.training.counting import count_mflop, count_parameters
from raysearch.training.descent import NonFiniteError
from raysearch.training.evaluation import evaluate
from raysearch.training.order import EpochReport, Order
from raysearch.training.randomness import load_parts
from raysearch.training.workers import OneWorker

Listener = Callable[[Round, int], None]


@dataclass(frozen=True)
class _Job:
    """What stays the same in all rounds."""

    trained: TrainedTrial
    recipe: Recipe
    folder: Path
    found: FoldModel
    parts: Parts
    device: torch.device
    report: Callable[[EpochReport], None]


def prune(
    trained: TrainedTrial,
    recipe: Recipe,
    folder: Path,
    *,
    device: torch.device | None = None,
    report: Callable[[EpochReport], None] = lambda *_: None,
    listen: Listener = lambda *_: None,
    afresh: bool = False,
) -> Table:
    """Prune and retrain, or go on with it.

    Args:
        trained: the trial.
        recipe: how.
        folder: for the results; one that holds some of the same pruning is gone on with.
        device: where to train; the CPU if not given.
        report: told every epoch; what it raises ends the call, with everything saved.
        listen: told every round, and how many there will be.
        afresh: throw away what an earlier pruning left in the folder.

    Raises:
        InputError: the model is a pruned one or is averaged, the trial has no such fold, its data were
            changed, or the folder holds another pruning.
        StudyBusyError: another process prunes there.
        StorageError: the folder cannot be written, or what it holds is damaged.
        RaysearchError: a loss is no longer a number.
    """
    if trained.pruning:
        raise InputError(
            f"--from {trained.pruning}: is a pruned model; prune takes a trial: best, or its number, "
            f"which is {trained.trial} for this one"
        )
    if recipe.fold not in range(len(trained.models)):
        raise InputError(
            f"--fold: trial {trained.trial} has folds 0 to {len(trained.models) - 1}, got {recipe.fold}"
        )
    if any(isinstance(module, Averaged) for module in trained.models[recipe.fold].model.modules()):
        raise InputError(
            "prune: what the model makes is of averages of its weights, which would stay as they are; prune "
            "a trial whose space.average_decay is 0"
        )
    # First of all: a network pruned on other data could not be compared with the found one.
    check_data(trained.history, trained.task, trained.settings, trained.source)
    threads_before = torch.get_num_threads()
    torch.set_num_threads(trained.space_file.resources.threads)  # which decides bits
    try:
        with alone(folder):
            if afresh:
                _clear(folder)
            found = trained.models[recipe.fold]
            parts = load_parts(trained.task, trained.source.of_fold(found.fold), trained.settings)
            check_data(trained.history, trained.task, trained.settings, trained.source)
            job = _Job(trained, recipe, folder, found, parts, device or torch.device("cpu"), report)
            return _carry_out(job, listen)
    finally:
        torch.set_num_threads(threads_before)


def _clear(folder: Path) -> None:
    """Remove a pruning, and nothing else that somebody may have put beside it."""
    for name in ("trials", "rounds"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in ("report.md", "model.json", "model.pt", TABLE):
        (folder / name).unlink(missing_ok=True)


def _carry_out(job: _Job, listen: Listener) -> Table:
    path, recipe = job.folder / TABLE, job.recipe
    model = job.found.model
    identity = _identity(job)
    if path.is_file():
        table = Table.read(path)
        check_same(job.folder, table.identity, identity)
    else:
        table = Table(identity, count_mflop(job.trained.task, model, job.parts.validation), [], {}, {})
        table.write(path)  # before a first round is begun, which another recipe must not go on with
    first = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    weights, masks = (
        (first, all_kept(model)) if not table.rounds else read_round(job.folder, table.rounds[-1])
    )
    shares = [0.0, *schedule(recipe.rounds, recipe.target)]
    for number in range(len(table.rounds), len(shares)):
        if number:
            masks = drop_smallest(weights, masks, shares[number])
        done, weights = _round(job, number, weights, masks)
        # The weights before the table that names them by hash: else a kill could leave a name without them.
        write_round(job.folder, done, weights, masks)
        table.rounds.append(done)
        table.write(path)
        # The round's checkpoints are of no more use, and each is as large as the model with its moments.
        shutil.rmtree(job.folder / "trials", ignore_errors=True)
        listen(done, recipe.rounds)
    # The test part once, after the last round: no choice of a round may have seen it.
    if not table.last:
        table.first = _metrics(job, first, job.parts.test, "test_")
        table.last = _metrics(job, weights, job.parts.test, "test_")
        table.write(path)
    _export(job, table, weights)
    write_report(table, job.folder / "report.md", job.trained.history.created.objective)
    return table


def _round(
    job: _Job, number: int, weights: Mapping[str, Tensor], masks: Masks
) -> tuple[Round, dict[str, Tensor]]:
    """Retrain one round's network; returns the best epoch's weights."""
    task, order = job.trained.task, _order(job, number)
    model = job.found.model
    model.load_state_dict(weights)
    # Before "pruned" metrics are taken: they are of the network with the weights gone.
    hold(model, masks)
    start = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    pruned = _metrics(job, start, job.parts.validation, "val_")
    trainer = Retrainer(task, order, start, masks, job.recipe.l1, job.device, job.report)
    try:
        outcome = trainer.run()
    except NonFiniteError as error:
        raise RaysearchError(f"round {number}: {error}; a smaller --l1 may help") from error
    best = trainer.checkpoints.newest("best", outcome.best_epoch)
    assert best is not None  # `run` has just read it
    assert outcome.best_epoch is not None
    kept = best[1]["model"]
    model.load_state_dict(kept)
    return Round(
        number=number,
        dropped=n_dropped(masks),
        weights=n_weights(masks),
        parameters=count_parameters(model),
        nonzero_mflop=count_nonzero_mflop(task, model, job.parts.validation),
        pruned=pruned,
        retrained=outcome.metrics,
        best_epoch=outcome.best_epoch,
        epochs=outcome.epochs,
        weights_sha256=weights_sha256(kept),
    ), kept


def _order(job: _Job, number: int) -> Order:
    """The order for a round: a run of its own, whose trial is the round's number."""
    created, space_file = job.trained.history.created, job.trained.space_file
    return Order(
        task=job.trained.reference,
        study_folder=str(job.folder.resolve()),
        trial=number,
        fold=job.recipe.fold,
        attempt=1,
        settings=job.trained.values,
        precision=job.trained.precision,
        seed=derive(space_file.seed, "prune", job.trained.trial, job.recipe.fold, number),
        source=job.trained.source,
        epochs=job.recipe.epochs,
        objective=created.objective,
        maximise=created.maximise,
        shuffle=space_file.data.shuffle,
        patience=job.recipe.patience,
        threads=space_file.resources.threads,
        files=created.data["files"],
        inspected=created.inspected,
    )


def _metrics(job: _Job, weights: Mapping[str, Tensor], data: TensorData, prefix: str) -> Metrics:
    """Metrics of a model on a part."""
    model: nn.Module = job.found.model
    model.load_state_dict(weights)
    # of the run in the study, so that a model which draws is judged by the same draws
    seed = derive(job.trained.space_file.seed, "run", job.trained.trial, job.recipe.fold)
    outputs = evaluate(job.trained.task, model, data, OneWorker(), seed=seed, precision=job.trained.precision)
    found = job.trained.task.metrics(outputs, data)
    return {f"{prefix}{name}": float(value) for name, value in found.items()}


def _identity(job: _Job) -> dict[str, Any]:
    """All that decides a pruning's numbers."""
    return {
        "study": job.trained.study,
        "trial": job.trained.trial,
        "weights_sha256": job.found.weights_sha256,
        **asdict(job.recipe),
        "device": job.device.type,
        "torch": str(torch.__version__),
        "raysearch": __version__,
    }


def _export(job: _Job, table: Table, weights: Mapping[str, Tensor]) -> None:
    """Write ``model.pt``, a ``state_dict``, and ``model.json``, how to build it, as in ``best/``."""
    buffer = io.BytesIO()
    torch.save(dict(weights), buffer)
    write_durably(job.folder / "model.pt", buffer.getvalue())
    about = {
        "task": job.trained.reference,
        "trial": job.trained.trial,
        "fold": job.recipe.fold,
        "settings": job.trained.values,
        "precision": job.trained.precision,
        "scaling": to_plain(job.found.scaling),
        "training_facts": dict(job.found.training_facts),
        "weights_sha256": table.rounds[-1].weights_sha256,
        "torch": str(torch.__version__),
    }
    write_durably(job.folder / "model.json", (json.dumps(about, indent=2) + "\n").encode())
