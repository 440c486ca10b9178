"""R1, R2, R18: SIGKILL of the driver at random moments. R5: of the processes that train."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.faults.goals import Bench, Goal, Result
from benchmarks.faults.outcome import Count, end_of, start, straight
from benchmarks.faults.sessions import Session, command_line, kill, wait_for
from benchmarks.faults.study import HERE, ON_RAY, n_records, space
from raysearch.launch.request import Where
from raysearch.ledger.history import read_history
from raysearch.space.space_file import SpaceFile

ORPHANS_S = 10.0  # after which nothing of a study may be left
TRAINS = b"ray::ImplicitFunc"  # what Ray calls a process that carries a run out


def driver_kills(
    bench: Bench, first: int, n: int, *, where: Where, each: int, most_records: int
) -> Iterator[Result]:
    """Carry studies out whose drivers are killed again and again.

    Args:
        bench: where.
        first: number of the first kill.
        n: how many.
        where: what carries the runs out.
        each: kills of one study, unless it ends before.
        most_records: how far a driver gets at most.
    """
    space_file = space(trials=40)
    reference = straight(bench, space_file)
    done = first
    while done < first + n:
        folder = bench.folder / f"s{done}"
        count, rng, left = Count(folder, reference), random.Random(folder.name), []
        n_kills = 0
        session = start(folder, space_file, where)
        while n_kills < min(each, first + n - done) and kill_at_random(session, folder, rng, most_records):
            n_kills += 1
            if where is ON_RAY and n_kills % 2:  # every other one is resumed at once, among the orphans
                left.append(_seconds_to_be_alone(session))
            session = start(folder, space_file, where)
        yield count.result(n_kills, end_of(session))
        done += max(n_kills, 1)
        if left:
            yield _orphans(left)


def kill_at_random(session: Session, folder: Path, rng: random.Random, most_records: int) -> bool:
    """Kill a driver some records on, at no particular place; True if it was still at work."""
    wanted = n_records(folder) + rng.randint(0, most_records)
    wait_for(lambda: n_records(folder) >= wanted or not session.is_running, "more records")
    time.sleep(rng.random() * 0.05)  # chance, not synchronisation: between two records as well
    return session.kill()


def _seconds_to_be_alone(session: Session) -> float:
    """How long after a kill processes of the session are left."""
    began = time.monotonic()
    wait_for(lambda: not session.processes(), "the end of what a killed driver left")
    return time.monotonic() - began


def _orphans(left: list[float]) -> Result:
    n_late = sum(each > ORPHANS_S for each in left)
    return Result(
        len(left), len(left), 0, 0, sum(left), f"{max(left):.1f} s at most", goal="R18", late=n_late
    )


def worker_kills(bench: Bench, first: int, n: int) -> Iterator[Result]:
    """Kill processes that train, at random moments, in studies whose driver goes on."""
    reference = straight(bench, space(trials=12, epochs=8))
    slow = space(trials=12, epochs=8, pause_s=0.1)
    done = first
    while done < first + n:
        result = _with_worker_kills(bench.folder / f"s{done}", slow, reference, first + n - done)
        yield result
        done += max(result.tries, 1)


def _with_worker_kills(folder: Path, slow: SpaceFile, reference: dict[str, Any], most: int) -> Result:
    count, rng, n_kills = Count(folder, reference), random.Random(folder.name), 0
    session = start(folder, slow, ON_RAY)
    while session.is_running and n_kills < most:
        wanted = n_records(folder) + 2
        wait_for(lambda: n_records(folder) >= wanted or not session.is_running, "epochs")  # noqa: B023
        time.sleep(rng.random())  # chance, not synchronisation
        n_kills += _kill_one_that_trains(session, folder, rng)
    return count.result(
        n_kills,
        end_of(session),
        check=lambda repeated: f"{repeated:g} epochs repeated" if repeated > n_kills else "",
    )


def _kill_one_that_trains(session: Session, folder: Path, rng: random.Random) -> bool:
    """Kill one, unless a run has been lost so often that another loss would be blamed on it."""
    if any(run.lost >= 2 for trial in read_history(folder).trials for run in trial.runs if not run.ended):
        return False
    found = training(session)
    return bool(found) and kill(rng.choice(found))


def training(session: Session) -> list[int]:
    """Ray's processes of a session that carry runs out."""
    return sorted(pid for pid in session.processes() if command_line(pid).startswith(TRAINS))


GOALS = (
    Goal(
        "R1",
        "`kill -9` of the driver at a random moment, runs on Ray: same history, weights and test figures",
        60,
        2,
        partial(driver_kills, where=ON_RAY, each=6, most_records=60),
    ),
    Goal(
        "R2",
        "the same with the runs in the driver",
        500,
        20,
        partial(driver_kills, where=HERE, each=25, most_records=20),
    ),
    Goal(
        "R5",
        "`kill -9` of a process that trains: same weights, an epoch repeated at most",
        50,
        2,
        worker_kills,
    ),
)
