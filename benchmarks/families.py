"""A process and all that it starts, whoever of them lives longer: processor seconds and memory of each."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
# What a process is, by words of its command line, or of the title that it gives itself.
KINDS = {
    "ray::IDLE": "idle worker",
    "ray::Implicit": "actor",
    "Agent": "Ray's agents",
    "agent": "Ray's agents",
    "gcs_server": "Ray's tables and node",
    "raylet": "Ray's tables and node",
    "dashboard": "Ray's dashboard",
    "monitor": "Ray's monitors",
    "child_ray": "starter of Ray",
    "caretaker": "caretaker of Ray",
    "mirror": "mirror",
    "report_writer": "writer of the report",
}


@dataclass
class Member:
    """One process: what it is, its processor seconds at each look, the most memory that it held."""

    kind: str
    seconds: list[tuple[float, float]] = field(default_factory=list)
    most_bytes: int = 0

    def until(self, moment_s: float) -> float:
        """Processor seconds it had taken at a moment."""
        return max((taken for looked_s, taken in self.seconds if looked_s <= moment_s), default=0.0)


class Family:
    """Looks at a process and its descendants until :meth:`finish`; shared pages count once (PSS)."""

    def __init__(self, root: int, *, with_memory: bool = False) -> None:
        self.members = {root: Member("driver")}
        self.most_bytes = 0
        self._with_memory = with_memory
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """Look no more."""
        self._is_over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._is_over.wait(0.5 if self._with_memory else 0.1):
            now_s, processes = time.time(), _processes()
            self._take_in(processes)
            there = [pid for pid in self.members if pid in processes]
            for pid in there:
                self.members[pid].seconds.append((now_s, processes[pid][1]))
                self.members[pid].kind = _kind(pid) or self.members[pid].kind
            if self._with_memory:
                held = {pid: _pss_bytes(pid) for pid in there}
                self.most_bytes = max(self.most_bytes, sum(held.values()))
                for pid, n_bytes in held.items():
                    self.members[pid].most_bytes = max(self.members[pid].most_bytes, n_bytes)

    def _take_in(self, processes: dict[int, tuple[int, float]]) -> None:
        n_known = 0
        while n_known != len(self.members):
            n_known = len(self.members)
            for pid, (parent, _) in processes.items():
                if parent in self.members:
                    self.members.setdefault(pid, Member("other"))


def _processes() -> dict[int, tuple[int, float]]:
    """Parent and processor seconds of every process."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended
        found[int(stat.parent.name)] = (int(fields[1]), (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND)
    return found


def _kind(pid: int) -> str | None:
    try:
        line = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return None
    # The log that a process of Ray is told to write names others, and so may a folder.
    words = [word for word in line.split("\0") if not word.startswith("--")][:4]
    return next((kind for mark, kind in KINDS.items() if any(mark in word for word in words)), None)


def _pss_bytes(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")), 0)
