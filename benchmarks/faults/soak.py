"""R23: ten thousand tiny runs in one process: memory, open files, ledger. R17: a replay of a thousand."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.faults.goals import Bench, Goal, Result
from benchmarks.faults.outcome import end_of
from benchmarks.faults.sessions import Session
from benchmarks.faults.study import go_on, space
from raysearch.ledger.entries import Entry
from raysearch.ledger.history import History, read_history
from raysearch.ledger.ledger import FILE_NAME, Ledger
from raysearch.ledger.run_records import Committed
from raysearch.study.study import Study

KILOBYTES_A_TRIAL = 1.0  # of memory that a driver should gain at most
LEDGER_BYTES_A_TRIAL = 2048
REPLAY_S = 5.0
RANDOM = {"sampler": "random", "options": {}}


def soak(bench: Bench, first: int, n: int) -> Iterator[Result]:
    """Carry so many runs out in one study and look at its driver after each hundred."""
    del first  # a soak that was interrupted begins anew
    folder, seen, began = bench.folder / "s", bench.folder / "seen.jsonl", time.monotonic()
    work = partial(go_on, folder, space(trials=n, epochs=1, search=RANDOM), listen=partial(_look, seen))
    problem = end_of(Session(work, bench.folder / "s.log"))
    looks = [json.loads(line) for line in seen.read_text().splitlines()]
    second_half = looks[len(looks) // 2 :]
    n_trials = max(second_half[-1]["trial"] - second_half[0]["trial"], 1)
    slope = (second_half[-1]["kilobytes"] - second_half[0]["kilobytes"]) / n_trials
    files = {look["files"] for look in looks}
    per_trial = (folder / FILE_NAME).stat().st_size / n
    committed = read_history(folder).n_committed
    wrong = [
        problem,
        "" if committed == n else f"{committed} of {n} committed",
        "" if len(files) == 1 else f"open files between {min(files)} and {max(files)}",
        "" if per_trial <= LEDGER_BYTES_A_TRIAL else "the ledger grows too fast",
    ]
    told = [f"{slope:.1f} kB of memory and {per_trial:.0f} bytes of ledger a trial", *filter(None, wrong)]
    told += [] if slope <= KILOBYTES_A_TRIAL else [f"the goal of {KILOBYTES_A_TRIAL:g} kB is not met"]
    survived = 0 if any(wrong) else n
    yield Result(n, survived, n - committed, 0, time.monotonic() - began, "; ".join(told))


def _look(seen: Path, entry: Entry, _: History) -> None:
    """Write down what the driver has, after every hundredth trial."""
    record = entry.record
    if isinstance(record, Committed) and record.trial % 100 == 99:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        look = {
            "trial": record.trial,
            "kilobytes": pages * os.sysconf("SC_PAGE_SIZE") / 1024,
            "files": len(list(Path("/proc/self/fd").iterdir())),
        }
        with seen.open("a") as file:
            file.write(json.dumps(look) + "\n")


def replay(bench: Bench, first: int, n: int) -> Iterator[Result]:
    """Take a search by TPE of many trials up again."""
    del first
    folder = bench.folder / "s"
    problem = end_of(Session(partial(go_on, folder, space(trials=n, epochs=1)), bench.folder / "s.log"))
    began = time.monotonic()
    with Ledger(folder) as ledger:
        Study(ledger, lambda *_: None)
    seconds = time.monotonic() - began
    note = f"{seconds:.1f} s for {n:,} trials {problem}".strip()
    late = n if seconds > REPLAY_S else 0
    yield Result(n, 0 if problem else n, 0, 0, seconds, note, late=late)


GOALS = (
    Goal("R17", "a search by TPE of 1,000 trials is replayed from its ledger within 5 s", 1000, 100, replay),
    Goal(
        "R23",
        "10,000 runs in one driver: none lost, no file left open, 2 kB of ledger and 1 kB of memory each",
        10_000,
        300,
        soak,
    ),
)
