"""Looks at what could take this process down (CUDA, Ray) from a child process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from raysearch.errors import ResourceError

CHILD_S = 30.0  # an import of Ray or torch from a slow disk takes ten


def ask_child(module: str, *arguments: str, limit_s: float = CHILD_S) -> dict[str, Any]:
    """Run a module of this package as a process and return what it writes, a JSON object on its last line.

    Args:
        module: name inside ``raysearch.cluster``.
        arguments: for its command line, on which secrets have no place.
        limit_s: how long it may take; it is killed then.

    Raises:
        ResourceError: it ended badly or was too slow; says how.
    """
    command = [sys.executable, "-P", "-m", f"raysearch.cluster.{module}", *arguments]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=limit_s, check=False, stdin=subprocess.DEVNULL,
            env=dict(os.environ),
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise ResourceError(f"no answer within {limit_s:g} s") from error
    lines = done.stdout.strip().splitlines()
    if done.returncode == 0 and lines:
        answer: dict[str, Any] = json.loads(lines[-1])
        return answer
    reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    raise ResourceError(f"ended with code {done.returncode}: {reason}")
