"""What a stranger gets from a cluster that was started as the cluster file says: nothing but what stands here."""

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

CHECKOUT = Path(__file__).resolve().parents[2]
HOST = "10.78.0.1"
ALONE = (
    "ip link set lo up && ip link add v0 type veth peer name v1 && ip addr add {host}/24 dev v0 && ip link set v0 up"
    ' && ip link set v1 up && exec "$@"'
).format(host=HOST)
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


@pytest.fixture
def home() -> Iterator[Path]:
    """Ray's sockets need a short path."""
    if os.geteuid() or not shutil.which("unshare") or not shutil.which("ip"):
        pytest.skip("needs root, unshare and iproute2")
    folder = Path(tempfile.mkdtemp(prefix="rs-", dir="/tmp"))
    yield folder
    shutil.copytree(
        folder, "/tmp/doors/home", dirs_exist_ok=True, symlinks=True, ignore=shutil.ignore_patterns("sockets")
    )
    shutil.rmtree(folder, ignore_errors=True)


def head_command(home: Path) -> str:
    """The command of ``cluster.yaml``, without the autoscaler, which would log in to other machines."""
    (command,) = yaml.safe_load((CHECKOUT / "cluster.yaml").read_text())["head_start_ray_commands"]
    words = [word for word in command.split() if not word.startswith("--autoscaling-config")]
    assert len(words) == len(command.split()) - 1
    return " ".join([*words, f"--node-ip-address={HOST}", "--num-cpus=2", f"--temp-dir={home}/ray"])


def try_all(home: Path) -> dict[str, Any]:
    (home / ".ray").mkdir(mode=0o700)
    (home / ".ray/auth_token").write_text("a" * 64)
    (home / "slow.py").write_text(TASK)
    space = (
        TOY_SPACE.format(task="x")
        .replace("x:Toy", "slow.py:Slow")
        .replace("\nsearch:", "\n  pause_s: 2.0\nsearch:")
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
        timeout=500,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.ray_cluster
def test_every_door_is_closed_or_known(home: Path) -> None:
    found = try_all(home)
    print(json.dumps(found, indent=1))
