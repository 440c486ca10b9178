"""A trial done again: the ledger's figures to the bit, or what differs; nothing of the study is touched."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cli_runs import raysearch as command
from toy import TOY_TASK

import raysearch
from raysearch.errors import InputError
from raysearch.ledger.ledger import FILE_NAME, read_entries
from raysearch.ledger.record import Record
from raysearch.ledger.run_records import Ended, Epoch
from raysearch.ledger.scanning import seal
from raysearch.ledger.study_records import Opened

SPACE: dict[str, Any] = {
    "task": f"{TOY_TASK}:Toy",
    "space": {
        "learning_rate": {"type": "float", "low": 1e-3, "high": 0.3, "log": True},
        "width": {"type": "int", "low": 1, "high": 16},
    },
    "search": {"sampler": "random", "trials": 3, "window": 2},
    "budget": {"epochs": 3, "folds": 2},
    "seed": 1,
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = tmp_path_factory.mktemp("reproduce") / "runs"
    study = raysearch.tune(SPACE, name="s", runs=runs, local=True, show="nothing")
    assert isinstance(study, raysearch.Study)
    return study.folder


@pytest.fixture
def study(finished: Path, tmp_path: Path) -> raysearch.Study:
    shutil.copytree(finished, tmp_path / "runs/s")
    return raysearch.Study(tmp_path / "runs/s")


def forge(study: raysearch.Study, change: Callable[[Record], Record]) -> None:
    """Change records, with checksums that hold."""
    entries = read_entries(study.folder)
    forged = [dataclasses.replace(entry, record=change(entry.record)) for entry in entries]
    (study.folder / FILE_NAME).write_bytes(b"".join(map(seal, forged)))


def everything(folder: Path) -> dict[str, tuple[bytes, int]]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def test_each_trial_comes_out_again_to_the_bit_and_nothing_is_written(study: raysearch.Study) -> None:
    before = everything(study.folder.parent)
    for trial in ("best", 0, 1, 2):
        again = study.reproduce(trial, local=True, show="nothing")
        assert again.differences == again.elsewhere == ()
        assert again.epochs == 6
        assert again.lines[0].endswith("metrics, objective and weights are the ledger's to the bit")
    assert everything(study.folder.parent) == before


def test_what_differs_is_listed_and_ends_with_1(study: raysearch.Study) -> None:
    def change(record: Record) -> Record:
        if isinstance(record, Epoch) and (record.trial, record.fold, record.epoch) == (1, 0, 2):
            return dataclasses.replace(record, metrics={**record.metrics, "val_loss": 0.5})
        if isinstance(record, Ended) and (record.trial, record.fold) == (1, 1):
            return dataclasses.replace(record, weights_sha256="0" * 64)
        return record

    forge(study, change)
    done = command(study.folder.parents[1], "reproduce", "s:1", "--local")
    assert done.code == 1
    verdict, epoch, weights = done.out.splitlines()
    assert verdict.endswith("differs from the ledger")
    assert epoch.startswith("  fold 0: epoch 2, val_loss: 0.5 in the ledger, ")
    assert weights.startswith(f"  fold 1: weights_sha256: {'0' * 64} in the ledger, ")
    assert command(study.folder.parents[1], "reproduce", "s:0", "--local").code == 0


@pytest.mark.parametrize(("factor", "is_near"), [(1.01, True), (1.5, False)])
def test_of_another_machine_figures_may_differ_a_little(
    study: raysearch.Study, factor: float, is_near: bool
) -> None:
    def change(record: Record) -> Record:
        if isinstance(record, Opened):
            return dataclasses.replace(record, cpu="another one")
        if isinstance(record, Epoch):
            metrics = {name: value * factor for name, value in record.metrics.items()}
            return dataclasses.replace(record, metrics=metrics)
        if isinstance(record, Ended):
            return dataclasses.replace(record, weights_sha256="0" * 64)
        return record

    forge(study, change)
    again = study.reproduce(0, local=True, show="nothing")
    assert [each.partition(":")[0] for each in again.elsewhere] == ["processor"]
    assert again.elsewhere[0].endswith("where it was trained another one")
    n_figures = sum(
        len(epoch.metrics) for run in study.history.trials[0].runs for epoch in run.epochs.values()
    )
    assert len(again.differences) == (0 if is_near else n_figures)


def test_a_trial_without_a_result_and_changed_data_or_task_are_refused(
    study: raysearch.Study, tmp_path: Path
) -> None:
    def fail(record: Record) -> Record:
        return dataclasses.replace(record, state="failed") if type(record).__name__ == "Committed" else record

    forge(study, fail)
    with pytest.raises(InputError, match="trial 1 of s is failed; it has no result"):
        study.reproduce(1, local=True, show="nothing")
    with pytest.raises(InputError, match="no trial '7'"):
        study.reproduce(7, local=True, show="nothing")


def test_a_trial_that_began_from_anothers_weights_does_so_again(tmp_path: Path) -> None:
    search = {"sampler": "pbt", "trials": 6, "options": {"population": 3}}
    space = {**SPACE, "search": search, "budget": {"epochs": 2}, "storage": {"keep": "all"}}
    study = raysearch.tune(space, name="p", runs=tmp_path / "runs", local=True, show="nothing")
    assert isinstance(study, raysearch.Study)
    children = [trial for trial in study.history.trials if trial.parent is not None]
    assert children
    assert study.reproduce(children[0].number, local=True, show="nothing").differences == ()
    ended = study.history.inherited(children[0].number, 0)
    assert ended is not None
    (study.folder / ended.weights).unlink()
    with pytest.raises(InputError, match=f"weights of trial {children[0].parent}, which are not kept"):
        study.reproduce(children[0].number, local=True, show="nothing")
