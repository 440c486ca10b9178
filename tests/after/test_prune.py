"""Pruning: masks hold, the table is right, and nothing is lost or different after a kill."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from after_studies import load, toy_study

from raysearch.after import prune_report
from raysearch.after.magnitude import all_kept, drop_smallest
from raysearch.after.prune import prune
from raysearch.after.prune_table import TABLE, Recipe, Table, alone
from raysearch.after.retrain import Retrainer
from raysearch.errors import InputError, StorageError, StudyBusyError
from raysearch.ledger.history import read_history
from raysearch.models.averaged import Averaged
from raysearch.training.order import EpochReport, Order

RECIPE = Recipe(rounds=2, target=0.5, l1=1e-4, epochs=3, patience=None)


class CutOffError(Exception):
    """Ends a pruning in the middle."""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy_study(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def whole(study: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Table]:
    folder = tmp_path_factory.mktemp("pruned")
    return folder, prune(load(study), RECIPE, folder)


def results(folder: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    weights = torch.load(folder / "model.pt", weights_only=True)
    return json.loads((folder / TABLE).read_text()), weights


def assert_same(one: Path, other: Path) -> None:
    (table, weights), (other_table, other_weights) = results(one), results(other)
    assert table == other_table
    assert all(torch.equal(weights[name], other_weights[name]) for name in weights)


def test_dropped_weights_are_zero_in_every_round(whole: tuple[Path, Table]) -> None:
    folder, table = whole
    assert [one.number for one in table.rounds] == [0, 1, 2]
    for one in table.rounds:
        kept = torch.load(folder / f"rounds/round-{one.number}.pt", weights_only=True)
        zeros = sum(
            int((weight == 0).sum()) for name, weight in kept["model"].items() if name in kept["masks"]
        )
        assert zeros == one.dropped
        assert all((kept["model"][name][mask == 0] == 0).all() for name, mask in kept["masks"].items())
    n = table.rounds[0].weights
    assert [one.dropped for one in table.rounds] == [0, int(0.5 * n * (0.565 + 0.630) / 2 / 0.717), n // 2]


def test_rounds_go_on_from_one_another(whole: tuple[Path, Table]) -> None:
    folder, table = whole
    masks = [torch.load(folder / f"rounds/round-{n}.pt", weights_only=True)["masks"] for n in range(3)]
    for before, after in pairwise(masks):
        assert all((after[name] <= before[name]).all() for name in before)
    assert len({one.weights_sha256 for one in table.rounds}) == 3
    assert all(one.retrained["val_loss"] != one.pruned["val_loss"] for one in table.rounds)


def test_first_and_last_model_are_tested(study: Path, whole: tuple[Path, Table]) -> None:
    _, table = whole
    tested = [json.loads(line) for line in (study / "ledger.jsonl").read_text().splitlines()]
    in_study = next(record["metrics"] for record in tested if record["kind"] == "tested")
    assert table.first == in_study
    assert table.last.keys() == table.first.keys()
    assert table.last != table.first


def test_operations_of_both_models_are_counted_alike(study: Path, whole: tuple[Path, Table]) -> None:
    """Of a network some of whose products a zero makes needless before anything is dropped: JEDI-net's."""
    _, table = whole
    rounds = [replace(one, nonzero_mflop=0.8 * table.mflop / (1 + one.number)) for one in table.rounds]
    told = replace(table, rounds=rounds)
    head, found, pruned = prune_report.test_rows(told, read_history(study).created.objective)
    place = head.index("MFLOP")
    assert found[place] == f"{0.8 * table.mflop:.4g}"
    assert pruned[place] == f"{rounds[-1].nonzero_mflop:.4g}"


def test_the_same_again_is_the_same(study: Path, whole: tuple[Path, Table], tmp_path: Path) -> None:
    prune(load(study), RECIPE, tmp_path)
    assert_same(tmp_path, whole[0])


def test_a_finished_pruning_does_nothing_again(
    study: Path, whole: tuple[Path, Table], tmp_path: Path
) -> None:
    shutil.copytree(whole[0], tmp_path / "p")

    def never(_: EpochReport) -> None:
        raise CutOffError

    assert prune(load(study), RECIPE, tmp_path / "p", report=never) == whole[1]


@pytest.mark.parametrize("epoch", [1, 3, 5, 9])
def test_cut_off_anywhere_it_comes_to_the_same(
    study: Path, whole: tuple[Path, Table], tmp_path: Path, epoch: int
) -> None:
    before: list[int] = []
    after: list[int] = []

    def cut(report: EpochReport) -> None:
        before.append(report.epoch)
        if len(before) == epoch:
            raise CutOffError

    with pytest.raises(CutOffError):
        prune(load(study), RECIPE, tmp_path, report=cut)
    prune(load(study), RECIPE, tmp_path, report=lambda report: after.append(report.epoch))
    assert len(after) == 9 - 3 * ((epoch - 1) // 3)  # rounds that were done are not done again
    assert_same(tmp_path, whole[0])


def test_killed_it_comes_to_the_same(study: Path, whole: tuple[Path, Table], tmp_path: Path) -> None:
    code = f"""if True:
        import os, sys
        from pathlib import Path
        sys.path[:0] = {sys.path!r}
        from test_prune import RECIPE, load, prune
        epochs = []
        def die(report):
            epochs.append(report)
            if len(epochs) == 5:
                os.kill(os.getpid(), 9)
        prune(load(Path({str(study)!r})), RECIPE, Path({str(tmp_path)!r}), report=die)
    """
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGKILL
    assert len(json.loads((tmp_path / TABLE).read_text())["rounds"]) == 1
    prune(load(study), RECIPE, tmp_path)
    assert_same(tmp_path, whole[0])


def test_another_recipe_in_the_same_folder_is_refused(study: Path, whole: tuple[Path, Table]) -> None:
    other = Recipe(rounds=3, target=0.5, l1=0.0, epochs=3, patience=None)
    with pytest.raises(InputError) as caught:
        prune(load(study), other, whole[0])
    assert caught.value.problems[1:] == ("  rounds: 2 there, 3 here", "  l1: 0.0001 there, 0.0 here")


def test_damage_is_told(study: Path, whole: tuple[Path, Table], tmp_path: Path) -> None:
    shutil.copytree(whole[0], tmp_path / "p")
    (tmp_path / "p/rounds/round-2.pt").write_bytes(b"no weights")
    with pytest.raises(StorageError, match=r"round-2\.pt: gone or damaged"):
        prune(load(study), RECIPE, tmp_path / "p")
    (tmp_path / "p" / TABLE).write_text("{}")
    with pytest.raises(StorageError, match=r"table\.json: damaged"):
        prune(load(study), RECIPE, tmp_path / "p")


def test_two_at_a_time_are_one_too_many(study: Path, tmp_path: Path) -> None:
    with alone(tmp_path), pytest.raises(StudyBusyError, match="another process prunes there"):
        prune(load(study), RECIPE, tmp_path)


def test_another_one_is_thrown_away_only_if_wanted_and_by_one_process_alone(
    study: Path, whole: tuple[Path, Table], tmp_path: Path
) -> None:
    folder = tmp_path / "p"
    shutil.copytree(whole[0], folder)
    (folder / "thesis.tex").write_text("years")
    other = replace(RECIPE, rounds=1, epochs=1)
    with alone(folder), pytest.raises(StudyBusyError):
        prune(load(study), other, folder, afresh=True)
    assert_same(folder, whole[0])
    assert len(prune(load(study), other, folder, afresh=True).rounds) == 2
    assert sorted(path.name for path in (folder / "rounds").iterdir()) == ["round-0.pt", "round-1.pt"]
    assert (folder / "thesis.tex").is_file()


def test_a_first_round_that_was_cut_off_is_not_gone_on_with_by_another_recipe(
    study: Path, tmp_path: Path
) -> None:
    def cut(_: EpochReport) -> None:
        raise CutOffError

    with pytest.raises(CutOffError):
        prune(load(study), RECIPE, tmp_path, report=cut)
    with pytest.raises(InputError, match="holds another pruning"):
        prune(load(study), replace(RECIPE, l1=0.01), tmp_path)


def test_the_pruned_model_can_be_taken_up_without_the_one_it_came_from(study: Path, tmp_path: Path) -> None:
    shutil.copytree(study, tmp_path / study.name)
    study = tmp_path / study.name
    table = prune(load(study), RECIPE, study / "pruned")
    shutil.rmtree(study / "trials")  # as retention does once there is a better trial
    shutil.rmtree(study / "best")
    trained = load(study, "pruned")
    assert (trained.pruning, trained.trial) == ("pruned", table.identity["trial"])
    with pytest.raises(
        InputError, match="--from pruned: is a pruned model; prune takes a trial: best, or its number"
    ):
        prune(trained, RECIPE, tmp_path / "again")
    assert trained.models[0].weights_sha256 == table.rounds[-1].weights_sha256
    zeros = sum(int((weight == 0).sum()) for weight in trained.models[0].model.parameters())
    assert zeros == table.rounds[-1].dropped


def test_every_fault_of_a_recipe_is_told() -> None:
    with pytest.raises(InputError) as caught:
        Recipe(rounds=0, target=2.0, l1=-1.0, epochs=0, patience=None)
    assert [line.split(":")[0] for line in caught.value.problems] == [
        "--rounds",
        "--target",
        "--l1",
        "--epochs",
    ]


def retrained(
    study: Path, folder: Path, l1: float, share: float = 0.0
) -> tuple[dict[str, torch.Tensor], float]:
    trained = load(study)
    start = trained.models[0].model.state_dict()
    masks = drop_smallest(start, all_kept(trained.models[0].model), share)
    order = Order(
        task=trained.reference,
        study_folder=str(folder),
        trial=0,
        fold=0,
        attempt=1,
        settings=trained.values,
        seed=1,
        source=trained.source,
        epochs=4,
    )
    trainer = Retrainer(trained.task, order, start, masks, l1, torch.device("cpu"), lambda _: None)
    return trainer.model.state_dict(), trainer.run().metrics["train_loss"]


def test_the_penalty_shrinks_weights_and_is_not_in_the_losses_that_are_told(
    study: Path, tmp_path: Path
) -> None:
    free, loss = retrained(study, tmp_path / "free", 0.0)
    shrunk, shrunk_loss = retrained(study, tmp_path / "shrunk", 0.05)
    size, shrunk_size = (float(weights["0.weight"].abs().sum()) for weights in (free, shrunk))
    assert shrunk_size < 0.8 * size
    assert abs(shrunk_loss - loss) < 0.05 * shrunk_size


def test_a_model_of_averaged_weights_is_refused(study: Path, tmp_path: Path) -> None:
    trained = load(study)
    (found,) = trained.models
    averaged = replace(trained, models=(replace(found, model=Averaged(found.model, 0.9)),))
    with pytest.raises(InputError, match=r"prune a trial whose space\.average_decay is 0"):
        prune(averaged, RECIPE, tmp_path)
