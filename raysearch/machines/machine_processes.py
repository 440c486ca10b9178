"""The machines of a cluster file as ssh reaches them; which processes there belong to its Ray."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raysearch.errors import ResourceError
from raysearch.machines.check_file import parsed_commands
from raysearch.machines.cluster_files import CARRIED_OUT
from raysearch.machines.this_machine import machines

CONNECT_S = 10
ANSWER_S = 60.0
SSH_FAILED = 255  # its own exit code, not the command's
RAY_PORT = "6379"  # where `ray start --head` listens unless told otherwise
PROCESSES = "ps -ww -eo pid=,ppid=,user:32=,args="
OF_RAY = re.compile(
    r"ray(::|-dashboard-)"
    r"|\S*/ray/core/src/ray/"
    r"|\S*python\S* (-\S+ )*\S*/ray/(_private|autoscaler/_private|dashboard)/(?!ray_process_reaper)\S+\.py "
    r"|\S*python\S* -m ray\.util\.client\.server "
)  # the reaper belongs to a `ray start --block`, which `ray up` does not use
GCS = re.compile(r"--gcs-address=(\S+)|-m ray\.util\.client\.server --address=(\S+)")
GCS_SERVER = re.compile(r"\S*/gcs_server (?=.*--gcs_server_port=(\d+))(?=.*--node-ip-address=(\S+))")
STUDY = re.compile(rf"\S*python\S* \S*raysearch ({'|'.join(CARRIED_OUT)}) .*--address[ =](\S+)")


@dataclass(frozen=True)
class Process:
    """One process on a machine."""

    pid: int
    parent: int
    user: str
    line: str

    @property
    def ray_address(self) -> str | None:
        """HOST:PORT of the head of the Ray that it belongs to, if its command line tells."""
        if found := GCS.search(self.line):
            return found[1] or found[2]
        if found := GCS_SERVER.match(self.line):
            return f"{found[2]}:{found[1]}"
        return None

    def __str__(self) -> str:
        words = self.line.split()
        script = next((word for word in words if word.endswith((".py", "/raysearch"))), words[0])
        return f"{Path(script).name} (process {self.pid} of {self.user})"


@dataclass(frozen=True)
class Machine:
    """A machine of the file, and the words that reach it by ssh."""

    address: str
    ssh: tuple[str, ...]

    def run(self, command: str) -> str:
        """Carry out a command on it and return what it printed.

        Raises:
            ResourceError: the machine does not answer, or the command failed.
        """
        try:
            done = subprocess.run(
                [*self.ssh, command],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=ANSWER_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise ResourceError(f"{self.address}: no answer within {ANSWER_S:g} s") from error
        except OSError as error:
            raise ResourceError(f"ssh cannot be started: {error.strerror or error}") from error
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            what = "cannot be reached" if done.returncode == SSH_FAILED else f"`{command}` failed"
            raise ResourceError(f"{self.address}: {what}: {reason}")
        return done.stdout

    def processes(self) -> list[Process]:
        """What runs on it. Raises as :meth:`run`."""
        # The command line last, for it alone may hold blanks.
        found = [line.split(maxsplit=3) for line in self.run(PROCESSES).splitlines()]
        return [
            Process(int(words[0]), int(words[1]), words[2], words[3]) for words in found if len(words) == 4
        ]

    def signal(self, name: str, processes: Iterable[Process]) -> None:
        """Send a signal to processes; those that ended meanwhile are passed over. Raises as :meth:`run`."""
        # Some of them may have ended since they were looked at.
        self.run(f"kill -{name} {' '.join(str(each.pid) for each in processes)} 2>/dev/null || true")


def reached(content: Mapping[str, Any]) -> list[Machine]:
    """The machines of a file with provider local, the head first, each with the words that reach it by ssh.

    With ``provider.external_head_ip`` the workers are reached through the head.
    """
    auth = content["auth"]
    options = [f"-i{Path(auth['ssh_private_key']).expanduser()}"] if auth.get("ssh_private_key") else []
    for option in (
        "StrictHostKeyChecking=no",  # as `ray up` itself
        "UserKnownHostsFile=/dev/null",
        "LogLevel=ERROR",
        "IdentitiesOnly=yes",
        "BatchMode=yes",
        f"ConnectTimeout={CONNECT_S}",
        "ServerAliveInterval=5",
    ):
        options += ["-o", option]
    if auth.get("ssh_user"):
        options += ["-l", auth["ssh_user"]]
    proxy = ["-o", f"ProxyCommand={auth['ssh_proxy_command']}"] if auth.get("ssh_proxy_command") else []
    head, *workers = machines(content)
    outside = content["provider"].get("external_head_ip")
    to_head = ["ssh", *options, *proxy, outside or head]
    through = proxy
    if outside:
        # One word for ssh, which hands it to a shell; %h and %p are for ssh to fill in.
        jump = shlex.join([*to_head[:-1], "-W", "[target]", outside]).replace("'[target]'", "%h:%p")
        through = ["-o", f"ProxyCommand={jump}"]
    return [
        Machine(head, tuple(to_head)),
        *(Machine(worker, ("ssh", *options, *through, worker)) for worker in workers),
    ]


def ray_port(content: Mapping[str, Any]) -> str:
    """The port of the cluster's head."""
    ports = [
        each.option("--port")
        for _, each in parsed_commands(content)
        if each.starts_ray() and each.option("--head") is not None
    ]
    return next((port for port in ports if port), RAY_PORT)


def addresses(head: str, port: str, on_head: Sequence[Process]) -> set[str]:
    """Names under which the cluster's processes may know their head: whoever has its port there is it."""
    seen = {each.ray_address for each in on_head}
    # A head may have several addresses; the port tells that it is this cluster.
    return {f"{head}:{port}", *(each for each in seen if each and each.rpartition(":")[2] == port)}


def of_others(processes: Sequence[Process], ours: set[str]) -> list[Process]:
    """Those of the processes that belong to Ray of another cluster, or descend from one that does."""
    theirs = {each.pid for each in processes if each.ray_address and each.ray_address not in ours}
    # Workers of Ray name no address in their command lines, but their ancestors do.
    while more := {each.pid for each in processes if each.parent in theirs} - theirs:
        theirs |= more
    return [each for each in processes if each.pid in theirs]


def of_ray(processes: Sequence[Process], ours: set[str], user: str | None) -> list[Process]:
    """A user's processes of this cluster's Ray, or of one that is gone; root may end everybody's."""
    theirs = of_others(processes, ours)
    return [
        each
        for each in processes
        if OF_RAY.match(each.line) and user in {each.user, "root", None} and each not in theirs
    ]


def studies(processes: Sequence[Process], ours: set[str], user: str | None) -> list[Process]:
    """Those of a user's processes that carry out a study on this cluster."""
    return [
        each
        for each in processes
        if user in {each.user, None} and (found := STUDY.match(each.line)) and found[2] in {"auto", *ours}
    ]
