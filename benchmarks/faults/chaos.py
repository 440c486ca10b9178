"""R22: one random fault every ten seconds, of seven kinds, in studies on Ray, for twenty minutes."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.faults.checkpoints import flip
from benchmarks.faults.disks import missing, small_disk
from benchmarks.faults.goals import Bench, Goal, Result
from benchmarks.faults.kills import training
from benchmarks.faults.outcome import Count, end_of, start, straight
from benchmarks.faults.sessions import Session, kill, wait_for
from benchmarks.faults.study import ON_RAY, n_records, space
from raysearch.ledger.history import read_history

EVERY_S = 10.0
TRIALS, EPOCHS = 24, 10
STOPPED_S, FULL_S = 5.0, 2.0


@dataclass
class Victim:
    """A study under way, and what chance has in store for it."""

    folder: Path
    session: Session
    rng: random.Random

    def worker(self) -> int | None:
        """A process that trains, unless a run has been lost so often that one more would be its fault."""
        trials = read_history(self.folder).trials
        if any(run.lost >= 2 for trial in trials for run in trial.runs if not run.ended):
            return None
        found = training(self.session)
        return self.rng.choice(found) if found else None


def worker_killed(victim: Victim) -> None:
    """End a process that trains."""
    if (pid := victim.worker()) is not None:
        kill(pid)


def driver_killed(victim: Victim) -> None:
    """End the driver, and it alone."""
    victim.session.kill()


def driver_asked(victim: Victim) -> None:
    """Ask the driver to stop, as Slurm does."""
    victim.session.send(signal.SIGTERM)
    victim.session.wait()


def _paused(pid: int | None) -> None:
    if pid is not None and kill(pid, signal.SIGSTOP):
        time.sleep(STOPPED_S)
        kill(pid, signal.SIGCONT)


def worker_paused(victim: Victim) -> None:
    """Stop a process that trains for some seconds."""
    _paused(victim.worker())


def driver_paused(victim: Victim) -> None:
    """Stop the driver for some seconds."""
    _paused(victim.session.pid)


def disk_full(victim: Victim) -> None:
    """Have no byte left on the study's disk for some seconds."""
    filler = victim.folder / "filler"
    with suppress(OSError), filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(victim.folder).free)
    time.sleep(FULL_S)
    filler.unlink()


def checkpoint_flipped(victim: Victim) -> None:
    """Flip a bit in a checkpoint, and have a kill make the run go on from it."""
    found = sorted(victim.folder.glob("trials/**/last-*.pt"))
    with suppress(OSError):  # gone by now
        if found:
            flip(victim.rng.choice(found), victim.rng)
    worker_killed(victim)


FAULTS: tuple[Callable[[Victim], None], ...] = (
    *(worker_killed, driver_killed, driver_asked, worker_paused, driver_paused),
    *(disk_full, checkpoint_flipped),
)


def chaos(bench: Bench, first: int, n: int) -> Iterator[Result]:
    """Carry studies out among faults, until there were ``n``."""
    reference = straight(bench, space(trials=TRIALS, epochs=EPOCHS))
    done = first
    while done < first + n:
        folder = bench.folder / f"s{done}"
        with ExitStack() as stack:
            if not missing():
                stack.enter_context(small_disk(folder))
            count = Count(folder, reference)
            n_faults, problem, kinds = _study_among_faults(folder, first + n - done)
            yield count.result(n_faults, problem, note=", ".join(sorted(kinds)))
        done += max(n_faults, 1)


def _study_among_faults(folder: Path, most: int) -> tuple[int, str, set[str]]:
    rng, slow, kinds, n_faults = random.Random(folder.name), space(TRIALS, EPOCHS, pause_s=0.1), set(), 0
    possible = [fault for fault in FAULTS if not missing() or fault is not disk_full]
    session = start(folder, slow, ON_RAY)
    while n_faults < most:
        due = time.monotonic() + EVERY_S
        wait_for(lambda: time.monotonic() > due or not session.is_running, "the next fault")  # noqa: B023
        if session.is_running and n_records(folder):
            fault = rng.choice(possible)
            kinds.add(fault.__name__.replace("_", " "))
            fault(Victim(folder, session, rng))
            n_faults += 1
        elif session.is_running:
            continue
        if not session.is_running:
            if _is_wrong(session.wait()):
                return n_faults, end_of(session), kinds
            if session.wait() == 0:
                return n_faults, "", kinds
            session = start(folder, slow, ON_RAY)
    problem = end_of(session)
    while problem and not _is_wrong(session.wait()):  # a fault that it was stopped by in the end
        session = start(folder, slow, ON_RAY)
        problem = end_of(session)
    return n_faults, problem, kinds


def _is_wrong(code: int) -> bool:
    """Whether a driver has ended as no fault of ours can have it: not well, by a signal or by a full disk."""
    # SIGTERM itself: it came before a driver that had just been started listened.
    return code not in {0, -signal.SIGKILL, -signal.SIGTERM, 128 + signal.SIGTERM, 74}


GOALS = (
    Goal(
        "R22",
        "every 10 s one of: a process that trains killed or paused, the driver killed, paused or asked to "
        "stop, the disk full, a checkpoint damaged",
        120,
        6,
        chaos,
    ),
)
