"""What the campaign has measured so far: a JSON object a line, on disk before the next try begins."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.faults.goals import Result
from raysearch import __version__
from raysearch.files import sync
from raysearch.launch.cgroups import usable_cpus
from raysearch.launch.versions import cpu_model


@dataclass(frozen=True)
class Sum:
    """All results of a goal; ``notes`` are the different ones, ``where`` machines and versions."""

    tries: int
    survived: int
    lost: int
    repeated: float
    seconds: float
    late: int
    notes: list[str]
    where: list[str]
    days: list[str]


class Results:
    """The results in a folder, a file for each goal, so that several goals may be tried side by side."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._where = f"raysearch {__version__}, {cpu_model()}, {usable_cpus():g} CPUs"

    def add(self, goal: str, result: Result) -> None:
        """Append one result, durably."""
        self._folder.mkdir(parents=True, exist_ok=True)
        line = asdict(result) | {"goal": goal, "day": time.strftime("%Y-%m-%d"), "where": self._where}
        path = self._folder / f"{goal}.jsonl"
        with path.open("ab") as file:
            file.truncate(path.read_bytes().rfind(b"\n") + 1)  # the half line of one that was killed
            file.write(json.dumps(line).encode() + b"\n")
            sync(file)

    def read(self, goal: str) -> list[dict[str, Any]]:
        """All results of a goal; a last line that a kill has torn is left out."""
        path = self._folder / f"{goal}.jsonl"
        if not path.exists():
            return []
        whole, _, _ = path.read_text(encoding="utf-8").rpartition("\n")
        return [json.loads(line) for line in whole.splitlines() if line]

    def tries(self, goal: str) -> int:
        """How many tries at a goal are behind."""
        return sum(found["tries"] for found in self.read(goal))

    def sum(self, goal: str) -> Sum:
        """Add all results of a goal up."""
        found = self.read(goal)

        def added(name: str) -> Any:  # noqa: ANN401 - whole numbers or seconds
            return sum(one[name] for one in found)

        def different(name: str) -> list[str]:
            return list(dict.fromkeys(one[name] for one in found if one[name]))

        return Sum(
            *(added(name) for name in ("tries", "survived", "lost", "repeated", "seconds", "late")),
            *(different(name) for name in ("note", "where", "day")),
        )
