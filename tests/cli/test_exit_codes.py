"""Every exit code of the command line, with the message that comes with it."""

from __future__ import annotations

import re
import resource
import socket
import time
from pathlib import Path

import pytest
from cli_runs import raysearch
from toy import create_ledger, start

from raysearch.data.jets.files import SAMPLE
from raysearch.ledger.ledger import FILE_NAME, Ledger


def hold(space: Path, text: str) -> str:
    """Add a line to the space of a space file; return the file's name."""
    space.write_text(space.read_text().replace("\nspace:", f"\nspace:\n  {text}"))
    return space.name


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ("jedinett", "no space file 'jedinett'; one of calo-figure3, calo-regressor-ga, calo-regressor"),
        ("jedinett", "Did you mean 'jedinet'?"),
        ("gone.yaml", "gone.yaml: cannot be read: No such file"),
        ("toy.yaml --set search.trails=3", "--set search.trails=3: search.trails: unknown key; one of"),
        ("toy.yaml --set foo", "--set foo: must be KEY=VALUE"),
        ("toy.yaml --set seed.x=1", "--set seed.x=1: 'seed' holds a value, not keys"),
        ("toy.yaml --trials 0", "search.trials: input should be greater than or equal to 1, got 0"),
        ("toy.yaml --trials many", "Invalid value for '--trials'"),
        ("toy.yaml --sampler tpee", "search.sampler: unknown 'tpee'; one of tpe, gp, nsga2, random"),
        ("toy.yaml --set space.no=1", "space.no: Toy has no such setting; one of width, learning_rate"),
        ("toy.yaml --name ../x", "study name '../x': 1 to 64 letters"),
        ("toy.yaml --local --set resources.gpus=1", "set resources.workers to 1 and resources.gpus to 0"),
        ("jedinet --data nowhere", "nowhere: no such file or folder"),
        ("jedinet --data cut", "jets.h5: not a whole HDF5 file (500000 bytes)"),
    ],
)  # fmt: skip
def test_2_for_what_the_user_can_mend(toy_space: Path, tmp_path: Path, wish: str, message: str) -> None:
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut/jets.h5").write_bytes(SAMPLE.read_bytes()[:500_000])
    result = raysearch(tmp_path, "tune", *wish.split())
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert "Traceback" not in result.err
    assert not list(tmp_path.glob(f"runs/*/{FILE_NAME}"))


def test_all_faults_of_a_space_file_at_once(toy_space: Path, tmp_path: Path) -> None:
    faults = ["seed=abc", "budget.epochs=0", "resources.cpu=1", "space.width.low=1e-3"]
    result = raysearch(tmp_path, "tune", "toy.yaml", *(word for fault in faults for word in ("--set", fault)))
    assert result.code == 2
    assert [re.match(r"raysearch: --set ([\w.]+)=", line)[1] for line in result.err.splitlines()] == [
        *("space.width.low", "budget.epochs", "resources.cpu", "seed"),
    ]


@pytest.mark.parametrize("command", ["status", "trials", "best", "report", "resume"])
def test_2_for_a_study_that_is_not_there(tmp_path: Path, command: str) -> None:
    create_ledger(tmp_path / "runs/night").close()
    result = raysearch(tmp_path, command, "nigth")
    assert (result.code, result.out) == (2, "")
    assert "no study 'nigth' under runs. Did you mean 'night'?" in result.err
    assert raysearch(tmp_path, command, "a/b").code == 2


def test_2_for_more_trials_without_plus(toy_space: Path, tmp_path: Path) -> None:
    create_ledger(tmp_path / "runs/s").close()
    assert "--trials 5: must be + and a number" in raysearch(tmp_path, "resume", "s", "--trials", "5").err


def test_3_when_no_trial_finished_with_the_last_line_of_the_failure(toy_space: Path, tmp_path: Path) -> None:
    result = raysearch(tmp_path, "tune", hold(toy_space, "trouble: diverges"), "--name", "s", "--local")
    assert result.code == 3
    assert result.err.endswith(
        "raysearch: s: no trial finished\nraysearch: nonfinite: the loss is nan in epoch 1, batch 1\n"
    )
    assert "8 failed" in result.out
    assert "8 x nonfinite: the loss is nan in epoch 1, batch 1" in result.out


def test_3_after_the_first_trials_alike_with_no_traceback(toy_space: Path, tmp_path: Path) -> None:
    """The model cannot be built once training has begun, so that the rehearsal cannot see it."""
    task = tmp_path / "own_task.py"
    task.write_text(
        "from pathlib import Path\nfrom toy_task import Toy\n\n\nclass Own(Toy):\n"
        "    def model(self, settings):\n"
        f"        if Path({str(tmp_path / 'runs/s' / FILE_NAME)!r}).is_file():\n"
        "            raise RuntimeError('this model cannot be built')\n"
        "        return super().model(settings)\n"
    )
    toy_space.write_text(re.sub(r"task: .*", "task: own_task.py:Own", toy_space.read_text()))
    result = raysearch(tmp_path, "tune", "toy.yaml", "--name", "s", "--local")
    assert result.code == 3
    assert "Traceback" not in result.out + result.err
    assert result.err.endswith("gave up, as the first ones all failed alike\n"
                               "raysearch: RuntimeError: this model cannot be built\n")  # fmt: skip
    assert result.out.count("this model cannot be built") == 1
    assert "3 of 8 trials, 3 failed" in result.out


@pytest.mark.parametrize(("allowed", "code"), [(0, 1), (8, 0)])
def test_1_when_more_trials_failed_than_allowed(
    toy_space: Path, tmp_path: Path, allowed: int, code: int
) -> None:
    hold(toy_space, "trouble: {type: choice, values: [none, diverges]}")
    result = raysearch(
        tmp_path, "tune", "toy.yaml", "--name", "s", "--local", "--set", f"budget.max_failed={allowed}"
    )
    n_failed = int(re.search(r"8 of 8 trials, (\d) failed", result.out)[1])
    assert 0 < n_failed < 8
    assert result.code == code
    told = f"raysearch: s: {n_failed} trials failed, budget.max_failed allows 0\n"
    assert result.err.endswith(told) is (code == 1)


def test_69_for_a_cluster_that_is_not_there(toy_space: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    began = time.monotonic()
    output, _ = (
        process := start(tmp_path, "tune", "toy.yaml", "--name", "s", "--address", f"127.0.0.1:{port}")
    ).communicate()
    assert process.returncode == 69
    assert time.monotonic() - began < 600  # Ray itself tries for a quarter of an hour
    last = output.splitlines()[-1]
    assert last.startswith(
        f"raysearch: the Ray cluster at '127.0.0.1:{port}' cannot be used: ConnectionRefused"
    )
    assert not (tmp_path / "runs/s").exists()


def test_69_for_cpus_that_are_not_there(toy_space: Path, tmp_path: Path) -> None:
    result = raysearch(tmp_path, "tune", "toy.yaml", "--name", "s", "--set", "resources.cpus=4096")
    assert result.code == 69
    told = r"raysearch: a run needs 4096 CPU, there are \d+; change resources.cpus"
    assert re.match(told, result.err.splitlines()[-1])
    assert not (tmp_path / "runs/s").exists()


def test_69_for_a_ray_without_a_token(
    toy_space: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    result = raysearch(tmp_path, "tune", "toy.yaml", "--name", "s")
    assert result.code == 69
    assert result.err.splitlines()[-1].startswith("raysearch: RAY_AUTH_MODE is 'disabled': whoever reaches")
    assert not (tmp_path / "runs/s").exists()


def test_73_for_a_folder_that_cannot_be_written(toy_space: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = raysearch(tmp_path, "tune", "toy.yaml", "--runs", "file/runs", "--local")
    assert (result.code, result.out) == (73, "")
    assert "file/runs: cannot be written: Not a directory" in result.err


def test_74_when_storage_is_full_and_the_study_goes_on_later(toy_space: Path, tmp_path: Path) -> None:
    """A limit on the size of a file stands in for a full disk: the ledger's write fails in the same way."""
    full = start(
        tmp_path,
        *("tune", "toy.yaml", "--name", "s", "--local"),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192)),
    )
    output, _ = full.communicate()
    assert full.returncode == 74, output
    assert output.splitlines()[-2:] == [
        f"raysearch: runs/s/{FILE_NAME}: cannot be written: No space left on device",
        "raysearch: once that is mended, go on with: raysearch resume s",
    ]
    result = raysearch(tmp_path, "resume", "s", "--local")
    assert (result.code, "s: 8 of 8 trials, 0 failed" in result.out) == (0, True)


def test_75_for_a_study_that_another_process_holds(toy_space: Path, tmp_path: Path) -> None:
    Path(tmp_path / "runs").mkdir()
    assert raysearch(tmp_path, "tune", "toy.yaml", "--name", "s", "--local").code == 0
    with Ledger(tmp_path / "runs/s"):
        for command in (["resume", "s"], ["tune", "toy.yaml", "--name", "s", "--resume"]):
            result = raysearch(tmp_path, *command)
            assert result.code == 75
            assert re.search(r"runs/s: held by another process: process \d+ on \S+ since", result.err)
        assert '"state": "running"' in raysearch(tmp_path, "status", "s", "-f", "json").out
