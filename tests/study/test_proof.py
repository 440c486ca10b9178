"""A long study that is resumed computes few proposals again, and goes on as it would without its proof."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from toy import create_ledger, finished, in_random_order, opened

from raysearch.errors import StorageError
from raysearch.ledger.ledger import FILE_NAME as LEDGER
from raysearch.ledger.ledger import Ledger
from raysearch.search.optuna_search import OptunaSearcher
from raysearch.study.changes import Changes
from raysearch.study.proof import EVERY, FILE_NAME, Proof
from raysearch.study.run import Run
from raysearch.study.study import Study

HERE = {"optuna": "5", "processor": "x"}
N_TRIALS = EVERY + 20


def drive(study: Study) -> None:
    def train(run: Run) -> None:
        study.end(finished(run, abs(run.settings["width"] - 9) / 9 + run.settings["learning_rate"]))

    in_random_order(study, random.Random(0), train, 2, None)


@pytest.fixture(scope="module")
def proven(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of TPE with its proof, left as by a kill after its last trial; not to be changed."""
    folder = tmp_path_factory.mktemp("runs") / "s"
    ledger = create_ledger(folder, trials=N_TRIALS)
    study = Study(ledger, lambda *_: None, proof=Proof(ledger, HERE))
    study.begin(opened())
    drive(study)
    return folder


@pytest.fixture
def folder(proven: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(proven, tmp_path / "s"))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The trials that the search was asked for."""
    numbers: list[int] = []
    ask = OptunaSearcher.ask

    def noted(self: OptunaSearcher, number: int) -> object:
        numbers.append(number)
        return ask(self, number)

    monkeypatch.setattr(OptunaSearcher, "ask", noted)
    return numbers


def go_on(folder: Path, here: dict[str, str] = HERE) -> Study:
    ledger = Ledger(folder)
    return Study(ledger, lambda *_: None, proof=Proof(ledger, here))


def test_what_is_proven_is_not_computed_again_but_for_the_last(folder: Path, asked: list[int]) -> None:
    go_on(folder).ledger.close()
    # Noted when the hundredth trial was committed, and three more were out: what came after it is as ever.
    assert asked == list(range(N_TRIALS - 10, N_TRIALS))


def test_the_study_goes_on_to_the_same_proposals_with_and_without_its_proof(folder: Path) -> None:
    found = []
    for keep_it in (True, False):
        copy = Path(shutil.copytree(folder, folder.parent / f"{keep_it}"))
        if not keep_it:
            (copy / FILE_NAME).unlink()
        study = go_on(copy)
        study.begin(opened(2), Changes(extra_trials=8))
        drive(study)
        found.append([trial.settings for trial in study.history.trials])
    assert found[0] == found[1]
    assert len(found[0]) == N_TRIALS + 8


def cut(folder: Path) -> None:
    (folder / FILE_NAME).write_bytes((folder / FILE_NAME).read_bytes()[:-20])


def altered(folder: Path) -> None:
    path = folder / FILE_NAME
    path.write_bytes(path.read_bytes().replace(b'"records": ', b'"records": 1'))


def of_another(folder: Path) -> None:
    with create_ledger(folder.parent / "other", trials=4) as ledger:
        other = ledger.folder / LEDGER
    shutil.copy(other, folder / LEDGER)


def of_a_longer_one(folder: Path) -> None:
    lines = (folder / LEDGER).read_bytes().splitlines(keepends=True)
    (folder / LEDGER).write_bytes(b"".join(lines[:40]))


@pytest.mark.parametrize(
    ("spoil", "here", "reason"),
    [
        (cut, HERE, "damaged"),
        (altered, HERE, "damaged"),
        (of_another, HERE, "of another ledger"),
        (of_a_longer_one, HERE, "of another ledger"),
        (lambda _: None, HERE | {"optuna": "6"}, "made with another optuna"),
    ],
)
def test_a_proof_that_does_not_fit_is_refused_and_all_is_proven_anew(
    folder: Path, asked: list[int], spoil: Callable[[Path], None], here: dict[str, str], reason: str
) -> None:
    spoil(folder)
    ledger = Ledger(folder)
    proof = Proof(ledger, here)
    assert reason in proof.refusal
    study = Study(ledger, lambda *_: None, proof=proof)
    ledger.close()
    assert asked == list(range(len(study.history.trials)))[:100] + [t for t in asked if t >= 100]


def test_a_refused_proof_is_replaced_once_the_study_goes_on(folder: Path) -> None:
    cut(folder)
    study = go_on(folder)
    study.begin(opened(2), Changes(extra_trials=1))
    study.ledger.close()
    with Ledger(folder) as ledger:
        assert Proof(ledger, HERE).refusal == ""
        assert Proof(ledger, HERE).n_records > 0


def test_a_disk_that_is_full_costs_the_proof_and_nothing_else(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StorageError("no space left")

    monkeypatch.setattr("raysearch.study.proof.write_durably", full)
    (folder / FILE_NAME).unlink()
    study = go_on(folder)
    study.begin(opened(2))
    study.close("stopped")
    study.ledger.close()
    assert not (folder / FILE_NAME).exists()


def test_a_study_of_few_trials_has_none(tmp_path: Path) -> None:
    ledger = create_ledger(tmp_path / "s", trials=6)
    study = Study(ledger, lambda *_: None, proof=Proof(ledger, HERE))
    study.begin(opened())
    drive(study)
    assert not (tmp_path / "s" / FILE_NAME).exists()
