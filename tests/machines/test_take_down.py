"""`cluster down` without a cluster: which processes it ends on machines that a stand-in for ssh reaches.

The stand-in carries out `ps` and `kill` here, and shows of the processes only those that the test started.
All of it on real machines: test_up.py.
"""

from __future__ import annotations

import getpass
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from waiting import FAR_AWAY_S

from raysearch.errors import ResourceError
from raysearch.machines import take_down as take_down_module
from raysearch.machines.check_file import read_cluster_file
from raysearch.machines.cluster_files import LocalMachines, local_file
from raysearch.machines.machine_processes import (
    Process,
    addresses,
    of_others,
    of_ray,
    ray_port,
    reached,
    studies,
)
from raysearch.machines.take_down import take_down

HEAD, WORKER, GONE = "10.1.0.1", "10.1.0.2", "10.1.0.3"
OURS, THEIRS = f"{HEAD}:6379", "10.1.0.2:7001"
BIN = "/opt/venv/bin/python3"
RAY = "/opt/venv/lib/python3.11/site-packages/ray"
RAY_SCRIPT, STUDY_SCRIPT = "ray/_private/log_monitor.py", "raysearch"
SSH = """\
#!/bin/bash
# ssh OPTIONS HOST COMMAND
host=${@: -2:1} command=${@: -1}
[ -f "@FOLDER@/$host" ] || { echo "ssh: connect to host $host port 22: No route to host" >&2; exit 255; }
case $command in
ps\\ *) exec ps -ww -o pid=,ppid=,user:32=,args= -p "1,$(paste -sd, "@FOLDER@/$host")" ;;
kill\\ *) exec bash -c "$command" ;;
*) exit 255 ;;
esac
"""
SLEEPER = """\
import signal, sys, time
if "stubborn" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(7200)
"""


def listed(*lines: str) -> list[Process]:
    """Processes with these command lines; each is its predecessor's child if it begins with a blank."""
    found: list[Process] = []
    for number, line in enumerate(lines, 100):
        found.append(Process(number, number - 1 if line.startswith(" ") else 1, "anna", line.strip()))
    return found


def test_processes_of_ray_are_told_from_others_and_from_those_of_other_clusters() -> None:
    processes = listed(
        "bash",
        f"{BIN} /home/anna/ray/train.py --address=auto",
        f"{RAY}/core/src/ray/raylet/raylet --raylet_socket_name=x --gcs-address={OURS}",
        " ray::DashboardAgent",
        f"{BIN} -u {RAY}/_private/log_monitor.py --session-dir=x --gcs-address={OURS}",
        f"{RAY}/core/src/ray/raylet/raylet --gcs-address={THEIRS}",
        " ray::IDLE",
        f"{RAY}/core/src/ray/gcs/gcs_server --gcs_server_port=7001 --node-ip-address=10.1.0.2 --x=y",
        f"{BIN} -m ray.util.client.server --address={THEIRS} --host=10.1.0.2",
        f"{BIN} {RAY}/dashboard/dashboard.py --host=127.0.0.1 --gcs-address={THEIRS}",
        " ray-dashboard-JobHead-0",
        "ray::RuntimeEnvAgent",
        f"{BIN} {RAY}/_private/ray_process_reaper.py 17",
    )
    ours = [102, 103, 104, 111]  # the last outlived its raylet
    assert [each.pid for each in of_others(processes, {OURS})] == [105, 106, 107, 108, 109, 110]
    assert [each.pid for each in of_ray(processes, {OURS}, "anna")] == ours
    assert [each.pid for each in of_ray(processes, {OURS}, "root")] == ours
    assert of_ray(processes, {OURS}, "otto") == []
    assert str(processes[4]) == "log_monitor.py (process 104 of anna)"


def test_the_head_may_know_itself_by_another_address() -> None:
    head = listed(f"{RAY}/core/src/ray/gcs/gcs_server --gcs_server_port=6379 --node-ip-address=192.168.0.1")
    assert addresses(HEAD, "6379", head) == {OURS, "192.168.0.1:6379"}
    assert addresses(HEAD, "6379", listed(f"ray::x --gcs-address={THEIRS}")) == {OURS}


def test_a_study_of_this_cluster_is_known_by_its_command() -> None:
    tune = f"{BIN} /opt/venv/bin/raysearch tune jedinet --address auto"
    processes = listed(f"bash -c {tune}", tune, tune.replace("auto", THEIRS), tune.partition(" --")[0])
    assert [each.line for each in studies(processes, {OURS}, "anna")] == [tune]
    assert studies(processes, {OURS}, "root") == []  # another user's


def test_ssh_is_called_as_the_file_says(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    text = local_file(LocalMachines(head=HEAD, workers=(WORKER,), user="anna", key="/k/id"))
    path.write_text(text.replace("--port=6379", "--port 6400"))
    content = read_cluster_file(path)
    assert ray_port(content) == "6400"
    head, worker = reached(content)
    assert head.ssh[-3:] == ("-l", "anna", HEAD)
    assert worker.ssh[-3:] == ("-l", "anna", WORKER)
    assert {"-i/k/id", "BatchMode=yes"} <= {*head.ssh}
    content["provider"]["external_head_ip"] = "192.168.7.7"
    head, worker = reached(content)
    assert (head.address, head.ssh[-1]) == (HEAD, "192.168.7.7")
    assert worker.ssh[-2].startswith("ProxyCommand=ssh -i/k/id ")
    assert worker.ssh[-2].endswith("-l anna -W %h:%p 192.168.7.7")


class Machines:
    """Machines that the stand-in for ssh reaches: a file for each, with the processes on it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.started = folder, dict[str, subprocess.Popen[str]]()
        (folder / "ray/_private").mkdir(parents=True)
        for script in (RAY_SCRIPT, STUDY_SCRIPT):
            (folder / script).write_text(SLEEPER)
        self.file = folder / "cluster.yaml"
        name = f"test-{os.getpid()}"
        self.file.write_text(
            local_file(LocalMachines(name=name, head=HEAD, workers=(WORKER, GONE), user=getpass.getuser()))
        )
        for host in (HEAD, WORKER):
            (folder / host).touch()

    def start(self, host: str, name: str, *words: str) -> None:
        """Start a script under a name of its own, and put it on a host."""
        script, *arguments = words
        process = subprocess.Popen(
            [sys.executable, str(self.folder / script), *arguments],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        self.started[name] = process
        with (self.folder / host).open("a") as file:
            file.write(f"{process.pid}\n")

    def down(self) -> tuple[list[str], str]:
        """What was said, and the error in the end."""
        said: list[str] = []
        with pytest.raises(ResourceError) as raised:
            take_down(self.file, said.append)
        return said, str(raised.value)


@pytest.fixture
def machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machines]:
    (tmp_path / "bin").mkdir()
    ssh = tmp_path / "bin/ssh"
    ssh.write_text(SSH.replace("@FOLDER@", str(tmp_path)))
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))  # where `ray down` writes that the machines are free
    monkeypatch.setattr(take_down_module, "END_S", 1.0)
    made = Machines(tmp_path)
    yield made
    for process in made.started.values():
        process.kill()
        process.communicate()


def test_all_of_this_cluster_ends_another_one_stays_and_a_silent_machine_is_named(machines: Machines) -> None:
    machines.start(HEAD, "ours", RAY_SCRIPT, f"--gcs-address={OURS}")
    machines.start(HEAD, "theirs", RAY_SCRIPT, "--gcs-address=10.1.0.1:7001")
    machines.start(HEAD, "study", STUDY_SCRIPT, "tune", "jedinet", "--address", OURS)
    machines.start(WORKER, "stubborn", RAY_SCRIPT, f"--gcs-address={OURS}", "stubborn")
    machines.start(WORKER, "also theirs", RAY_SCRIPT, f"--gcs-address={THEIRS}")
    said, error = machines.down()
    assert machines.started["ours"].wait(timeout=FAR_AWAY_S) == -signal.SIGTERM
    assert machines.started["stubborn"].wait(timeout=FAR_AWAY_S) == -signal.SIGKILL
    assert machines.started["study"].wait(timeout=FAR_AWAY_S) == -signal.SIGTERM
    assert machines.started["theirs"].poll() is None
    assert machines.started["also theirs"].poll() is None
    assert said[0].startswith(f"{HEAD}: asks the study that runs there to save itself")
    assert said[1].startswith(
        f"{HEAD}: Ray of another cluster runs there too (10.1.0.1:7001), which `ray down`"
    )
    assert said[2:] == [f"{host}: nothing of this cluster is left" for host in (HEAD, WORKER)]
    told = error.splitlines()
    assert told[0].startswith(
        f"{GONE}: cannot be reached: ssh: connect to host {GONE} port 22: No route to host"
    )
    assert told[1:] == [f"when that is mended: raysearch cluster down {machines.file}"]


@pytest.mark.slow
def test_ray_down_is_carried_out_where_no_other_cluster_runs(machines: Machines) -> None:
    machines.start(HEAD, "ours", RAY_SCRIPT, f"--gcs-address={OURS}")
    said, _ = machines.down()
    assert machines.started["ours"].wait(timeout=FAR_AWAY_S) == -signal.SIGTERM
    assert said[0] == f"ray down {machines.file}"
    (noted,) = machines.folder.glob("**/cluster-*.state")
    assert json.loads(noted.read_text())[HEAD]["state"] == "terminated"
