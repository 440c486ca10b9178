"""The processes of a run, on whatever machines: how the driver finds those of one that hangs, and ends them.

Each process of an attempt (a Tune actor, a worker of its group, an actor of its population) has a file in the
attempt's folder that it holds open while it trains. Its name says node and process; into it the process
writes its Python stack when it hears SIGUSR2, from a handler in C that needs no lock of Python. Such a file
tells nothing of an honest run and is gone when the run is over.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from raysearch.errors import StorageError
from raysearch.training.order import Order

SUFFIX = ".process"
ANSWER_S = 2.0  # for the stacks; who writes none by then is ended without
TASK_S = 30.0  # for a machine to end its processes; one that does not answer is as good as lost
STACK_LINES = 25
_TRAINS = "raysearch/training/"  # in the stack of the thread that does


@contextmanager
def findable(order: Order) -> Iterator[None]:
    """Have the driver find this process as one of the attempt's.

    Raises:
        StorageError: the disk is full or failed.
    """
    name = f"{ray.get_runtime_context().get_node_id()}-{os.getpid()}{SUFFIX}"
    path = order.run_folder / f"attempt-{order.attempt}" / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        opened = path.open("w", encoding="utf-8")
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}") from error
    with opened as file:
        faulthandler.register(signal.SIGUSR2, file=file, all_threads=True, chain=False)
        try:
            yield
        finally:
            faulthandler.unregister(signal.SIGUSR2)
            path.unlink(missing_ok=True)


def machines_of(attempt_folder: Path) -> set[str]:
    """Ids of the machines on which processes of an attempt are, or were when they were killed."""
    return {_machine_of(path) for path in attempt_folder.glob(f"*{SUFFIX}")}


def _machine_of(path: Path) -> str:
    return path.stem.rpartition("-")[0]


def end_processes(attempt_folder: Path) -> str:
    """End all processes of an attempt.

    Returns:
        The Python stacks of the threads that train, as far as they could be had.
    """
    by_node: dict[str, list[Path]] = {}
    for path in sorted(attempt_folder.glob(f"*{SUFFIX}")):
        by_node.setdefault(_machine_of(path), []).append(path)
    here = ray.get_runtime_context().get_node_id()
    stacks = [
        _end_here(paths) if node == here else _end_there(node, paths) for node, paths in by_node.items()
    ]
    return "\n".join(filter(None, stacks))


def _end_there(node: str, paths: list[Path]) -> str:
    where = NodeAffinitySchedulingStrategy(node, soft=False)
    task = ray.remote(_end_here).options(num_cpus=0, max_retries=0, scheduling_strategy=where).remote(paths)
    try:
        return ray.get(task, timeout=TASK_S)
    # A machine that is gone took its processes along; Ray says so, in one of several ways.
    except (ray.exceptions.RayError, TimeoutError) as error:
        return f"machine {node[:8]} gave no answer: {type(error).__name__}"


def _end_here(paths: list[Path]) -> str:
    """Have processes of this machine write their stacks, and kill them."""
    held = {path: int(path.stem.rpartition("-")[2]) for path in paths}
    held = {path: pid for path, pid in held.items() if _holds(pid, path)}
    for pid in held.values():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGUSR2)
            os.kill(
                pid, signal.SIGCONT
            )  # one that was stopped writes nothing; what it does now counts no more
    deadline = time.monotonic() + ANSWER_S
    while not all(path.stat().st_size for path in held) and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.1)  # a stack is written line by line
    for pid in held.values():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    stacks = [training_stack(path.read_text(encoding="utf-8", errors="replace")) for path in held]
    for path in paths:
        path.unlink(missing_ok=True)
    return "\n".join(filter(None, stacks))


def _holds(pid: int, path: Path) -> bool:
    """Whether a process has a file open; another one may have got the number of one that has died."""
    with suppress(OSError):
        wanted = path.stat()
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):  # closed in the meantime
                if os.path.samestat(descriptor.stat(), wanted):
                    return True
    return False


def training_stack(text: str) -> str:
    """Of what faulthandler wrote of a process, the threads in which raysearch trains; of no such, nothing."""
    threads = [thread.strip() for thread in text.split("\n\n")]
    lines = [
        line for thread in threads if _TRAINS in thread for line in thread.splitlines()[: STACK_LINES + 1]
    ]
    return "\n".join(lines)
