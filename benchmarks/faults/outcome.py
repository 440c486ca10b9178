"""What a study that faults were made in came to, beside the same one that nothing happened to."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.faults.goals import Bench, Result
from benchmarks.faults.sessions import Session
from benchmarks.faults.study import differences, essence, go_on, repeated_epochs
from raysearch.space.space_file import SpaceFile


def straight(bench: Bench, space_file: SpaceFile) -> dict[str, Any]:
    """The essence of a study that nothing happens to, carried out in one process."""
    folder = bench.folder / "straight"
    if problem := end_of(start(folder, space_file)):
        raise RuntimeError(problem)
    return essence(folder)


def start(folder: Path, *arguments: Any, held: bool = False, **options: Any) -> Session:
    """Have a process of its own begin a study, or go on with it; see :func:`study.go_on`."""
    return Session(partial(go_on, folder, *arguments, **options), log_of(folder), held=held)


def log_of(folder: Path) -> Path:
    """Where the drivers of a study print."""
    return folder.with_name(f"{folder.name}.log")


def end_of(session: Session) -> str:
    """Wait for a driver; what it said in the end if it did not end well."""
    code = session.wait()
    said = session.log.read_text().strip().splitlines() or ["nothing said"]
    return f"exit code {code}: {said[-1][:200]}" if code else ""


class Count:
    """The result of one study, from here to its end.

    Args:
        folder: of the study.
        reference: the essence that it should have.
    """

    def __init__(self, folder: Path, reference: dict[str, Any]) -> None:
        self._folder, self._reference, self._began = folder, reference, time.monotonic()

    def result(
        self,
        n: int,
        *problems: str,
        check: Callable[[float], str] = lambda _: "",
        late: str = "",
        note: str = "",
    ) -> Result:
        """Count ``n`` faults as survived if there is no problem and the study is the straight one.

        Args:
            n: faults that were made.
            problems: what went wrong so far, empty ones left out.
            check: given the epochs that were repeated, says what is wrong with them.
            late: what took longer than it may.
            note: what else was measured.
        """
        wrong = [problem for problem in problems if problem] or differences(self._folder, self._reference)
        repeated = 0.0 if wrong else repeated_epochs(self._folder)
        wrong += [problem] if (problem := check(repeated)) else []
        seconds = time.monotonic() - self._began
        told = "; ".join(filter(None, [*wrong, late, note]))
        return Result(n, 0 if wrong else n, len(wrong), repeated, seconds, told, late=n if late else 0)
