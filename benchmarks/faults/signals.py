"""R14: a study on Ray is asked to stop, at a random moment, and goes on later."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Iterator
from contextlib import suppress

from benchmarks.faults.goals import Bench, Goal, Result
from benchmarks.faults.outcome import Count, end_of, start, straight
from benchmarks.faults.sessions import wait_for
from benchmarks.faults.study import HERE, ON_RAY, n_records, space

# The signal, how often it is sent, and the seconds that a driver has to end.
STOPS = ((signal.SIGINT, 1, 10), (signal.SIGTERM, 1, 20), (signal.SIGINT, 2, 10), (signal.SIGHUP, 1, 20))
CHILDREN_S = 5.0  # after which nothing of the study runs any more
SPACE = space(trials=12)


def stops(bench: Bench, first: int, n: int) -> Iterator[Result]:
    """Stop studies, and carry each to its end in this process."""
    reference = straight(bench, SPACE)
    for number in range(first, first + n):
        which, times, limit_s = STOPS[number % len(STOPS)]
        folder, rng = bench.folder / f"s{number}", random.Random(number)
        count = Count(folder, reference)
        session = start(folder, SPACE, ON_RAY)
        wanted = rng.randint(5, 30)
        wait_for(lambda: n_records(folder) >= wanted or not session.is_running, "records")  # noqa: B023
        asked = time.monotonic()
        for _ in range(times):
            session.send(which)
            time.sleep(0.3)  # as a hand does
        code, took_s = session.wait(), time.monotonic() - asked
        with suppress(TimeoutError):
            wait_for(lambda: not session.processes(), "its children", CHILDREN_S)  # noqa: B023
        wrong = "" if code in {0, 128 + which} else f"{which.name} x {times}: exit code {code}"
        late = [
            "" if took_s <= limit_s else f"{which.name} x {times}: took {took_s:.0f} s",
            ""
            if not session.processes()
            else f"left after {CHILDREN_S:g} s: {len(session.processes())} of its processes",
        ]
        again = end_of(start(folder, SPACE, HERE)) if code else ""
        yield count.result(1, wrong, again, late="; ".join(filter(None, late)))


GOALS = (
    Goal(
        "R14",
        "Ctrl-C (once, twice), SIGTERM, SIGHUP at a random moment: ends within 10 or 20 s with 128 + the "
        "signal's number, no process left 5 s later, the resume gives the same study",
        24,
        4,
        stops,
    ),
)
