"""A disk budget and kept weights, as a user meets them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from cli_runs import Result, raysearch
from toy import TOY_SPACE, TOY_TASK, essence

from raysearch.launch.prepare import prepare
from raysearch.ledger.history import read_history
from raysearch.ledger.kept import kept_trials
from raysearch.space.space_file import read_space_file
from raysearch.study.retention import folder_bytes

HOARDER = """\
import os
from pathlib import Path

from toy_task import Toy

class Hoarder(Toy):
    def load(self, source, settings):
        study = Path("runs/s")
        if study.is_dir():
            n_started = (study / "ledger.jsonl").read_text().count('"kind":"started"')
            dump = study / f"dump-{n_started}.bin"
            dump.touch()
            os.truncate(dump, 12_000_000)
        return super().load(source, settings)
"""


def tune(folder: Path, space: Path, *arguments: str) -> Result:
    return raysearch(folder, "tune", str(space), "--name", "s", "--local", *arguments)


@pytest.fixture
def hoarder(tmp_path: Path) -> Path:
    """A task that leaves a file of its own in the study's folder at every run."""
    (tmp_path / "hoarder.py").write_text(HOARDER)
    path = tmp_path / "hoarder.yaml"
    path.write_text(TOY_SPACE.format(task="hoarder.py").replace("hoarder.py:Toy", "hoarder.py:Hoarder"))
    return path


def test_a_budget_that_may_not_do_is_refused_before_anything_starts(toy_space: Path, tmp_path: Path) -> None:
    result = tune(tmp_path, toy_space, "--disk", "5 MB")
    assert result.code == 2
    assert "storage.disk: 5 MB is less than the 2" in result.err
    assert not (tmp_path / "runs/s").exists()
    assert "must be a number above 0" in tune(tmp_path, toy_space, "--disk", "plenty").err
    result = tune(tmp_path, toy_space, "--disk", "1 GB", "--dry-run")
    assert re.search(r"disk: at most 2[\d.]+ MB under runs, budget 1 GB", result.err), result.err


def test_what_a_study_needs_is_enough(toy_space: Path, tmp_path: Path) -> None:
    overrides = ["storage.keep=all", "budget.folds=2", "search.trials=3"]
    need = prepare(read_space_file(toy_space, overrides), tmp_path / "runs").disk_need(slots=2)
    assert tune(tmp_path, toy_space, "--keep", "all", "--folds", "2", "-n", "3").code == 0
    folder = tmp_path / "runs/s"
    assert len(list(folder.glob("trials/*/*/*/*.pt"))) == 2 * 3
    assert folder_bytes(folder / "trials") <= need.kept
    assert folder_bytes(folder) - folder_bytes(folder / "trials") <= need.rest


def test_a_study_stopped_by_its_budget_goes_on_as_it_says_to_the_same_end(
    hoarder: Path, tmp_path: Path
) -> None:
    (tmp_path / "plain").mkdir()
    plain = tmp_path / "plain" / "toy.yaml"
    plain.write_text(TOY_SPACE.format(task=TOY_TASK))
    assert tune(tmp_path / "plain", plain, "--keep", "3").code == 0

    result = tune(tmp_path, hoarder, "--disk", "30MB", "--keep", "3")
    assert result.code == 74
    assert "Traceback" not in result.err
    told = re.search(
        r"s: its files take 36\.\d MB, more than its disk budget of 30MB; everything is saved, "
        r"go on with: raysearch (resume s --disk 7\d\.?\dMB)$",
        result.err,
        re.MULTILINE,
    )
    assert told, result.err
    assert "s: 3 of 8 trials" in result.out, "it says what it has"
    status = json.loads(raysearch(tmp_path, "status", "s", "-f", "json").out)
    assert (status["state"], status["disk"]) == ("disk budget", "30MB")
    assert status["size_mb"] == pytest.approx(folder_bytes(tmp_path / "runs/s") / 1e6, abs=0.01)
    assert "disk budget  8       3          0" in raysearch(tmp_path, "list").out

    again = raysearch(tmp_path, "resume", "s", "--local")
    assert (again.code, "of 30MB" in again.err) == (74, True), "nothing was freed"
    assert raysearch(tmp_path, "resume", "s", "--local", "--disk", "1 PB").code == 2
    assert raysearch(tmp_path, "resume", "s", "--local", "--disk", "1 MB").code == 2
    second = raysearch(tmp_path, *told[1].split(), "--local")
    assert second.code == 74, second.err
    assert re.search(r"s: [67] of 8 trials", second.out), "twice as many, less what else is in the folder"
    assert raysearch(tmp_path, "resume", "s", "--local", "--disk", "2 GB").code == 0
    assert essence(tmp_path / "runs/s") == essence(tmp_path / "plain/runs/s")
    assert json.loads(raysearch(tmp_path, "status", "s", "-f", "json").out)["disk"] == "2 GB"


def test_every_kept_trial_can_be_taken_up(toy_space: Path, tmp_path: Path) -> None:
    assert tune(tmp_path, toy_space, "--keep", "3").code == 0
    history = read_history(tmp_path / "runs/s")
    kept = [trial.number for trial in kept_trials(history)]
    values = sorted((trial.value, trial.number) for trial in history.trials)
    assert kept == [number for _, number in values[:3]]
    for number in [*kept[1:], *({*range(8)} - {*kept})][:3]:
        made = raysearch(
            tmp_path, "export", "s", "--from", str(number), "--to", "torch", "--out", f"{number}.pt2"
        )
        assert made.code == (0 if number in kept else 2), made.err
    assert f"keeps those of trial {', '.join(map(str, kept))}" in made.err


def test_a_space_file_given_again_may_change_the_budget_and_not_what_is_kept(
    toy_space: Path, tmp_path: Path
) -> None:
    assert tune(tmp_path, toy_space, "-n", "2", "--disk", "1 GB").code == 0
    refused = tune(tmp_path, toy_space, "-n", "2", "--keep", "2", "--resume")
    assert refused.code == 2
    assert "storage.keep: runs/s keeps 1, not 2; what was deleted does not come back" in refused.err
    (tmp_path / "runs/s/report/index.html").unlink()  # so that something is left to do
    assert tune(tmp_path, toy_space, "-n", "2", "--disk", "2 GB", "--resume").code == 0
    assert read_history(tmp_path / "runs/s").disk == "2 GB"
    (tmp_path / "runs/s/report/index.html").unlink()
    assert tune(tmp_path, toy_space, "-n", "2", "--disk", "1 GB", "--resume").code == 0
    assert read_history(tmp_path / "runs/s").disk == "2 GB", "as at the beginning: nothing new"


def test_a_series_goes_on_with_another_budget_for_each_study(toy_space: Path, tmp_path: Path) -> None:
    toy_space.write_text(toy_space.read_text() + "vary: {space: {activation: [relu, elu]}}\n")
    assert tune(tmp_path, toy_space, "-n", "1", "--disk", "1 GB").code == 0
    result = raysearch(tmp_path, "resume", "s", "--local", "--trials", "+1", "--disk", "2 GB")
    assert result.code == 0, result.err
    assert [read_history(tmp_path / "runs/s" / name).disk for name in ("relu", "elu")] == ["2 GB"] * 2
