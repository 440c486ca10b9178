"""Checkpoints that a study keeps, gone or damaged: their runs are carried out again, to the same bits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from cli_runs import Result, raysearch
from toy import TOY_SPACE, TOY_TASK, essence

from raysearch.ledger.history import History, read_history
from raysearch.ledger.kept import kept_trials
from raysearch.ledger.ledger import FILE_NAME, read_entries
from raysearch.ledger.run_records import Committed

SEARCHES = {
    "tpe": "search: {sampler: tpe, trials: 5, window: 2, options: {n_startup_trials: 3}}",
    "evolution": "search: {sampler: evolution, trials: 9, window: 2, options: {population: 3, sample: 2}}",
    "pbt": "search: {sampler: pbt, trials: 9, window: 3, options: {population: 3}}",
}


def study(folder: Path, search: str = "tpe", *more: str) -> Path:
    """Carry a study of a second out."""
    folder.mkdir(exist_ok=True)
    head, _, tail = TOY_SPACE.format(task=TOY_TASK).partition("search:")
    (folder / "toy.yaml").write_text(f"{head}{SEARCHES[search]}\n{tail.partition(chr(10))[2]}")
    result = raysearch(folder, "tune", "toy.yaml", "--local", "--name", "s", *more)
    assert result.code == 0, result.err
    return folder / "runs/s"


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def cut_after_the_last_commit(folder: Path) -> None:
    """As if it had been killed before it came to the test part."""
    lines = (folder / FILE_NAME).read_bytes().splitlines(keepends=True)
    places = [n for n, entry in enumerate(read_entries(folder)) if isinstance(entry.record, Committed)]
    (folder / FILE_NAME).write_bytes(b"".join(lines[: places[-1] + 1]))


def kept_files(history: History, folder: Path) -> list[Path]:
    return [folder / run.ended.weights for trial in kept_trials(history) for run in trial.runs if run.ended]


def told_anew(result: Result) -> int:
    return result.err.count("its weights are gone or damaged; it is trained again")


@pytest.mark.parametrize("spoil", [damage, Path.unlink], ids=["damaged", "deleted"])
def test_the_best_before_the_test_part_is_trained_again_and_the_study_ends(
    tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    folder = study(tmp_path)
    before, metrics = essence(folder), read_history(folder).tests[-1][0].metrics
    cut_after_the_last_commit(folder)
    (lost,) = kept_files(read_history(folder), folder)
    spoil(lost)
    result = raysearch(tmp_path, "resume", "s", "--local")
    assert result.code == 0, result.err
    assert told_anew(result) == 1
    assert "its weights are there again, the same" in result.err
    history = read_history(folder)
    assert essence(folder) == before
    assert history.tests[-1][0].metrics == metrics
    assert kept_files(history, folder)[0].is_file()
    assert lost.with_suffix(".corrupt").is_file() == (spoil is damage)
    assert len(list((folder / "trials").rglob("*.pt"))) == 1, "nothing that the training left behind stays"
    assert "nothing is left to do" in raysearch(tmp_path, "resume", "s", "--local").out


def test_every_kept_trial_and_fold_of_a_study_that_is_done(tmp_path: Path) -> None:
    folder = study(tmp_path, "tpe", "--keep", "2", "--folds", "2", "--objectives", "val_loss,parameters")
    before, files = essence(folder), kept_files(read_history(folder), folder)
    assert len(files) >= 4
    for path in files[1:]:
        damage(path)
    trial = str(kept_trials(read_history(folder))[1].number)
    said = raysearch(tmp_path, "export", "s", "--to", "torch", "--from", trial)
    assert said.code == 74
    assert "to have it trained again: raysearch resume s" in said.err
    result = raysearch(tmp_path, "resume", "s", "--local")
    assert (result.code, told_anew(result)) == (0, len(files) - 1)
    assert essence(folder) == before
    history = read_history(folder)
    assert all(path.is_file() for path in kept_files(history, folder))
    assert history.n_committed == 5


@pytest.mark.parametrize("search", ["evolution", "pbt"])
def test_a_run_that_began_from_another_has_those_before_it_trained_again(tmp_path: Path, search: str) -> None:
    straight = study(tmp_path / "straight", search)
    assert raysearch(tmp_path / "straight", "resume", "s", "--local", "--trials", "+3").code == 0
    folder = study(tmp_path / "lost", search)
    assert any(trial.parent is not None for trial in read_history(folder).trials)
    for path in (folder / "trials").rglob("*.pt"):
        damage(path)
    result = raysearch(tmp_path / "lost", "resume", "s", "--local", "--trials", "+3")
    assert result.code == 0, result.err
    assert told_anew(result) >= 2
    assert essence(folder) == essence(straight)
    left = [sorted(path.parts[-4] for path in (one / "trials").rglob("*.pt")) for one in (folder, straight)]
    assert left[0] == left[1], "the same weights are kept"


def test_a_checkpoint_that_goes_while_its_children_wait(tmp_path: Path) -> None:
    """Found when the child's turn comes: it begins from the weights that the ledger names, or not at all."""
    straight = study(tmp_path / "straight", "evolution")
    space = tmp_path / "straight/toy.yaml"
    task = tmp_path / "own_task.py"
    task.write_text(
        "from pathlib import Path\nfrom toy_task import Toy\n\n\n"
        "class Own(Toy):\n"
        "    def metrics(self, outputs, data):\n"
        f"        trials = Path({str(tmp_path / 'runs/s/trials')!r})\n"
        "        if (trials / '5').is_dir() and not (trials / 'gone').exists():\n"
        "            for path in trials.glob('[0-4]/*/*/best-*.pt'):\n"
        "                path.unlink()\n"
        "            (trials / 'gone').touch()\n"
        "        return super().metrics(outputs, data)\n"
    )
    (tmp_path / "toy.yaml").write_text(space.read_text().replace(f"{TOY_TASK}:Toy", "own_task.py:Own"))
    result = raysearch(tmp_path, "tune", "toy.yaml", "--local", "--name", "s")
    assert result.code == 0, result.err
    assert told_anew(result) >= 1
    assert (tmp_path / "runs/s/trials/gone").exists()
    assert read_history(tmp_path / "runs/s").hash == read_history(straight).hash


def test_other_bits_than_the_ledgers_are_an_error_that_says_so(tmp_path: Path) -> None:
    folder = study(tmp_path)
    (lost,) = kept_files(read_history(folder), folder)
    lost.unlink()
    with pytest.MonkeyPatch.context() as patch:
        real = torch.nn.functional.mse_loss
        patch.setattr(torch.nn.functional, "mse_loss", lambda a, b: real(a, b) ** 2)
        result = raysearch(tmp_path, "resume", "s", "--local")
    assert result.code == 74
    assert "was trained again and came to weights with SHA-256" in result.err
    assert "not to those of the ledger" in result.err
    assert raysearch(tmp_path, "resume", "s", "--local").code == 0, "with what it was trained with it goes on"
