"""Synthetic studies for the report's tests: real records in a real ledger, made-up numbers."""

from __future__ import annotations

import hashlib
import io
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from raysearch.ledger.asking_records import Asked
from raysearch.ledger.ledger import Ledger
from raysearch.ledger.record import Record
from raysearch.ledger.run_records import Committed, Ended, Epoch, Lost, Started, Tested
from raysearch.ledger.study_records import Closed, Created, Opened
from raysearch.metrics.shown import Shown, pack

CLASSES = ("g", "q", "w", "z", "t")
ACTIVATION = {"type": "choice", "values": ["relu", "elu", "selu"]}
JEDINET_SPACE = {
    "hidden": {"type": "int", "low": 5, "high": 50, "step": 1, "log": False},
    "effect_size": {"type": "int", "low": 4, "high": 14, "step": 1, "log": False},
    "output_size": {"type": "int", "low": 4, "high": 14, "step": 1, "log": False},
    "activation_relation": ACTIVATION,
    "activation_object": ACTIVATION,
    "activation_classifier": ACTIVATION,
    "optimizer": {"type": "choice", "values": ["adam", "adadelta"]},
    "learning_rate": {"type": "float", "low": 1e-4, "high": 1e-2, "log": True},
    "n_constituents": 30,
    "batch_size": 100,
}


@dataclass
class Recipe:
    """What the synthetic study is like."""

    name: str = "jedinet-demo"
    n_trials: int = 12
    done: int = 12
    failed: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    folds: int = 1
    epochs: int = 8
    resumed_after: int | None = None
    tested: int = 1
    n_test: int = 2000
    maximise: bool = False
    demonstration_of: str | None = None
    space: dict[str, Any] = field(default_factory=lambda: dict(JEDINET_SPACE))
    data: dict[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] | None = None
    pruned: Mapping[int, int] = field(default_factory=dict)  # trial -> epochs it came to
    refused: tuple[int, ...] = ()
    others: Mapping[str, bool] = field(default_factory=dict)
    published: tuple[Mapping[str, Any], ...] = ()
    series: str = ""
    shift: float = 0.0  # of every loss
    alike: bool = False  # every fold predicts the same
    skill: float = 1.0  # of the predictions
    latency: Mapping[str, Any] = field(default_factory=dict)
    test_seed: int = 3
    repeats: bool = False  # the runs of a trial differ in their seed alone
    strategy: str | None = None  # evolves the weights
    presentations: int = 0  # a run's in each epoch
    workers: int = 1  # of a run
    timings: Mapping[str, float] = field(default_factory=dict)  # of each epoch's steps
    parents: Mapping[int, int] = field(default_factory=dict)  # trial -> the one that it goes on from
    resolution: float | None = None  # of an energy regression, at 1 GeV; None: a classifier

    def searched(self) -> list[str]:
        return [name for name, entry in self.space.items() if isinstance(entry, dict)]


def write_study(folder: Path, recipe: Recipe) -> Path:
    """Write the ledger and predictions of a study; the clock is made up, too."""
    ticks = itertools.count(1_780_000_000, 7)
    with Ledger(folder, create=True, clock=lambda: float(next(ticks))) as ledger:
        ledger.append([created(recipe), opened(1)])
        values: dict[int, float] = {}
        for number in range(recipe.done):
            if number == recipe.resumed_after:
                ledger.append([opened(2)])
            records = list(trial(recipe, number))
            for record in records:
                ledger.append([record])
                if isinstance(record, Committed) and record.value is not None:
                    values[number] = record.value
        if recipe.tested and values:
            pick = max if recipe.maximise else min
            best = pick(values, key=lambda number: values[number])
            records = [final_record(folder, recipe, best, fold) for fold in range(recipe.folds)]
            ledger.append([record for _ in range(recipe.tested) for record in records])
        if recipe.done == recipe.n_trials:
            ledger.append([Closed(reason="finished")])
    return folder


def created(recipe: Recipe) -> Created:
    data: dict[str, Any] = {
        "path": "data/jets-30p.h5",
        "files": {"jets-30p.h5": hashlib.sha256(b"jets").hexdigest()},
        "split_by": "event",
        "split": [0.6, 0.2, 0.2],
        "n_train": 6000,
        "n_validation": 2000,
        "n_test": recipe.n_test,
        "classes": list(CLASSES),
    }
    runs = {
        "folds": 1 if recipe.repeats else recipe.folds,
        "repeats": recipe.folds if recipe.repeats else 1,
    }
    space_file = {
        "task": "jedinet" if recipe.resolution is None else "calo_regressor",
        "strategy": recipe.strategy,
        "description": "interaction network on jets",
        "demonstration_of": recipe.demonstration_of,
        "data": {"path": None, "split": [0.6, 0.2, 0.2]},
        "space": recipe.space,
        "search": {
            "sampler": "tpe",
            "trials": recipe.n_trials,
            "window": 4,
            "order": "deterministic",
            "options": {"n_startup_trials": 5},
        },
        "budget": {"epochs": recipe.epochs, "patience": 3, "max_failed": 2} | runs,
        "resources": {"cpus": 1, "gpus": 0, "workers": recipe.workers, "threads": 1},
        "seed": 7,
        "published": list(recipe.published),
    }
    return Created(
        study=f"{recipe.series}/{recipe.name}" if recipe.series else recipe.name,
        series=recipe.series,
        others=dict(recipe.others),
        space_file=space_file,
        identity=hashlib.sha256(b"identity").hexdigest(),
        task_sha256="",
        objective="val_auc" if recipe.maximise else "val_loss",
        maximise=recipe.maximise,
        window=4,
        folds=recipe.folds,
        data=data | recipe.data,
        settings=recipe.searched(),
    )


def opened(session: int) -> Opened:
    versions = {
        "python": "3.11.9",
        "raysearch": "0.1.0",
        "torch": "2.13.0",
        "ray": "2.60.0",
        "optuna": "5.0.0",
    }
    return Opened(
        session=session, host="laptop", pid=4000 + session, slots=2, versions=versions, cpu="Some CPU @ 3 GHz"
    )


def draw_settings(recipe: Recipe, number: int) -> dict[str, Any]:
    rng = np.random.default_rng(number)
    settings: dict[str, Any] = {}
    for name in recipe.searched():
        domain = recipe.space[name]
        if domain["type"] == "choice":
            settings[name] = domain["values"][rng.integers(len(domain["values"]))]
        elif domain["type"] == "int":
            settings[name] = int(rng.integers(domain["low"], domain["high"] + 1))
        else:
            settings[name] = float(np.exp(rng.uniform(np.log(domain["low"]), np.log(domain["high"]))))
    return settings


def quality(settings: Mapping[str, Any], fold: int) -> float:
    """A made-up final loss: larger networks and a learning rate near 1e-3 are better."""
    loss = 0.62 + 0.1 * settings.get("power", 0.0) + 0.25 * float(np.exp(-settings.get("hidden", 20) / 15))
    loss += 0.05 * float(np.log10(settings.get("learning_rate", 1e-3)) + 3) ** 2
    return loss + (0.04 if settings.get("optimizer") == "adadelta" else 0.0) + 0.007 * fold


def trial(recipe: Recipe, number: int) -> Iterable[Record]:
    settings = draw_settings(recipe, number)
    yield Asked(trial=number, settings=settings, parent=recipe.parents.get(number))
    values = []
    for fold in range(recipe.folds):
        attempt = 1
        yield Started(trial=number, fold=fold, attempt=1)
        if recipe.resumed_after == number:
            yield Lost(trial=number, fold=fold, attempt=1, reason="the process was killed")
            yield Started(trial=number, fold=fold, attempt=2)
            attempt = 2
        if number in recipe.refused:
            yield ended(
                number,
                fold,
                attempt,
                state="refused",
                failure="limit",
                message="mflop is 9.3, the limit is 5",
            )
            break
        if number in recipe.failed:
            kind, message = recipe.failed[number]
            yield ended(number, fold, attempt, state="failed", failure=kind, message=message)
            continue
        final = quality(settings, fold) + recipe.shift
        shape = [final + 0.9 * float(np.exp(-1.1 * epoch)) for epoch in range(1, recipe.epochs)]
        curve = [*shape, final + 0.012][: recipe.pruned.get(number)]
        for epoch, loss in enumerate(curve, start=1):
            metrics = {
                "train_loss": 0.96 * loss - 0.004 * epoch,
                "val_loss": loss,
                "val_accuracy": 1 - loss / 2.5,
                "val_auc": 1 - loss / 9,
            }
            if recipe.presentations:
                metrics["presentations"] = float(epoch * recipe.presentations)
            yield Epoch(
                trial=number, fold=fold, attempt=attempt, epoch=epoch, seconds=1.4, metrics=metrics,
                timings=dict(recipe.timings),
            )  # fmt: skip
        if number in recipe.pruned:
            came_to = {"value": loss, "metrics": metrics, "best_epoch": len(curve), "epochs": len(curve)}
            yield ended(number, fold, attempt, state="pruned", **came_to)
            yield Committed(trial=number, state="pruned", value=(sum(values) + loss) / (fold + 1))
            return  # its other folds are left out
        kept = metrics | {"val_loss": shape[-1], "val_auc": 1 - shape[-1] / 9}
        values.append(kept["val_auc" if recipe.maximise else "val_loss"])
        best = {
            "value": values[-1],
            "metrics": kept,
            "best_epoch": recipe.epochs - 1,
            "epochs": recipe.epochs,
        }
        yield ended(number, fold, attempt, hidden=settings.get("hidden", 20), **best)
    if number in recipe.failed or number in recipe.refused:
        yield Committed(trial=number, state="failed" if number in recipe.failed else "refused", value=None)
    else:
        others = {name: float(facts_of(settings)[name]) for name in recipe.others}
        mean = sum(values) / len(values)
        yield Committed(trial=number, state="finished", value=mean, others=others, folds=recipe.folds)


def facts_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    hidden = settings.get("hidden", 20)
    return {"parameters": 300 * hidden + 29, "mflop": 0.07 * hidden**2, "device": "cpu", "workers": 1}


def ended(
    number: int, fold: int, attempt: int, *, state: Any = "finished", hidden: int = 20, **fields: Any
) -> Ended:
    content: dict[str, Any] = {
        "value": None, "metrics": {}, "best_epoch": None, "epochs": 0, "weights": "", "weights_sha256": "",
        "seconds": 0.4 if state == "failed" else 11.2,
    }  # fmt: skip
    if state == "finished":
        content["weights"] = f"trials/{number}/fold-{fold}/attempt-{attempt}/best.pt"
        content["weights_sha256"] = hashlib.sha256(f"{number}/{fold}".encode()).hexdigest()
        content["facts"] = facts_of({"hidden": hidden})
    return Ended(trial=number, fold=fold, attempt=attempt, state=state, **content | fields)


def draw_predictions(n: int, fold: int = 0, skill: float = 1.0, seed: int = 3) -> dict[str, np.ndarray]:
    """Labels, and softmax scores that know something of them; of other folds those of other models."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, len(CLASSES), n)
    logits = rng.normal(size=(n, len(CLASSES)))
    logits[np.arange(n), labels] += skill * np.array([1.6, 1.2, 2.2, 2.0, 2.6])[labels]
    if fold:
        logits += 0.4 * np.random.default_rng([seed, fold]).normal(size=logits.shape)
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return {
        "labels": labels.astype(np.int64),
        "scores": scores.astype(np.float32),
        "classes": np.array(CLASSES),
    }


def draw_estimates(
    n: int, fold: int, resolution: float, constant: float = 0.01, seed: int = 3
) -> dict[str, np.ndarray]:
    """Showers of 10 to 500 GeV: the network's errors as told, the calibration's 0.17 / sqrt(E) (+) 0.01."""
    rng = np.random.default_rng(seed)
    energy = rng.uniform(10, 500, n)
    calibrated = energy * (1 + np.hypot(0.17 / np.sqrt(energy), 0.01) * rng.normal(size=n))
    sigma = np.hypot(resolution / np.sqrt(energy), constant)
    network = energy * (1 + sigma * np.random.default_rng([seed, fold]).normal(size=n))
    columns = {"outputs": network, "targets": energy, "calibrated": calibrated}
    return {name: column.astype(np.float32) for name, column in columns.items()}


def arrays_of(recipe: Recipe, fold: int) -> dict[str, np.ndarray]:
    """The predictions of a fold's model."""
    if recipe.resolution is None:
        return draw_predictions(recipe.n_test, fold, recipe.skill, recipe.test_seed)
    return draw_estimates(recipe.n_test, fold, recipe.resolution, seed=recipe.test_seed)


def final_record(folder: Path, recipe: Recipe, best: int, fold: int = 0) -> Tested:
    metrics = dict(recipe.metrics or {})
    name, digest = "", ""
    if recipe.metrics is None:
        arrays = arrays_of(recipe, 0 if recipe.alike else fold)
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **arrays)
        name, digest = f"test/predictions-{best}-{fold}.npz", hashlib.sha256(buffer.getvalue()).hexdigest()
        (folder / "test").mkdir(exist_ok=True)
        (folder / name).write_bytes(buffer.getvalue())
        metrics = {"test_loss": 0.7411 + recipe.shift + 0.01 * fold}
        if recipe.resolution is None:
            metrics["test_accuracy"] = float(np.mean(arrays["scores"].argmax(1) == arrays["labels"]))
    return Tested(
        trial=best,
        fold=fold,
        metrics=metrics,
        predictions=name,
        predictions_sha256=digest,
        n_test=recipe.n_test,
        latency=dict(recipe.latency),
    )


LATENCY = {"ms": 12.5, "spread_ms": [12.1, 13.0], "batch": 1000, "device": "cpu", "threads": 1}
PAPER = "arXiv:1908.05318, tables 1 and 3"


def published_entry(n_constituents: int = 30, **more: Any) -> dict[str, Any]:
    """A paper's entry, with figures by class and errors."""
    settings = {"n_constituents": n_constituents, "hidden": 50, "learning_rate": 1e-4}
    by_class = {f"auc_{name}": [0.95 + place / 100, 0.0001] for place, name in enumerate(CLASSES)}
    by_class |= {f"tpr10_grid_{name}": 0.878 for name in CLASSES} | {
        f"tpr10_{name}": 0.861 for name in CLASSES
    }
    return {
        "source": PAPER,
        "settings": settings,
        "metrics": {"val_loss": 0.56, "parameters": 33625, **by_class} | more,
    }


def write_series(folder: Path, members: Mapping[str, Recipe], begun: Iterable[str] | None = None) -> Path:
    """Write a series' file and the studies of those members that have begun (default: all)."""
    begun = members if begun is None else list(begun)
    content = {"members": {name: created(recipe).space_file for name, recipe in members.items()}}
    folder.mkdir(parents=True)
    (folder / "series.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    for name in begun:
        write_study(folder / name, replace(members[name], name=name, series=folder.name))
    return folder


def showing_study(folder: Path, of_runs: Sequence[Sequence[Shown]], units: str = "showers") -> Path:
    """A study whose models show such values, as the final evaluation keeps them."""
    n = len(of_runs)
    data = {"classes": [], "units": units}
    recipe = Recipe(name=folder.name, n_trials=1, done=1, tested=0, folds=n, repeats=n > 1, data=data)
    write_study(folder, recipe)
    (folder / "test").mkdir()
    records = []
    for fold, shown in enumerate(of_runs):
        content_, name = pack(shown), f"test/predictions-0-{fold}.npz"
        (folder / name).write_bytes(content_)
        records.append(
            Tested(
                trial=0, fold=fold, metrics={"test_loss": 0.5}, n_test=2000, latency=dict(LATENCY),
                predictions=name, predictions_sha256=hashlib.sha256(content_).hexdigest(),
            )
        )  # fmt: skip
    with Ledger(folder) as ledger:
        ledger.append(records)
    return folder
