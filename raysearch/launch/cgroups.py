"""What a container or Slurm leaves of the machine: the limits of this process's cgroups, version 1 or 2.

https://docs.kernel.org/admin-guide/cgroup-v2.html and cgroup-v1/memory.html. A group's limit binds those
below it, so all from a process's own group upwards are read. ``root`` is ``/``, or a tree like it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


def usable_cpus(root: Path = Path("/")) -> int:
    """CPUs that this process may keep busy: those it is bound to, at most its groups' share, at least one."""
    bound = len(os.sched_getaffinity(0))
    quota = cpu_quota(root)
    return bound if quota is None else max(min(bound, int(quota)), 1)


def cpu_quota(root: Path) -> float | None:
    """CPUs' worth of time that the groups give; None if they set no limit."""
    quotas = []
    for folder in _folders("cpu", root):
        quota, period = _number(folder / "cpu.cfs_quota_us"), _number(folder / "cpu.cfs_period_us")
        # Version 2 has both numbers in one file, or the word max.
        if (words := _text(folder / "cpu.max").split()) and words[0] != "max":
            quota, period = int(words[0]), int(words[1])
        if quota is not None and period and quota > 0:
            quotas.append(quota / period)
    # A group never has more than those above it, whatever its own file says.
    return min(quotas, default=None)


def memory_room(root: Path) -> int | None:
    """Bytes that the groups still give, file caches that can go counted as free; None without a limit."""
    rooms = []
    for folder in _folders("memory", root):
        for most, now, cache in (
            ("memory.max", "memory.current", "inactive_file"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ):
            limit, used = _number(folder / most), _number(folder / now)
            if limit is not None and used is not None:
                facts = dict(line.split(" ", 1) for line in _text(folder / "memory.stat").splitlines())
                rooms.append(max(limit - used + int(facts.get(cache, 0)), 0))
    return min(rooms, default=None)


def processes_room(root: Path) -> float:
    """Processes and threads that the groups still give; infinite without a limit."""
    rooms = []
    for folder in _folders("pids", root):
        limit, used = _number(folder / "pids.max"), _number(folder / "pids.current")
        if limit is not None and used is not None:
            rooms.append(float(limit - used))
    return min(rooms, default=float("inf"))


def _folders(controller: str, root: Path) -> Iterator[Path]:
    """This process's groups of a controller and those above them, in both versions."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, place = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        # Version 2 names no controllers in its line, and has one tree for all of them.
        base = root / "sys/fs/cgroup" / (controller if controllers else "")
        folder = base / place.lstrip("/")
        yield from (each for each in (folder, *folder.parents) if each.is_relative_to(base))


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # no such limit in this version or at this level
        return ""


def _number(path: Path) -> int | None:
    text = _text(path).strip()
    return int(text) if text.lstrip("-").isdecimal() else None
