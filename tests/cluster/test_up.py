"""`ray up` for real: from a laptop to three machines and back, one of them lost on the way.

    pytest -m ray_cluster -s tests/cluster/test_up.py

Needs root, as it makes the machines out of namespaces. With -s it prints what it does and how long that took.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hosts import started_again
from stories import (
    Story,
    bring_up,
    history,
    losses,
    n_committed,
    on_head,
    processes,
    story_in,
    wait_for_three,
)
from toy import essence

TRIALS, MORE = 8, 3
SMALLER = "--set data.limit=3000 --set budget.epochs=8 --set search.window=6 --set search.prune=null"
SMALLER += " --set resources.cpus=2"  # so that each machine has one place
STUDY = f"raysearch tune jedinet --name jets {SMALLER}"
MLFLOW = """
import json, time, urllib.request
from pathlib import Path
address = "http://127.0.0.1:5000/api/2.0/mlflow/"

def ask(what, **body):
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(address + what, json.dumps(body).encode(), headers)
    return json.load(urllib.request.urlopen(request, timeout=30))

while True:  # until it is up; whoever started this ends it if it takes too long
    try:
        experiments = ask("experiments/search", max_results=100)["experiments"]
        break
    except OSError:
        time.sleep(0.5)
ids = [each["experiment_id"] for each in experiments]
runs = ask("runs/search", experiment_ids=ids, max_results=100)["runs"]
print([each["name"] for each in experiments], len(runs))
"""


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    with story_in(tmp_path) as told:
        yield told


@pytest.mark.ray_cluster
def test_a_study_from_ray_up_to_cluster_down_with_a_machine_lost_on_the_way(
    story: Story, tmp_path: Path
) -> None:
    runs = tmp_path / "shared/me/runs"
    bring_up(story)
    begin_study_and_lose_a_worker(story, runs)
    bring_worker_back_and_go_on(story, runs)
    browse(story)
    bring_home(story)
    there, home, here = (essence(each / "jets") for each in (runs, *story.at_home("runs", "again")))
    assert there == home == here
    assert there[1] == TRIALS + MORE
    assert losses(runs)
    assert not [lost.reason for lost in losses(runs) if lost.to_blame]  # a run cannot help it
    take_down(story)


def begin_study_and_lose_a_worker(story: Story, runs: Path) -> None:
    head, *_, lost = story.hosts
    story.run(on_head(f"{STUDY} -n {TRIALS} --address auto", "--tmux "))
    story.wait("  until 2 trials are done", lambda: n_committed(runs) >= 2)
    story.wait(f"  until {lost.name} trains", lambda: bool(processes(lost, "ray::", ".train")))
    lost.kill()
    going_on = [*processes(head, "gcs_server"), *processes(head, "bin/raysearch")]
    story.run("ray up -y --no-restart cluster.yaml")  # the file did not change: no harm is done
    assert [*processes(head, "gcs_server"), *processes(head, "bin/raysearch")] == going_on
    story.run(f"{STUDY} -n {TRIALS} --runs again --local")  # meanwhile, on the laptop
    story.wait(f"until the run on {lost.name} is given up", lambda: bool(losses(runs)))
    end_of_study(story, runs, TRIALS)
    assert len(history(runs).sessions) == 1, "it was interrupted"
    assert history(runs).hash == history(story.laptop.home / "again").hash


def end_of_study(story: Story, runs: Path, n_trials: int) -> None:
    head = story.hosts[0]
    story.wait("until the study is done", lambda: not processes(head, "bin/raysearch"))
    closed = history(runs).closed
    assert closed is not None, story.terminal()
    assert closed.reason == "finished", story.terminal()
    assert f"jets: {n_trials} of {n_trials} trials, 0 failed" in story.terminal()


def bring_worker_back_and_go_on(story: Story, runs: Path) -> None:
    lost = story.hosts.pop()
    back = story.stack.enter_context(started_again(lost, story.laptop))
    story.hosts.append(back)
    wait_for_three(story)
    story.run(on_head(f"raysearch resume jets --trials +{MORE} --address auto", "--tmux "))
    story.wait(f"  until {back.name} trains", lambda: bool(processes(back, "ray::", ".train")))
    end_of_study(story, runs, TRIALS + MORE)


def browse(story: Story) -> None:
    assert "jets" in story.run(on_head("raysearch status jets"))
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
        assert "'jedinet'" in asked.stdout, asked.stdout  # the experiment is named after the task
        assert asked.stdout.endswith(f" {TRIALS + MORE + 1}\n"), "the study and its trials"
        os.killpg(tunnel.pid, signal.SIGINT)  # Ctrl-C
        head = story.hosts[0]
        story.wait("  until MLflow has ended", lambda: not processes(head, "--port 5000"))


def bring_home(story: Story) -> None:
    story.run(on_head("raysearch bundle jets"))
    story.run("ray rsync-down cluster.yaml /srv/me/jets.raysearch.tar.gz .")
    assert "jets" in story.run("raysearch unbundle jets.raysearch.tar.gz && raysearch report jets")
    (page,) = story.at_home("runs/jets/report/index.html")
    assert "jets" in page.read_text()
    story.run(f"raysearch resume jets --trials +{MORE} --runs again --local")


def take_down(story: Story) -> None:
    """Nothing stays; a machine that does not answer is named."""
    story.run(on_head("tmux kill-server"))  # what a user does who has read it
    printed = story.run("raysearch cluster down cluster.yaml")
    assert all(f"{host.address}: nothing of this cluster is left" in printed for host in story.hosts), printed
    assert [host.processes() for host in story.hosts] == [{}, {}, {}]
    *_, lost = story.hosts
    lost.kill()
    printed = story.run("raysearch cluster down cluster.yaml", code=69)
    assert f"{lost.address}: cannot be reached" in printed
