"""`ray up` for real: from a laptop to three machines and back, one of them lost on the way.

    pytest -m ray_cluster -s tests/cluster/test_up.py

Needs root, as it makes the machines out of namespaces. With -s it prints what it does and how long that took.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hosts import NETWORK, Host, machines, missing
from toy import TOY_SPACE, TOY_TASK

from raysearch.errors import StorageError
from raysearch.ledger.history import History
from raysearch.ledger.ledger import read_entries
from raysearch.ledger.records import Lost

TRIALS = 12
CPUS = 2  # of a run, so that each machine has one place
TASK = """
import sys, time
from pathlib import Path
sys.path.insert(0, str(Path(__file__).parent))
from toy_task import Toy

class Slow(Toy):
    def loss(self, model, batch):
        time.sleep(0.4 if Path("/srv/slowly").exists() else 0)
        return super().loss(model, batch)
"""
MLFLOW = """
import json, time, urllib.request
from pathlib import Path
address = "http://127.0.0.1:5000/api/2.0/mlflow/"

def ask(what, **body):
    request = urllib.request.Request(address + what, json.dumps(body).encode(), {"Content-Type": "application/json"})
    return json.load(urllib.request.urlopen(request, timeout=30))

while True:  # until it is up; whoever started this ends it if it takes too long
    try:
        experiments = ask("experiments/search", max_results=100)["experiments"]
        break
    except OSError:
        time.sleep(0.5)
ids = [each["experiment_id"] for each in experiments]
print([each["name"] for each in experiments], len(ask("runs/search", experiment_ids=ids, max_results=100)["runs"]))
"""


class Story:
    """What a user does on the laptop, with a time limit for each step."""

    def __init__(self, laptop: Host, hosts: list[Host]) -> None:
        self.laptop, self.hosts = laptop, hosts
        self._printed = laptop.folder / "printed.log"

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        begun = time.monotonic()
        yield
        print(f"{time.monotonic() - begun:7.1f} s  {what}", flush=True)

    def run(self, command: str, limit_s: float) -> str:
        """Carry out a command line on the laptop; what it printed."""
        with self.step(command), self.running(command) as process:
            try:
                code = process.wait(timeout=limit_s)
            except subprocess.TimeoutExpired:
                self.fail(f"{command}: not done within {limit_s:g} s")
            if code:
                self.fail(f"{command}: exit code {code}")
            return self.printed

    @contextmanager
    def running(self, command: str) -> Iterator[subprocess.Popen[str]]:
        with self._printed.open("w") as file:
            process = subprocess.Popen(
                self.laptop.command("bash", "-c", command),
                stdin=subprocess.PIPE,
                stdout=file,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    @property
    def printed(self) -> str:
        return self._printed.read_text(errors="replace")

    def wait(self, what: str, happened: Callable[[], bool], limit_s: float) -> None:
        with self.step(what):
            deadline = time.monotonic() + limit_s
            while not happened():
                if time.monotonic() > deadline:
                    running = "\n".join(f"{host.name}: {host.processes()}" for host in self.hosts)
                    self.fail(f"{what}: not within {limit_s:g} s; there run\n{running}")
                time.sleep(0.2)

    def fail(self, what: str) -> None:
        logs = "".join(host.logs() for host in self.hosts)
        pytest.fail(f"{what}\n{logs}\n--- printed on the laptop\n{self.printed[-6000:]}", pytrace=False)


def history(runs: Path) -> History:
    return History(read_entries(runs / "toy"))


def n_committed(runs: Path) -> int:
    with suppress(StorageError):  # it is not there yet
        return history(runs).n_committed
    return 0


def losses(runs: Path) -> list[Lost]:
    return [entry.record for entry in read_entries(runs / "toy") if isinstance(entry.record, Lost)]


def put_study(folder: Path) -> None:
    (folder / "me").mkdir()
    (folder / "me/slow_task.py").write_text(TASK)
    shutil.copy(TOY_TASK, folder / "me/toy_task.py")
    space = TOY_SPACE.format(task="/srv/me/slow_task.py").replace(":Toy", ":Slow")
    (folder / "me/toy.yaml").write_text(space)


def on_head(command: str, options: str = "") -> str:
    return f"ray exec {options}cluster.yaml {shlex.quote(f'cd /srv/me && {command}')}"


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    if why_not := missing():
        pytest.skip(why_not)
    begun = time.monotonic()
    with machines(tmp_path, ["head", "worker-1", "worker-2"]) as (laptop, hosts):
        put_study(tmp_path / "shared")
        put_study(laptop.folder / "srv")
        (tmp_path / "shared/slowly").touch()
        print(f"\n{time.monotonic() - begun:7.1f} s  (laptop, head and two workers made)", flush=True)
        yield Story(laptop, hosts)


@pytest.mark.ray_cluster
def test_a_study_from_ray_up_to_ray_down_with_a_machine_lost_on_the_way(story: Story, tmp_path: Path) -> None:
    runs = tmp_path / "shared/me/runs"
    bring_up(story)
    begin_study_and_lose_a_worker(story, runs)
    browse(story)
    bring_home(story)
    there, home, here = (
        history(each) for each in (runs, story.laptop.home / "runs", story.laptop.home / "again")
    )
    assert there.n_committed == TRIALS
    assert there.hash == home.hash == here.hash
    assert losses(runs)
    assert not [lost.reason for lost in losses(runs) if lost.to_blame]  # a run cannot help it
    take_down(story)


def bring_up(story: Story) -> None:
    head, *workers = [host.address for host in story.hosts]
    options = " ".join(f"--worker {worker}" for worker in workers)
    story.run(f"raysearch cluster init local --head {head} {options} --user root", 60)
    story.run("ray get-auth-token --generate && chmod 600 ~/.ray/auth_token", 60)
    assert "warning" not in story.run("raysearch cluster check cluster.yaml --connect", 60), story.printed
    story.run("ray up -y cluster.yaml", 180)
    printed = story.run(on_head("raysearch cluster wait --nodes 3 --address auto"), 240)
    assert "3 machines" in printed
    assert all(f"({NETWORK}.{number})" in printed for number in (2, 3, 4)), printed


def begin_study_and_lose_a_worker(story: Story, runs: Path) -> None:
    lost = story.hosts[-1]
    command = on_head(
        f"raysearch tune toy.yaml -n {TRIALS} --name toy --set resources.cpus={CPUS} --address auto"
    )
    with story.step(command), story.running(command) as process:
        story.wait("  until 2 trials are done", lambda: n_committed(runs) >= 2, 180)
        story.wait(
            f"  until {lost.name} trains",
            lambda: any("ray::" in line and ".train" in line for line in lost.processes().values()),
            60,
        )
        lost.kill()
        story.wait("  until its run is given up", lambda: bool(losses(runs)), 120)
        try:
            assert process.wait(timeout=240) == 0, story.printed
        except subprocess.TimeoutExpired:
            story.fail(f"the study did not end after {lost.name} was lost")
    summary = [
        line for line in story.printed.splitlines() if line.startswith(f"toy: {TRIALS} of {TRIALS} trials, 0")
    ]
    assert summary, story.printed
    print(f"{'':11}{summary[-1]}")


def browse(story: Story) -> None:
    printed = story.run(on_head("raysearch status toy"), 60)
    assert "toy" in printed
    (story.laptop.home / "ask.py").write_text(MLFLOW)
    with (
        story.running(on_head("raysearch dashboard --port 5000", "-p 5000 ")) as tunnel,
        story.step("MLflow"),
    ):
        asked = subprocess.run(
            story.laptop.command("timeout", "120", "python", "ask.py"),
            capture_output=True,
            text=True,
            check=False,
        )
        if asked.returncode:
            story.fail(f"MLflow does not answer through the tunnel: {asked.stderr}")
        assert "'Slow'" in asked.stdout  # the experiment is named after the task
        assert asked.stdout.endswith(f" {TRIALS + 1}\n"), "the study and its trials"
        os.killpg(tunnel.pid, signal.SIGINT)  # Ctrl-C
        head = story.hosts[0]
        story.wait(
            "  until MLflow has ended",
            lambda: not any("--port 5000" in line for line in head.processes().values()),
            60,
        )


def bring_home(story: Story) -> None:
    story.run(on_head("raysearch bundle toy"), 60)
    story.run("ray rsync-down cluster.yaml /srv/me/toy.raysearch.tar.gz .", 60)
    story.run("raysearch unbundle toy.raysearch.tar.gz && raysearch best toy", 60)
    story.run(
        f"raysearch tune /srv/me/toy.yaml -n {TRIALS} --name toy --runs again --set resources.cpus={CPUS} --local",
        120,
    )


def take_down(story: Story) -> None:
    """`ray down` ends Ray on the head alone; on the workers the raylet would follow, its helpers would stay."""
    story.run("ray down -y cluster.yaml", 120)
    for worker in story.hosts[1:-1]:  # the last was lost
        options = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
        story.run(f"ssh {options} {worker.address} \"bash -lc 'ray stop'\"", 60)
    story.wait("until no process is left", lambda: not any(host.processes() for host in story.hosts), 30)
