"""R3: every single write and sync of a ledger, and every rename of a checkpoint, fails or kills the driver.

``strace`` is attached to a driver that waits, and makes its N-th call of a kind fail; N goes through all.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.faults.goals import Bench, Goal, Result
from benchmarks.faults.outcome import Count, end_of, start, straight
from benchmarks.faults.sessions import wait_for
from benchmarks.faults.study import space
from raysearch.ledger.ledger import FILE_NAME

SPACE = space(trials=12, epochs=2)
ATTACHED_S = 60.0
# Calls by kind, whether only those on the ledger, and what becomes of one. Written so that of any n tries in
# a row all kinds have their share.
LEDGER = (("write", "error=EIO"), ("write", "error=ENOSPC"), ("write", "signal=KILL"))
SYNC = (("fsync", "error=EIO"), ("fsync", "signal=KILL"))
RENAME = (("/^rename", "error=ENOSPC"), ("/^rename", "signal=KILL"))
Fault = tuple[str, str, bool, int]


def faults(bench: Bench) -> list[Fault]:
    """All faults of the sweep: call, what becomes of it, whether only on the ledger, and which one."""
    folder = bench.folder / "counted"
    counts = {}
    for call, on_ledger in (("write", True), ("fsync", True), ("/^rename", False)):
        trace = _traced(folder, call, "", on_ledger=on_ledger)
        counts[call] = len(re.findall(r"^(?:\d+ +)?\w+\(.*= -?\d", trace, re.MULTILINE))
        shutil.rmtree(folder)
    kinds = [(*kind, kind[0] != "/^rename") for kind in (*LEDGER, *SYNC, *RENAME)]
    return [
        (call, action, on_ledger, number)
        for number in range(1, max(counts.values()) + 1)
        for call, action, on_ledger in kinds
        if number <= counts[call]
    ]


def sweep(bench: Bench, first: int, n: int) -> Iterator[Result]:
    """One fault a study, then the study goes on."""
    reference = straight(bench, SPACE)
    every = faults(bench)
    # Spread over the sweep, so that a short form sees its beginning, middle and end.
    for place in range(first, min(first + n, len(every))):
        call, action, on_ledger, number = every[place * 101 % len(every)]
        folder = bench.folder / f"s{place}"
        count = Count(folder, reference)
        _traced(folder, call, f"{action}:when={number}", on_ledger=on_ledger)
        result = count.result(1, end_of(start(folder, SPACE)))
        told = f"{call} {number} {action}: {result.note}" if result.note else ""
        yield Result(result.tries, result.survived, result.lost, result.repeated, result.seconds, told)
        shutil.rmtree(folder)


def _traced(folder: Path, call: str, fault: str, *, on_ledger: bool) -> str:
    """Begin a study under strace, and return what strace wrote."""
    session = start(folder, SPACE, held=True)
    with tempfile.NamedTemporaryFile("r") as trace:
        command = ["strace", "-f", "-o", trace.name, "-e", f"trace={call}", "-p", str(session.pid)]
        command += ["-e", f"inject={call}:{fault}"] if fault else []
        command += ["-P", str(folder / FILE_NAME)] if on_ledger else []
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as tracer:
            status = Path(f"/proc/{session.pid}/status")
            wait_for(lambda: "TracerPid:\t0\n" not in status.read_text(), "strace", ATTACHED_S)
            session.let_go()
            session.wait()
            tracer.wait()
        return trace.read()


def missing() -> str:
    """Why strace cannot be used here, or empty."""
    if shutil.which("strace") is None:
        return "there is no strace"
    tried = subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, text=True, check=False)
    return "" if tried.returncode == 0 else tried.stderr.strip().splitlines()[0]


GOALS = (
    Goal(
        "R3",
        "each single write and sync of the ledger and rename of a checkpoint fails (EIO, ENOSPC) or kills",
        340,  # all that there are in such a study
        8,
        sweep,
        missing,
    ),
)
