"""Data that were replaced in mid-study are trained on by nobody; put back, the study goes on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace as replaced
from pathlib import Path

import h5py
import numpy as np
import pytest
from toy import QUICK_SPACE, TOY_TASK, essence

from raysearch.cluster.population import CandidateWorker
from raysearch.data.jets.files import SAMPLE
from raysearch.errors import ChangedError
from raysearch.launch.begin import create_study
from raysearch.launch.carry_out import carry_out
from raysearch.launch.local_executor import LocalExecutor
from raysearch.launch.orders import order_for
from raysearch.launch.prepare import prepare
from raysearch.launch.unchanged import check_unchanged
from raysearch.ledger.entries import Entry
from raysearch.ledger.history import History, read_history
from raysearch.ledger.ledger import Ledger
from raysearch.ledger.run_records import Committed, Started
from raysearch.space.space_file import SpaceFile, read_space_file
from raysearch.study.study import Study
from raysearch.training.attempt import attempt_run
from raysearch.training.order import Order
from raysearch.training.workers import OneWorker

TASK = f"""
import sys
from dataclasses import dataclass
from pathlib import Path
sys.path.insert(0, {str(TOY_TASK.parent)!r})
import numpy as np, torch
from toy_task import Toy, ToySettings
from raysearch.data.files import sums
from raysearch.data.tensors import Parts, TensorData

@dataclass(frozen=True)
class Settings(ToySettings):
    column: int = 0

class Reads(Toy):
    Settings = Settings

    def path(self, source, settings):
        path = Path(source.path)
        return path.with_name("other.npy") if settings.column else path

    def inspect(self, source, settings):
        files = sums([self.path(source, settings)])
        return {{"files": files, "n_train": 60, "n_validation": 20, "n_test": 20, "split_by": "rows"}}

    def load(self, source, settings):
        super().load(source, settings)
        y = torch.from_numpy(np.load(self.path(source, settings))).float()
        swap = Path(source.path).with_name("swap.npy")
        if swap.exists():
            swap.rename(source.path)
        return Parts(*(TensorData((part, part)) for part in y[:, None].split([60, 20, 20])))
"""
JET_DNN = Path(__file__).parents[2] / "searchspaces/jet-dnn.yaml"
Act = Callable[[Path, Entry], None]


@pytest.fixture
def space(tmp_path: Path) -> Path:
    (tmp_path / "reads.py").write_text(TASK)
    (tmp_path / "reads.yaml").write_text(QUICK_SPACE.format(task="reads.py:Reads"))
    np.save(tmp_path / "data.npy", np.linspace(0, 1, 100))
    np.save(tmp_path / "new.npy", np.linspace(1, 0, 100))  # of the same size
    np.save(tmp_path / "other.npy", np.linspace(0, 1, 100))
    shutil.copy(tmp_path / "data.npy", tmp_path / "kept.npy")
    return tmp_path


def read(space: Path, *changes: str) -> SpaceFile:
    return read_space_file(space / "reads.yaml", [f"data.path={space / 'data.npy'}", *changes])


def carry(space: Path, name: str, act: Act = lambda *_: None, *changes: str) -> History:
    """Begin a study, or go on with it."""
    space_file, folder = read(space, *changes), space / "runs" / name
    if folder.exists():
        check_unchanged(folder, allow_skew=False)
        ledger = Ledger(folder)
    else:
        ledger = create_study(prepare(space_file, folder.parent), folder, 1)
    with ledger:
        executor = LocalExecutor(space_file.resources)
        return carry_out(ledger, executor, lambda entry, _: act(space, entry), lambda _: None)


def replace(space: Path, _: Entry | None = None) -> None:
    shutil.copy(space / "new.npy", space / "data.npy")


def remove(space: Path, _: Entry | None = None) -> None:
    (space / "data.npy").unlink(missing_ok=True)


def at(kind: type, number: int, act: Act) -> Act:
    """Do something at the n-th record of a kind."""
    seen = []

    def acting(space: Path, entry: Entry) -> None:
        if isinstance(entry.record, kind):
            seen.append(entry)
            if len(seen) == number:
                act(space, entry)

    return acting


@pytest.mark.parametrize("act", [replace, remove])
@pytest.mark.parametrize(("kind", "number"), [(Committed, 2), (Started, 3), (Committed, 4)])
def test_the_study_stops_at_once_and_goes_on_when_they_are_put_back(
    space: Path, act: Act, kind: type, number: int
) -> None:
    carry(space, "whole")
    with pytest.raises(ChangedError, match=r"data.*(?s:.*)put the files back, or start a new study"):
        carry(space, "s", at(kind, number, act))
    history = read_history(space / "runs/s")
    assert history.closed is not None
    assert history.closed.reason == "changed"
    assert history.n_failed == 0
    if number < 4:
        assert history.n_committed < 4
    shutil.copy(space / "kept.npy", space / "data.npy")
    assert carry(space, "s").is_complete
    assert essence(space / "runs/s") == essence(space / "runs/whole")
    tests = [read_history(space / "runs" / name).tests[0][0] for name in ("s", "whole")]
    assert tests[0].metrics == tests[1].metrics


def test_a_file_whose_time_stamp_alone_changed_is_the_same_file(space: Path) -> None:
    def touch(space: Path, _: Entry) -> None:
        os.utime(space / "data.npy")

    assert carry(space, "s", at(Committed, 1, touch)).is_complete


def order(space: Path) -> Order:
    folder = space / "runs/s"
    with create_study(prepare(read(space), folder.parent), folder, 1) as ledger:
        study = Study(ledger, lambda *_: None)
        study._ask()
        run = study.next_run()
        assert run is not None
        return order_for(study, run)


def test_files_replaced_while_they_are_loaded_are_told(space: Path) -> None:
    run = order(space)
    shutil.copy(space / "new.npy", space / "swap.npy")
    with pytest.raises(ChangedError, match=r"data\.npy was changed or is gone since the study began"):
        attempt_run(run, OneWorker(), lambda _: None)


def test_files_replaced_by_what_cannot_be_read_are_no_failure_of_the_run(space: Path) -> None:
    run = order(space)
    (space / "data.npy").write_bytes(b"no array")
    with pytest.raises(ChangedError, match=r"data\.npy was changed"):
        attempt_run(run, OneWorker(), lambda _: None)


def test_a_run_of_other_settings_is_compared_at_those_that_were_inspected(space: Path) -> None:
    assert carry(space, "s", lambda *_: None, "space.column={type: int, low: 0, high: 1}").n_failed == 0


def test_who_evaluates_candidates_tells_it_when_it_is_asked(space: Path) -> None:
    run = order(space)
    replace(space)
    worker = CandidateWorker(run, None)
    with pytest.raises(ChangedError):
        worker.losses([], [])


def test_prepared_arrays_of_the_files_of_then_do_and_none_are_made_of_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYSEARCH_CACHE", str(tmp_path / "cache"))
    jets = tmp_path / "jets.h5"
    shutil.copy(SAMPLE, jets)
    space_file = read_space_file(JET_DNN, [f"data.path={jets}", "data.limit=200", "budget.epochs=1"])
    folder = tmp_path / "runs/s"
    with create_study(prepare(space_file, folder.parent), folder, 1) as ledger:
        study = Study(ledger, lambda *_: None)
        study._ask()
        run = study.next_run()
        assert run is not None
        order = order_for(study, run)
        first = attempt_run(order, OneWorker(), lambda _: None)
        with h5py.File(jets, "r+") as file:
            file["jets"][:] = file["jets"][:][::-1]
        for attempt in (2, 3):
            again = attempt_run(replaced(order, attempt=attempt), OneWorker(), lambda _: None)
            assert again.metrics == first.metrics
        other = attempt_run(replaced(order, attempt=4, files={}), OneWorker(), lambda _: None)
        assert other.metrics != first.metrics  # what this process kept is no other study's
        shutil.rmtree(tmp_path / "cache")
        with pytest.raises(ChangedError, match=r"jets\.h5 was changed"):
            attempt_run(replaced(order, attempt=5), OneWorker(), lambda _: None)
        assert list((tmp_path / "cache/arrays").glob("*/about.json")) == []
