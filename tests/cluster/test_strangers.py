"""What a stranger gets from a cluster started as the cluster file says: nothing but what stands here."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from toy import TOY_SPACE, TOY_TASK
from waiting import FAR_AWAY_S

pytestmark = pytest.mark.ray_cluster

CHECKOUT = Path(__file__).resolve().parents[2]
HOST = "10.78.0.1"
ALONE = (
    f"ip link set lo up && ip link add v0 type veth peer name v1 && ip addr add {HOST}/24 dev v0 && ip link "
    "set v0 up"
    ' && ip link set v1 up && exec "$@"'
)
TASK = f"""
import os, sys
from pathlib import Path
sys.path.insert(0, {str(TOY_TASK.parent)!r})
from toy_task import Toy, ToySettings

class Slow(Toy):
    Settings = ToySettings

    def optimizer(self, settings, parameters):
        if "RAY_JOB_ID" in os.environ:  # not the rehearsal
            (Path(__file__).parent / "trains").touch()
        return super().optimizer(settings, parameters)
"""


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """Ray's sockets need a short path."""
    if os.geteuid() or not shutil.which("unshare") or not shutil.which("ip"):
        pytest.skip("needs root, unshare and iproute2")
    folder = Path(tempfile.mkdtemp(prefix="rs-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def head_command(home: Path) -> str:
    """The command of ``cluster.yaml``, without the autoscaler, which would log in to other machines."""
    (command,) = yaml.safe_load((CHECKOUT / "cluster.yaml").read_text())["head_start_ray_commands"]
    words = [word for word in command.split() if not word.startswith("--autoscaling-config")]
    assert len(words) == len(command.split()) - 1
    return " ".join([*words, f"--node-ip-address={HOST}", "--num-cpus=2", f"--temp-dir={home}/ray"])


@pytest.fixture(scope="module")
def found(home: Path) -> dict[str, Any]:
    """All doors, and what each lets a stranger do."""
    (home / ".ray").mkdir(mode=0o700)
    (home / ".ray/auth_token").write_text("a" * 64)
    (home / "slow.py").write_text(TASK)
    space = (
        TOY_SPACE.format(task="x")
        .replace("x:Toy", "slow.py:Slow")
        .replace("\nsearch:", "\n  pause_s: 2.0\nsearch:")
        .replace("epochs: 4", "epochs: 400")  # the first run outlasts all that is tried
    )
    (home / "toy.yaml").write_text(space + "resources: {workers: 2}\n")
    inside = [
        "unshare",
        "--net",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
        "bash",
        "-c",
        ALONE,
        "alone",
    ]
    command = [*inside, sys.executable, str(Path(__file__).with_name("strangers.py")), head_command(home)]
    env = {
        **os.environ,
        "HOME": str(home),
        "RAY_AUTH_MODE": "token",
        "MLFLOW_TRACKING_URI": f"sqlite:///{home}/mlflow.db",
    }
    env["PATH"] = f"{Path(sys.executable).parent}:{env['PATH']}"
    done = subprocess.run(
        [*command, f"{HOST}:6379", str(home)],
        env=env,
        text=True,
        capture_output=True,
        check=False,
        timeout=FAR_AWAY_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


# What a Ray of this version opens on the head, with a study whose runs have two workers; docs/security.md
# says what a stranger could do with each. A kind that is not here is a new door: look at it, mend the page.
DOORS = {
    ("gcs_server", "grpc"),
    ("raylet", "grpc"),  # node manager and object manager
    ("raysearch.cli.main", "grpc"),
    ("worker", "grpc"),
    ("worker", "other"),  # of data-parallel runs: torch's store and gloo
    ("ray::DashboardAgent", "grpc"),
    ("ray::DashboardAgent", "http"),
    ("ray::DashboardAgent", "metrics"),
    ("ray::RuntimeEnvAgent", "http"),
    ("ray.util.client.server", "grpc"),
    ("dashboard.py", "http"),
    ("dashboard.py", "metrics"),
    ("monitor.py", "metrics"),
}
# Of gRPC itself, on the ports of Ray's C++ programs: who is connected, whether it is well, names of services.
OPEN_SERVICES = ("/grpc.channelz.v1.", "/grpc.health.v1.", "/grpc.reflection.v1alpha.")
PAGE = {"/", "/favicon.ico", "/static/x"}
HEALTH = {"/api/healthz", "/api/local_raylet_healthz"}
OPEN_PATHS = {
    "dashboard.py": PAGE | HEALTH | {"/api/gcs_healthz", "/-/healthz", "/api/authentication_mode"},
    "ray::DashboardAgent": HEALTH,
    "ray::RuntimeEnvAgent": set[str](),
}
LOGIN = "/api/authenticate"  # takes the token, so it looks for it itself


def test_every_grpc_service_refuses(found: dict[str, Any]) -> None:
    assert found["is_alive"], "some call stopped the study"
    assert found["rpcs"] > 120, "they are no longer found"
    for door in of_kind(found, "grpc"):
        assert [name for name in door["lets"] if not name.startswith(OPEN_SERVICES)] == [], door


def test_every_route_of_the_dashboards_refuses(found: dict[str, Any]) -> None:
    assert found["routes"] > 60, "they are no longer found"
    for door in of_kind(found, "http"):
        public = OPEN_PATHS[door["program"]]
        for what, codes in door["lets"].items():
            method, path = what.split()
            if path == LOGIN:
                assert set(codes) <= {401, 403, 405}, (door["program"], what, codes)
            else:
                assert path in public, (door["program"], what, codes)
            assert 200 not in codes or method in {"GET", "HEAD"}, (door["program"], what, codes)


def test_there_are_no_other_doors(found: dict[str, Any]) -> None:
    assert {(door["program"], door["kind"]) for door in found["doors"]} == DOORS
    assert all(door["lets"] == {} for door in of_kind(found, "metrics"))
    assert {door["address"] for door in of_kind(found, "other")} <= {"127.0.0.1", HOST}
    assert [d["address"] for d in of_kind(found, "http") if d["program"] == "dashboard.py"] == ["127.0.0.1"]


def test_ray_still_ends_when_a_stranger_names_no_node(found: dict[str, Any]) -> None:
    """Not ours to mend; when it is mended, docs/security.md has to say so."""
    assert found["head_ends"]


def of_kind(found: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [door for door in found["doors"] if door["kind"] == kind]
