"""End a cluster that `ray up` made, on all of its machines.

On machines of one's own `ray down` ends Ray on the head alone: Ray's provider cannot switch machines off and
only notes that they are free again. What is missing is done here over ssh, as the file says, and other
clusters are left alone.
"""

from __future__ import annotations

import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raysearch.errors import ResourceError
from raysearch.machines.check_file import read_cluster_file
from raysearch.machines.machine_processes import (
    Machine,
    Process,
    addresses,
    of_others,
    of_ray,
    ray_port,
    reached,
    studies,
)

DOWN_S = 600.0
SAVE_S = 120.0  # a study may take so long to save itself
END_S = 20.0  # Ray's processes may take so long to end by themselves
PAUSE_S = 0.5
Say = Callable[[str], None]
Which = Callable[[Sequence[Process]], list[Process]]


@dataclass(frozen=True)
class Found:
    """What runs on the machines that answer, and what is wrong with the others."""

    running: dict[Machine, list[Process]]
    problems: list[str]


def take_down(path: Path, say: Say) -> None:
    """End the cluster of a file, on all of its machines. Of Amazon's machines `ray down` leaves none.

    A study that runs on the head is asked to save itself before. Ray of other clusters on these machines is
    left alone.

    Args:
        path: the file that it was made with.
        say: takes each line of progress.

    Raises:
        InputError: the file's form is wrong.
        ResourceError: `ray down` failed, a machine did not answer, or something is left; all of it.
    """
    content = read_cluster_file(path)
    # Machines that are rented end with all that runs on them.
    if content["provider"]["type"] != "local":
        _ray_down(path, say)
        return
    head, *workers = reached(content)
    found = _look([head, *workers])
    on_head = found.running.get(head, [])
    ours = addresses(_resolved(head.address), ray_port(content), on_head)
    problems = list(found.problems)
    user = (content.get("auth") or {}).get("ssh_user")
    if studies(on_head, ours, user):
        say(
            f"{head.address}: asks the study that runs there to save itself; "
            "`raysearch resume` goes on with it"
        )
        # TERM alone: a study that is killed loses the epochs since its last checkpoints.
        problems += _end({head: on_head}, lambda all_: studies(all_, ours, user), ("TERM",), SAVE_S)
    if head in found.running:
        problems += _end_head(path, head, of_others(on_head, ours), user, say)
    # Anew: `ray down` has ended some of them, and their numbers may be others by now.
    running = _look(list(found.running)).running
    problems += _end(running, lambda all_: of_ray(all_, ours, user), ("TERM", "KILL"), END_S)
    for machine in running:
        if not any(problem.startswith(f"{machine.address}:") for problem in problems):
            say(f"{machine.address}: nothing of this cluster is left")
    if problems:
        raise ResourceError(
            "\n".join([*problems, f"when that is mended: raysearch cluster down {shlex.quote(str(path))}"])
        )


def _resolved(host: str) -> str:
    """Its number, as Ray's processes have it in their command lines; its name if only machines know it."""
    try:
        return socket.gethostbyname(host)
    except OSError:
        return host


def _look(machines: Sequence[Machine]) -> Found:
    # At once: a machine that does not answer costs its minute once, not one after the other.
    answers = _on_all(machines, Machine.processes)
    running = {
        machine: answer
        for machine, answer in zip(machines, answers, strict=True)
        if not isinstance(answer, ResourceError)
    }
    silent = [f"{answer}; Ray may still run on it" for answer in answers if isinstance(answer, ResourceError)]
    return Found(running, silent)


def _on_all(machines: Sequence[Machine], what: Callable[[Machine], Any]) -> list[Any]:
    """Do something with all machines at once; its result for each, or why it failed."""

    def result(machine: Machine) -> Any:  # noqa: ANN401 - whatever is done
        try:
            return what(machine)
        except ResourceError as error:
            return error

    with ThreadPoolExecutor(max_workers=max(len(machines), 1)) as pool:
        return list(pool.map(result, machines))


def _end(
    running: Mapping[Machine, Sequence[Process]], which: Which, signals: Sequence[str], limit_s: float
) -> list[str]:
    """End processes on all machines, one signal after the other, and wait; what stands against it.

    Args:
        running: the processes on each machine.
        which: of them are to end.
        signals: names of signals; each but the first for what did not heed the one before.
        limit_s: how long to wait after each.
    """
    problems: list[str] = []
    left = {machine: which(processes) for machine, processes in running.items()}
    for signal in signals:
        left = {machine: processes for machine, processes in left.items() if processes}
        _on_all(list(left), lambda machine: machine.signal(signal, left[machine]))  # noqa: B023 - at once
        # One deadline for all machines, which end theirs at the same time.
        deadline = time.monotonic() + limit_s
        while left and time.monotonic() < deadline:
            time.sleep(PAUSE_S)
            found = _look(list(left))
            problems += found.problems
            left = {machine: rest for machine, all_ in found.running.items() if (rest := which(all_))}
    return [
        *problems,
        *(f"{machine.address}: left are {', '.join(map(str, rest))}" for machine, rest in left.items()),
    ]


def _end_head(path: Path, head: Machine, theirs: Sequence[Process], user: str | None, say: Say) -> list[str]:
    """Carry out `ray down`, which ends every Ray of a user on the head, but not another's; what failed."""
    in_reach = sorted(
        {each.ray_address for each in theirs if each.ray_address and user in {each.user, "root", None}}
    )
    if in_reach:
        say(
            f"{head.address}: Ray of another cluster runs there too ({', '.join(in_reach)}), which "
            "`ray down` would end; left out"
        )
        return []
    try:
        _ray_down(path, say)
    except ResourceError as error:
        return [str(error)]
    return []


def _ray_down(path: Path, say: Say) -> None:
    """Carry out `ray down`.

    Raises:
        ResourceError: it failed, with the end of what it said, or did not end.
    """
    say(f"ray down {path}")
    command = [sys.executable, "-m", "ray.scripts.scripts", "down", "-y", str(path)]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=DOWN_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ResourceError(f"`ray down` was not done within {DOWN_S:g} s") from error
    if done.returncode:
        raise ResourceError(f"`ray down` failed with exit code {done.returncode}:\n{done.stdout[-3000:]}")
