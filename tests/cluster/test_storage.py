"""Before the first run, every node proves that it shares the study's folder."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from heads import free_ports
from test_clusters import raysearch  # how a user calls it
from waiting import FAR_AWAY_S

from raysearch.cluster.storage import judge

NODES = {"a": "one (10.0.0.1)", "b": "two (10.0.0.2)", "c": "three (10.0.0.3)"}
GOOD: dict[str, str | None] = dict.fromkeys(NODES)
ALL: dict[str, object] = {node: [] for node in NODES}


def test_nodes_that_share_are_not_at_fault() -> None:
    assert judge(NODES, GOOD, ALL, []) == []


@pytest.mark.parametrize(
    ("wrote", "saw", "here", "said"),
    [
        (GOOD | {"b": "No such file or directory"}, {"a": [], "c": []}, [], ["two (10.0.0.2): cannot write"]),
        (GOOD, {"a": ["b"], "b": ["a", "c"], "c": ["b"]}, ["b"], ["two (10.0.0.2): what it writes there"]),
        (GOOD, ALL | {"c": ["a"]}, [], ["three (10.0.0.3): does not see what was written by one (10.0.0.1)"]),
        (GOOD, ALL | {"c": "no answer within 60 s"}, [], ["three (10.0.0.3): cannot read there: no answer"]),
        (
            {"a": None, "b": "Read-only file system", "c": None},
            {"a": [], "c": "worker died"},
            [],
            ["two (10.0.0.2): cannot write there: Read-only", "three (10.0.0.3): cannot read"],
        ),
    ],
)
def test_every_node_at_fault_is_named_and_no_other(
    wrote: dict[str, str | None], saw: dict[str, object], here: list[str], said: list[str]
) -> None:
    faults = judge(NODES, wrote, saw, here)
    assert len(faults) == len(said)
    assert all(fault.startswith(start) for fault, start in zip(faults, said, strict=True))


class Nodes:
    """A head, and nodes that join it, as `ray start` makes them."""

    def __init__(self) -> None:
        self.home = tempfile.mkdtemp(prefix="rs-", dir="/tmp")  # Ray's sockets need a short path
        Path(self.home, "token").write_text("a" * 64)
        self.token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": f"{self.home}/token"}
        self.port, client = free_ports(2)
        self.processes: list[subprocess.Popen[str]] = []
        head = [
            "--head",
            f"--port={self.port}",
            f"--ray-client-server-port={client}",
            "--include-dashboard=false",
        ]
        self.start([], *head, "--num-cpus=1")

    def start(self, before: list[str], *options: str) -> None:
        ray = [f"{Path(sys.executable).parent}/ray", "start", "--block", "--disable-usage-stats"]
        process = subprocess.Popen(
            [*before, *ray, f"--temp-dir={self.home}/{len(self.processes)}", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **self.token, "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0"},
        )
        self.processes.append(process)
        assert process.stdout is not None
        printed = []
        for line in process.stdout:
            printed.append(line)
            if "Ray runtime started" in line:
                return
        pytest.fail("".join(printed))

    def join(self, *before: str) -> None:
        self.start(list(before), f"--address=127.0.0.1:{self.port}", "--num-cpus=1")

    def end(self) -> None:
        for process in reversed(self.processes):
            process.terminate()  # it ends what it started
            process.wait(timeout=FAR_AWAY_S)


@pytest.fixture
def nodes() -> Iterator[Nodes]:
    nodes = Nodes()
    yield nodes
    nodes.end()


@pytest.mark.ray_cluster
def test_a_node_with_storage_of_its_own_stops_the_study_before_its_first_run(
    nodes: Nodes, toy_space: Path
) -> None:
    """The second node sees an empty disk where the studies lie: it runs in a mount namespace of its own."""
    if os.geteuid() or subprocess.run(["unshare", "-m", "true"], check=False).returncode:
        pytest.skip("needs the right to mount")
    folder, address = toy_space.parent, f"127.0.0.1:{nodes.port}"
    (folder / "runs").mkdir()
    mount = 'mount -t tmpfs none "$0" && exec "$@"'
    nodes.join("unshare", "-m", "sh", "-c", mount, str(folder / "runs"))
    tune = ("tune", "toy.yaml", "--name", "s")
    printed = raysearch(folder, *tune, "--address", address, **nodes.token)
    assert printed.startswith("73\n"), printed
    assert "must lie on storage that all nodes share" in printed
    assert printed.count("cannot write there: No such file or directory") == 1
    assert "trial 0 started" not in printed
    assert list((folder / "runs/s").glob(".nodes-*")) == []

    nodes.processes.pop().terminate()
    nodes.join()  # now with the same storage
    command = ("cluster", "wait", "--nodes", "2", "--address", address)
    assert raysearch(folder, *command, **nodes.token).startswith("0\n")
    printed = raysearch(folder, "resume", "s", "--address", address, **nodes.token)
    assert printed.startswith("0\n"), printed
    assert list((folder / "runs/s").glob(".nodes-*")) == []
