"""A Ray of this machine's own: started by a process of its own, while the driver checks a study.

This file imports no Ray, which takes a second; what it starts does (:mod:`raysearch.cluster.child_ray`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from raysearch.cluster.caretaker import Caretaker
from raysearch.cluster.environment import prepare_environment, ray_folder
from raysearch.errors import ResourceError
from raysearch.launch.cgroups import usable_cpus
from raysearch.launch.request import Where
from raysearch.launch.run_environment import visible

LIMIT_S = 600.0  # for what takes seconds, and minutes on a machine that is overloaded
_ahead: list[OwnRay] = []  # that nobody has asked for yet


class OwnRay:
    """A Ray that is being started, and later the one that runs.

    Args:
        named: variables that its processes are given beside the usual ones.
    """

    def __init__(self, named: Collection[str]) -> None:
        prepare_environment(None)
        self.named = frozenset(named)
        # Ray counts the machine's CPUs, of which a container or a job may have a share only.
        command = [sys.executable, "-P", "-m", "raysearch.cluster.child_ray"]
        self._caretaker = Caretaker(ray_folder())
        self._starter = subprocess.Popen(
            [*command, str(usable_cpus()), str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=visible(os.environ, named),  # which all of this Ray's processes inherit
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
def ray_ahead(where: Where, named: Collection[str]) -> Iterator[None]:
    """Start a Ray, where one will be wanted, beside what goes on meanwhile; end it if nobody asked for it.

    Raises:
        ResourceError: the environment switches Ray's token off.
    """
    if where.address is None and not where.in_process:
        _ahead.append(OwnRay(named))
    try:
        yield
    finally:
        while _ahead:
            _ahead.pop().end()


def own_ray(named: Collection[str]) -> OwnRay:
    """The Ray that was started ahead for runs that see the same variables, else one that is started now."""
    return _ahead.pop() if _ahead and _ahead[-1].named == frozenset(named) else OwnRay(named)
