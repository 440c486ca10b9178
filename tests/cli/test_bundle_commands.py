"""bundle and unbundle: a study made in one place gives the same answers in another, MLflow included."""

from __future__ import annotations

import json
import re
import resource
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
from after_studies import JEDINET, toy_study, tune
from cli_runs import Result, raysearch
from toy import TOY_TASK, start

sys.path[:0] = [str(Path(__file__).parents[1] / folder) for folder in ("study", "tracking")]
from bundled_studies import change_record, make_study, tree
from mirrored_studies import contents

from raysearch.data.jets.files import SAMPLE
from raysearch.ledger.history import read_history
from raysearch.ledger.ledger import Ledger
from raysearch.tracking.mirror import mirror_now

NO_SERVER = "http://127.0.0.1:9"  # where nobody listens: MLflow is not what these tests are about
SERIES = """\
task: {task}:Toy
space: {{activation: elu, learning_rate: 0.01, width: {{type: int, low: 14, high: 16}}}}
vary: {{space: {{learning_rate: [0.02, 0.03]}}}}
search: {{sampler: random, trials: 2}}
budget: {{epochs: 2}}
seed: 1
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a study of jets that was pruned, one with folds, and a series, all bundled."""
    folder = tmp_path_factory.mktemp("cluster")
    tune(folder, JEDINET, "jedi")
    ok(folder, "prune", "jedi", "--rounds", "1", "--target", "0.5", "--epochs", "1")
    toy_study(folder, "folds", folds=2)
    tune(folder, SERIES.format(task=TOY_TASK), "many")
    for name in ("jedi", "folds", "many"):
        ok(folder, "bundle", name)
    return folder


@pytest.fixture(scope="module")
def laptop(cluster: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another folder, into which the bundles were copied and opened."""
    folder = tmp_path_factory.mktemp("laptop")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlflow.db")
        for name in ("jedi", "folds", "many"):
            shutil.copy(cluster / f"{name}.raysearch.tar.gz", folder)
            assert ok(folder, "unbundle", f"{name}.raysearch.tar.gz").err == "delivering to MLflow\n"
    return folder


def ok(folder: Path, *arguments: str) -> Result:
    result = raysearch(folder, *arguments)
    assert result.code == 0, result.err
    return result


@pytest.mark.parametrize(
    "command",
    [
        "list",
        "status jedi",
        "status many",
        "trials folds",
        "best jedi",
        "best folds -f json",
        "best many/0.02",
        "export jedi --to torch --force",
        "prune jedi --rounds 1 --target 0.5 --epochs 1",
    ],
)
def test_every_command_answers_as_before(cluster: Path, laptop: Path, command: str) -> None:
    there, here = (raysearch(folder, *command.split()) for folder in (cluster, laptop))
    assert (there.code, there.out != "") == (0, True)
    # No sizes of folders: no bundle holds code, which may be what they are rounded by.
    texts = [re.sub(r" \d+\.\d\d +-$", "", each.out, flags=re.MULTILINE) for each in (here, there)]
    assert (texts[0], here.err) == (texts[1], there.err)


def test_nothing_is_left_to_do_in_a_pruning_or_a_study(laptop: Path) -> None:
    before = tree(laptop / "runs/jedi")
    assert "round" not in ok(laptop, "prune", "jedi", "--rounds", "1", "--target", "0.5", "--epochs", "1").err
    assert "nothing is left to do" in ok(laptop, "resume", "jedi", "--local").out
    ledger = laptop / "runs/jedi/ledger.jsonl"
    added = ledger.read_bytes().removeprefix(before["ledger.jsonl"]).splitlines()
    assert [json.loads(line)["kind"] for line in added] == ["copied"]  # the first one is there still
    # The report has a record more to tell of, and is written again; the tests below want that of before.
    for path in ("ledger.jsonl", *(path for path in before if path.startswith("report/"))):
        (laptop / "runs/jedi" / path).write_bytes(before[path])
    assert tree(laptop / "runs/jedi") == {"pruned/.lock": b"", "report.lock": b"", **before}


def test_reports_made_again_are_the_same_bytes(cluster: Path, laptop: Path) -> None:
    for name in ("jedi", "many"):
        before = tree(laptop / "runs" / name / "report")
        assert before == tree(cluster / "runs" / name / "report")
        ok(laptop, "report", name)
        assert tree(laptop / "runs" / name / "report") == before


def test_compare_draws_the_same_page(cluster: Path, laptop: Path) -> None:
    there, here = (ok(folder, "compare", "jedi", "folds").out for folder in (cluster, laptop))
    assert here == there
    pages = [tree(folder / "runs/comparison") for folder in (cluster, laptop)]
    assert pages[0] == pages[1]
    assert "figures/roc-t.svg" in pages[0], "which are drawn from the predictions"


@pytest.mark.parametrize("trial", ["best", "pruned"])
def test_the_same_scores(cluster: Path, laptop: Path, trial: str) -> None:
    scores = []
    for folder in (cluster, laptop):
        ok(folder, "predict", "jedi", "--from", trial, "--data", str(SAMPLE), "--out", "s.h5", "--force")
        with h5py.File(folder / "s.h5") as file:
            scores.append(file["scores"][:])
    assert len(scores[0]) == 10_000
    np.testing.assert_array_equal(*scores)


def test_mlflow_holds_what_it_held_there(cluster: Path, laptop: Path) -> None:
    for folder in ("jedi", "folds", "many/0.02", "many/0.03"):
        assert mirror_now(cluster / "runs" / folder, f"sqlite:///{cluster}/mlflow.db") == ""
    there, here = contents(cluster / "mlflow.db"), contents(laptop / "mlflow.db")
    assert here == there
    assert len(there["runs"]) == 1 + 1 + 1 + 2 + 4 + 1 + 2 * (1 + 2), (
        "jedi, folds, the series, each with its trials"
    )
    files = {path.name for path in (laptop / "mlartifacts").rglob("*")}
    assert {"model.pt", "index.html", "space.yaml"} <= files


def test_what_the_commands_say(cluster: Path, laptop: Path, tmp_path: Path) -> None:
    (cluster / "runs/jedi/notes.txt").write_text("mine")
    for of_this_machine in ("report.lock", "report.log", "search-proof.json"):
        (cluster / "runs/jedi" / of_this_machine).touch()
    said = ok(cluster, "bundle", "jedi", "--out", str(tmp_path / "j.gz")).out
    (cluster / "runs/jedi/notes.txt").unlink()
    assert (tmp_path / "j.gz").read_bytes() == (cluster / "jedi.raysearch.tar.gz").read_bytes()
    first, *lines = said.splitlines()
    assert re.fullmatch(r".*/j\.gz: [\d.]+ kB, study jedi", first)
    kinds = ["best model", "checkpoints", "ledger", "prunings", "report", "test predictions"]
    assert [line.split("  ")[1] for line in lines[:6]] == kinds
    assert lines[6:] == [
        "left out: 1 file, 4 B, no part of a study: notes.txt",
        "open it:  raysearch unbundle j.gz",
    ]
    shutil.copy(tmp_path / "j.gz", laptop)
    said = ok_without_mlflow(laptop, "unbundle", "j.gz", "--runs", "other")
    assert said.out.splitlines()[0] == "other/jedi: study jedi, verified"
    assert "jedi: 1 of 1 trials, best trial 0, val_loss 1." in said.out
    assert "report:   other/jedi/report/index.html" in said.out
    assert "next:     raysearch best jedi --runs other" in said.out
    assert "jedi: not in MLflow yet: " in said.err


def ok_without_mlflow(folder: Path, *arguments: str) -> Result:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", NO_SERVER)
        return ok(folder, *arguments)


@pytest.mark.faults
def test_a_stopped_study_goes_on_elsewhere_to_the_history_of_one_that_was_not(
    toy_space: Path, tmp_path: Path
) -> None:
    begin = ("tune", "toy.yaml", "--local", "--set", "space.pause_s=0.02", "--name")
    ok(tmp_path, *begin, "whole")
    with start(tmp_path, *begin, "half") as process:
        for line in process.stdout or ():
            if line.startswith("trial 2 finished"):
                process.send_signal(signal.SIGTERM)
                break
        assert process.stdout is not None
        process.stdout.read()
    assert process.returncode == 143
    ok(tmp_path, "bundle", "half")
    said = ok_without_mlflow(tmp_path, "unbundle", "half.raysearch.tar.gz", "--runs", "other")
    assert f"task: predict, export, prune and resume run {TOY_TASK}" in said.out
    assert "go on: raysearch resume half --runs other" in said.out
    ok(tmp_path, "resume", "half", "--runs", "other", "--local")
    hashes = [
        json.loads(ok(tmp_path, "status", name, "--runs", runs, "-f", "json").out)["history"]
        for name, runs in (("whole", "runs"), ("half", "other"))
    ]
    assert hashes[0] == hashes[1]


def test_data_and_tasks_that_are_not_here_are_named(tmp_path: Path) -> None:
    folder = make_study(tmp_path / "runs/s")
    ledger = folder / "ledger.jsonl"
    space_file = read_history(folder).created.space_file | {"task": "/far/my_task.py:Mine"}
    data = {"path": "/cluster/jets", "files": {}}
    ledger.write_bytes(change_record(ledger.read_bytes(), "created", data=data, space_file=space_file))
    ok(tmp_path, "bundle", "s")
    said = ok_without_mlflow(tmp_path, "unbundle", "s.raysearch.tar.gz", "--runs", "other").out
    assert "data: /cluster/jets is not on this machine; resume, crossval and prune need it there" in said
    assert "task: /far/my_task.py is not on this machine" in said


def test_exit_codes(tmp_path: Path) -> None:
    folder = make_study(tmp_path / "runs/s")
    with Ledger(folder):
        busy = raysearch(tmp_path, "bundle", "s")
    assert (busy.code, busy.out) == (75, "")
    assert busy.err == "raysearch: runs/s: a process is at work on it; bundle it when that has ended\n"
    assert raysearch(tmp_path, "bundle", "t").code == 2
    ok(tmp_path, "bundle", "s")
    again = raysearch(tmp_path, "bundle", "s")
    assert (again.code, "is there already; give another name, or --force" in again.err) == (2, True)
    taken = raysearch(tmp_path, "unbundle", "s.raysearch.tar.gz")
    assert (taken.code, "runs/s: is there already; give another folder" in taken.err) == (2, True)
    (tmp_path / "cut").write_bytes((tmp_path / "s.raysearch.tar.gz").read_bytes()[:-20])
    cut = raysearch(tmp_path, "unbundle", "cut", "--runs", "other")
    assert (cut.code, "copy it again. Nothing was unpacked" in cut.err) == (74, True)


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    """A limit on the size of a file stands in for a full disk, as in test_exit_codes.py."""
    folder = make_study(tmp_path / "runs/s")
    figure = np.random.default_rng(0).bytes(200_000)
    (folder / "report/figures/roc.svg").write_bytes(figure)
    before = tree(tmp_path)

    def limited(*arguments: str) -> tuple[int, str]:
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        with start(tmp_path, *arguments, preexec_fn=limit) as process:
            out, _ = process.communicate()
        return process.returncode, out

    full = "raysearch: s.raysearch.tar.gz: cannot be written: File too large\n"
    assert limited("bundle", "s") == (74, full)
    assert tree(tmp_path) == before
    ok(tmp_path, "bundle", "s")
    code, said = limited("unbundle", "s.raysearch.tar.gz", "--runs", "other")
    assert (code, said) == (74, "raysearch: other/s: cannot be written: File too large\n")
    assert list((tmp_path / "other").iterdir()) == []


@pytest.mark.faults
def test_a_stop_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = make_study(tmp_path / "runs/s")
    with (folder / "report/figures/roc.svg").open("wb") as file:
        file.truncate(300_000_000)

    def stopped(sign: str, *arguments: str) -> tuple[int, str]:
        with start(tmp_path, *arguments) as process:
            while process.poll() is None and not list(tmp_path.glob(sign)):
                time.sleep(0.005)  # for a folder to change, which tells nobody
            process.send_signal(signal.SIGTERM)
            out, _ = process.communicate()
        return process.returncode, out

    before = {path.name for path in tmp_path.iterdir()}
    told = (143, "raysearch: stopped; nothing was written\n")
    assert stopped(".raysearch-*", "bundle", "s") == told
    assert {path.name for path in tmp_path.iterdir()} == before
    ok(tmp_path, "bundle", "s")
    assert (
        stopped("other/.unbundle-*/new/s/report", "unbundle", "s.raysearch.tar.gz", "--runs", "other") == told
    )
    assert list((tmp_path / "other").iterdir()) == []


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """Commands give back the signals that they take."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    yield
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
