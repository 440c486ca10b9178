"""What a run sees of the environment of whoever started it, and where what a study starts listens."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from cli_runs import raysearch
from heads import running_head
from listening import Door, doors
from toy import TOY_SPACE, TOY_TASK, start, surroundings

from raysearch.cluster.caretaker import processes_of
from raysearch.cluster.environment import ray_folder
from raysearch.launch.run_environment import confine, is_visible, only_visible

SECRETS = {
    "AWS_SECRET_ACCESS_KEY": "s3cret-aws",
    "GITHUB_TOKEN": "s3cret-github",
    "MLFLOW_TRACKING_PASSWORD": "s3cret-mlflow",
    "SSH_AUTH_SOCK": "/tmp/s3cret-agent",
    "RAYSEARCH_API_KEY": "s3cret-like-ours",  # begins like a listed kind
    "https_proxy": "http://me:s3cret-proxy@127.0.0.1:9",
}
WORD = "s3cret"
GENETIC = ("strategy=one-plus-lambda", "space={width: {type: int, low: 2, high: 12}, rate: 0.1, power: 0.2}")
# Writes down what it sees, where it is loaded and where it computes.
TASK = f"""
import json, os, sys
from dataclasses import dataclass
from pathlib import Path
sys.path[:0] = {[str(TOY_TASK.parent), str(Path(__file__).parent)]!r}
from listening import doors
from toy_task import Toy, ToySettings

def note(place):
    at_start = Path("/proc/self/environ").read_bytes().decode().split(chr(0))
    seen = {{"title": Path("/proc/self/cmdline").read_text(), "now": dict(os.environ), "at_start": at_start}}
    seen["listens"] = sorted({{door.address for door in doors(os.getpid())}})
    (Path(__file__).parent / f"{{place}}-{{os.getpid()}}.json").write_text(json.dumps(seen))

note("loaded")

class Nosy(Toy):
    Settings = ToySettings

    def model(self, settings):
        note("model")
        return super().model(settings)

    def predict(self, model, batch, chance):
        note("predict")
        return super().predict(model, batch, chance)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "nosy.py").write_text(TASK)
    space = TOY_SPACE.format(task="x").replace("x:Toy", "nosy.py:Nosy").replace("trials: 8", "trials: 4")
    (tmp_path / "toy.yaml").write_text(space + "resources: {environment: [MY_VARIABLE]}\n")
    return tmp_path


def tune(folder: Path, *options: str, **environment: str) -> tuple[int, str, set[Door]]:
    """A study's exit code, what it printed, and where it listened after the third run began."""
    process = start(
        folder, "tune", "toy.yaml", "--name", "s", *options, env=surroundings(folder) | SECRETS | environment
    )
    assert process.stdout is not None
    printed, found = "", set()
    for line in process.stdout:
        printed += line
        if line.startswith("trial 2 started"):
            found = doors(process.pid)
            # Ray's own processes are started for the driver by another one, whose children they are not.
            for session in ray_folder().glob(f"session_*_{process.pid}"):
                found |= {door for pid in processes_of(session) for door in doors(pid)}
    return process.wait(), printed, found


def notes(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*-*.json"))]


def titles(found: list[dict[str, Any]]) -> set[str]:
    return {each["title"].partition("\0")[0].strip() for each in found}


def holds_secret(environment: Any) -> bool:
    return WORD in json.dumps(environment)


@pytest.mark.ray_cluster
@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_on_a_new_ray_sees_no_secrets_and_nothing_listens_to_other_machines(
    folder: Path, workers: int
) -> None:
    code, printed, found = tune(folder, "--set", f"resources.workers={workers}", MY_VARIABLE="mine")
    assert code == 0, printed
    seen = notes(folder)
    assert len(titles(seen)) >= 2, titles(seen)  # the user's own process, and actors
    assert not any(holds_secret(each["now"]) for each in seen)
    assert all(each["now"]["MY_VARIABLE"] == "mine" for each in seen)
    runs = [each for each in seen if "ray::" in each["title"]]
    assert runs
    assert not any(holds_secret(each["at_start"]) for each in runs)
    assert {"raylet", "gcs_server"} <= {door.program for door in found}, found
    assert {door.address for door in found} == {"127.0.0.1"}, found
    assert {tuple(each["listens"]) for each in runs} == {("127.0.0.1",)}


@pytest.mark.ray_cluster
def test_no_kind_of_worker_of_a_cluster_that_holds_secrets_sees_them(
    folder: Path,
) -> None:
    """And what runs write is their owner's, though this cluster was started with an open umask."""
    kinds = {
        "one worker": ("ImplicitFunc", ()),
        "data-parallel": ("RayTrainWorker", ("resources.workers=2",)),
        "population": ("CandidateWorker", ("resources.workers=2", *GENETIC)),
    }
    with running_head(umask=0, **SECRETS) as (address, token):
        for kind, (title, settings) in kinds.items():
            options = [word for each in settings for word in ("--set", each)]
            options += ["--trials", "2", "--address", address]
            code, printed, _ = tune(folder, *options, **token, MY_VARIABLE="mine")
            assert code == 0, (kind, printed)
            seen = [each for each in notes(folder) if title in each["title"]]
            assert seen, (kind, titles(notes(folder)))
            assert all(holds_secret(each["at_start"]) for each in seen)  # else this would prove nothing
            assert not any(holds_secret(each["now"]) for each in seen), kind
            written = [path for path in (folder / "runs").rglob("*") if path.stat().st_mode & 0o077]
            assert written == [], kind
            shutil.rmtree(folder / "runs")
            for path in folder.glob("*-*.json"):
                path.unlink()


def test_a_named_variable_that_is_not_set_is_said_before_anything_starts(folder: Path) -> None:
    result = raysearch(folder, "tune", "toy.yaml", "--name", "s", "--local")
    assert (result.code, "MY_VARIABLE is not set" in result.err) == (2, True), result.err
    assert not (folder / "runs/s").exists()


def test_without_ray_and_by_other_commands_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, printed, _ = tune(folder, "--local", MY_VARIABLE="mine")
    assert code == 0, printed
    seen = notes(folder)
    assert len(titles(seen)) == 1
    assert not any(holds_secret(each["now"]) for each in seen)
    for name, value in {**SECRETS, "MY_VARIABLE": "mine"}.items():
        monkeypatch.setenv(name, value)
    for words in ("space check toy.yaml", "export s --to torch", "prune s --rounds 1"):
        for path in folder.glob("*-*.json"):
            path.unlink()
        raysearch(folder, *words.split())
        seen = notes(folder)  # whether the toy task can do this or not, its code was run
        assert seen, words
        assert all(each["now"]["MY_VARIABLE"] == "mine" for each in seen), words
        assert not any(holds_secret(each["now"]) for each in seen), words


@pytest.mark.parametrize(
    "name", ["PATH", "LC_ALL", "PYTHONPATH", "OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "MINE"]
)
def test_what_runs_need_they_see(name: str) -> None:
    assert is_visible(name, {"MINE"})


@pytest.mark.parametrize(
    "name", [*SECRETS, "SLURM_JWT", "RAY_REDIS_PASSWORD", "BEARER_TOKEN", "PATHS", "mine"]
)
def test_nothing_else(name: str) -> None:
    assert not is_visible(name, {"MINE"})


def test_hidden_for_a_while_or_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", os.environ.copy())
    os.environ.update({"MINE": "1", "OTHER": "2"})
    before = dict(os.environ)
    with only_visible({"MINE"}):
        assert ("MINE" in os.environ, "OTHER" in os.environ) == (True, False)
    assert dict(os.environ) == before
    umask = os.umask(0)
    confine({"MINE"})
    assert (os.umask(umask), "MINE" in os.environ, "OTHER" in os.environ) == (0o077, True, False)
