"""A Ray that starts while a study is checked: for whom, and that a study which never begins leaves none."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest
from bare import bare
from ray._common.utils import get_default_ray_temp_dir
from toy import TOY_SPACE, TOY_TASK, start
from waiting import wait_for

import raysearch
from raysearch.cluster import own_ray
from raysearch.cluster.caretaker import processes_of
from raysearch.cluster.environment import ray_folder
from raysearch.errors import ResourceError
from raysearch.launch.request import Where
from raysearch.space.sections import ResourcesSection

PLAIN, WITH_X = ResourcesSection(), ResourcesSection(environment=("X",))


class Noted:
    """Stands in for a Ray; notes what became of it."""

    made: list[Noted]

    def __init__(self, resources: ResourcesSection, runs: int | None = None) -> None:
        self.named, self.runs, self.has_ended = frozenset(resources.environment), runs, False
        self.made.append(self)

    def end(self) -> None:
        self.has_ended = True


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Noted]:
    monkeypatch.setattr(own_ray, "OwnRay", Noted)
    monkeypatch.setattr(Noted, "made", [], raising=False)
    return Noted.made


@pytest.mark.parametrize("where", [Where(in_process=True), Where("10.0.0.1:6379")])
def test_none_is_started_where_none_is_wanted(made: list[Noted], where: Where) -> None:
    with own_ray.ray_ahead(where, PLAIN, 4):
        assert made == []


def test_one_that_nobody_asked_for_ends(made: list[Noted]) -> None:
    with pytest.raises(ValueError, match="wrong"), own_ray.ray_ahead(Where(), PLAIN, 4):
        raise ValueError("wrong")
    assert [each.has_ended for each in made] == [True]


def test_it_is_taken_once_and_for_the_same_variables(made: list[Noted]) -> None:
    with own_ray.ray_ahead(Where(), WITH_X, 4):
        taken = own_ray.own_ray(WITH_X)
        other = own_ray.own_ray(WITH_X)
    assert made == [taken, other]
    assert [each.runs for each in made] == [4, None]
    assert not made[0].has_ended
    with own_ray.ray_ahead(Where(), WITH_X, 4):
        assert own_ray.own_ray(PLAIN) is made[3]
    assert made[2].has_ended


@pytest.mark.parametrize("variables", [{}, {"TMPDIR": "/a"}, {"TMPDIR": "/a", "RAY_TMPDIR": "/b"}])
def test_its_folder_is_where_ray_makes_it(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name in ("TMPDIR", "RAY_TMPDIR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert ray_folder() == Path(get_default_ray_temp_dir())


class Hanging:
    """Stands in for a process that does not get to its end."""

    def communicate(self, timeout: float | None = None) -> None:
        assert timeout is not None
        raise subprocess.TimeoutExpired("ray", timeout)


def test_one_that_hangs_while_it_starts_is_not_waited_for_for_ever() -> None:
    hanging = object.__new__(own_ray.OwnRay)
    hanging._starter = Hanging()  # type: ignore[assignment]
    with pytest.raises(ResourceError, match="a local Ray cannot be used: not up after 600 s"):
        hanging.address()


def sessions(pid: int) -> list[Path]:
    return [*ray_folder().glob(f"session_*_{pid}")]


@pytest.mark.ray_cluster
@pytest.mark.parametrize("ends", ["wrong input", "killed"])
def test_a_study_that_does_not_pass_its_checks_leaves_no_ray(tmp_path: Path, ends: str) -> None:
    text = TOY_SPACE.format(task=TOY_TASK)
    # A setting that the task never reads is found by the last of the checks.
    (tmp_path / "toy.yaml").write_text(text.replace("\nsearch:", "\n  nobody_reads: 1\nsearch:"))
    process = start(tmp_path, "tune", "toy.yaml", "--name", "s", start_new_session=True)
    wait_for(lambda: process.poll() is not None or sessions(process.pid) != [])
    began = sessions(process.pid)
    if ends == "killed":
        os.kill(process.pid, signal.SIGKILL)
    output = process.communicate()[0]
    wait_for(lambda: not sessions(process.pid))
    assert began
    assert not [pid for session in began for pid in processes_of(session)]
    if ends == "wrong input":
        assert process.returncode == 2
        assert "nobody_reads" in output.splitlines()[-1]
    assert not (tmp_path / "runs/s").exists()


TASK = f"""
import os, sys, time
from pathlib import Path
sys.path.insert(0, {str(TOY_TASK.parent)!r})
from toy_task import Toy
FOLDER = Path("FOLDER")

class Marked(Toy):
    def loss(self, model, batch):
        ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        up_s = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
        is_warm = "raysearch.cluster.warm_worker" in sys.modules
        seen = str(time.time() - up_s) + " " + str(is_warm)
        (FOLDER / str(os.getpid())).with_suffix(".seen").write_text(seen)
        return super().loss(model, batch)
"""


@pytest.mark.ray_cluster
@pytest.mark.parametrize("workers", [1, 2])
def test_runs_take_the_processes_that_imported_while_the_study_was_checked(
    tmp_path: Path, workers: int
) -> None:
    (tmp_path / "marked.py").write_text(TASK.replace('FOLDER")', f'{tmp_path}")'))
    space = {
        "task": f"{tmp_path / 'marked.py'}:Marked",
        "space": {"width": {"type": "int", "low": 1, "high": 16}},
        "search": {"sampler": "random", "trials": 2},
        "budget": {"epochs": 1},
        "resources": {"workers": workers},
        "seed": 1,
    }
    with bare():
        study = raysearch.tune(space, runs=tmp_path, name="s", show="nothing")
    (tmp_path / f"{os.getpid()}.seen").unlink()  # the rehearsal's
    seen = [path.read_text().split() for path in tmp_path.glob("*.seen")]
    assert len(seen) >= workers
    began_s = study.history.sessions[0][1] / 1000
    assert all(warm == "True" for _, warm in seen), seen
    if workers == 1:  # of more, Ray starts no more at a time than there are cores
        assert all(float(started_s) < began_s for started_s, _ in seen)
