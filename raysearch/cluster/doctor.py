"""`raysearch doctor`: what its checks find, and how many are carried out at once without waiting for ever for one.

A check is a function without arguments that yields findings. None writes anything that stays, and none starts a Ray or
a server. Each has a thread of its own, which is left behind (it ends with the process) if it gives no answer in time, as
on a dead network mount. What could take this process down (CUDA, Ray) is looked at by a child process.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from raysearch.errors import RaysearchError, ResourceError

LIMIT_S = 40.0  # for all checks together
CHILD_S = 30.0  # an import of Ray or torch from a slow disk takes ten


@dataclass(frozen=True)
class Finding:
    """What a check found; ``advice`` says what to do, ``exit_code`` is 0 unless it is a fault."""

    level: Literal["ok", "warning", "fault"]
    name: str
    found: str
    advice: str = ""
    exit_code: int = 0


Check = Callable[[], Iterable[Finding]]


def ok(name: str, found: str) -> Finding:
    """Nothing to do."""
    return Finding("ok", name, found)


def warning(name: str, found: str, advice: str) -> Finding:
    """Studies run, but worse or less safely than they could."""
    return Finding("warning", name, found, advice)


def fault(name: str, found: str, advice: str, exit_code: int = ResourceError.exit_code) -> Finding:
    """Something will not work."""
    return Finding("fault", name, found, advice, exit_code)


def examine(checks: Mapping[str, Check], limit_s: float = LIMIT_S) -> Iterator[Finding]:
    """Carry out all checks at once.

    Args:
        checks: by name.
        limit_s: for all of them; one that is not ready by then is a fault.

    Yields:
        What they find, in the order of the checks.
    """
    deadline = time.monotonic() + limit_s
    answers: dict[str, queue.SimpleQueue[list[Finding]]] = {name: queue.SimpleQueue() for name in checks}
    for name, check in checks.items():
        threading.Thread(target=_carry_out, args=(name, check, answers[name]), daemon=True).start()
    for name, answer in answers.items():
        try:
            yield from answer.get(timeout=max(deadline - time.monotonic(), 0.0))
        except queue.Empty:
            yield fault(
                name,
                f"no answer within {limit_s:g} s",
                "is a disk or network that it needs gone? Look, and repeat",
            )


def _carry_out(name: str, check: Check, answer: queue.SimpleQueue[list[Finding]]) -> None:
    try:
        answer.put(list(check()))
    except RaysearchError as error:
        answer.put([fault(name, " ".join(str(error).split()), "see docs/reliability.md", error.exit_code)])
    except Exception as error:  # noqa: BLE001 - a broken machine must not keep the other checks from being shown
        answer.put([fault(name, f"cannot be looked at: {type(error).__name__}: {error}", "report this")])


def exit_code(findings: Iterable[Finding]) -> int:
    """The heaviest fault's: 74 (storage) before 73 (folder) before 69 (something is missing); 0 without a fault."""
    return max((each.exit_code for each in findings), default=0)


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
