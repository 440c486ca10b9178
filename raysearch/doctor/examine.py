"""Many checks of `raysearch doctor` at once, without waiting for ever for one.

A check is a function without arguments that yields findings. None writes anything that stays, and none starts
a Ray or a server. Each has a thread of its own, which is left behind (it ends with the process) if it gives
no answer in time, as on a dead network mount. What could take this process down (CUDA, Ray) is looked at by a
child process (:mod:`raysearch.cluster.child`).
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterable, Iterator, Mapping

from raysearch.doctor.findings import Check, Finding, fault
from raysearch.errors import RaysearchError

LIMIT_S = 40.0  # for all checks together


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
    except Exception as error:  # noqa: BLE001 - one broken check must not hide what the others found
        answer.put([fault(name, f"cannot be looked at: {type(error).__name__}: {error}", "report this")])


def exit_code(findings: Iterable[Finding]) -> int:
    """The heaviest fault's: 74 (storage) before 73 (folder) before 69 (something missing); 0 without one."""
    return max((each.exit_code for each in findings), default=0)
