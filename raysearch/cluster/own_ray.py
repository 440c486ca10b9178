"""A Ray of this machine's own: started by a process of its own, while the driver checks a study.

This file imports no Ray, which takes a second; what it starts does (:mod:`raysearch.cluster.child_ray`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from raysearch.cluster.caretaker import Caretaker
from raysearch.cluster.environment import prepare_environment, ray_folder
from raysearch.cluster.places import WorkerResources
from raysearch.errors import ResourceError
from raysearch.launch.cgroups import usable_cpus
from raysearch.launch.request import Where
from raysearch.launch.run_environment import visible

if TYPE_CHECKING:
    from raysearch.space.sections import ResourcesSection

LIMIT_S = 600.0  # for what takes seconds, and minutes on a machine that is overloaded
_ahead: list[OwnRay] = []  # that nobody has asked for yet


class OwnRay:
    """A Ray that is being started, and later the one that runs.

    Args:
        resources: what runs get; its processes are given the variables named there beside the usual ones.
        runs: how many there will be, where that is known; so many processes at most are started for them.
    """

    def __init__(self, resources: ResourcesSection, runs: int | None = None) -> None:
        prepare_environment(None)
        self.named = frozenset(resources.environment)
        order = {
            # Ray counts the machine's CPUs, of which a container or a job may have a share only.
            "cpus": usable_cpus(),
            "driver": os.getpid(),
            "each": asdict(WorkerResources.of(resources)),
            "workers": resources.least_workers,
            "runs": runs,
        }
        command = [sys.executable, "-P", "-m", "raysearch.cluster.child_ray"]
        self._caretaker = Caretaker(ray_folder())
        self._starter = subprocess.Popen(
            [*command, json.dumps(order)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=visible(os.environ, self.named),  # which all of this Ray's processes inherit
            start_new_session=True,  # Ctrl-C is the driver's, which ends what it has started
        )

    def address(self) -> str:
        """Wait until it is up.

        Raises:
            ResourceError: it cannot be started, or takes far too long.
        """
        try:
            lines = self._starter.communicate(timeout=LIMIT_S)[0].splitlines()
        except subprocess.TimeoutExpired as error:
            raise ResourceError(f"a local Ray cannot be used: not up after {LIMIT_S:.0f} s") from error
        answer = json.loads(lines[-1]) if lines else {"problem": "its processes were ended"}
        if "problem" in answer:
            raise ResourceError(f"a local Ray cannot be used: {answer['problem']}")
        self._caretaker.look_after(Path(answer["session"]))
        found: str = answer["address"]
        return found

    def end(self) -> None:
        """End it, and have its folder go; also one that is not up yet."""
        self._starter.kill()
        self._starter.wait()
        if self._starter.stdout is not None:
            self._starter.stdout.close()
        self._caretaker.finish()


@contextmanager
def ray_ahead(where: Where, resources: ResourcesSection, runs: int) -> Iterator[None]:
    """Start a Ray, where one will be wanted, beside what goes on meanwhile; end it if nobody asked for it.

    Raises:
        ResourceError: the environment switches Ray's token off.
    """
    if where.address is None and not where.in_process:
        _ahead.append(OwnRay(resources, runs))
    try:
        yield
    finally:
        while _ahead:
            _ahead.pop().end()


def own_ray(resources: ResourcesSection) -> OwnRay:
    """The Ray that was started ahead for runs that see the same variables, else one that is started now."""
    is_for_them = _ahead and _ahead[-1].named == frozenset(resources.environment)
    return _ahead.pop() if is_for_them else OwnRay(resources)
