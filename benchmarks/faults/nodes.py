"""R6: machines of a cluster are lost, whole, while they train. They are three raylets of this machine."""

from __future__ import annotations

import itertools
import os
import random
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.faults.goals import Bench, Goal, Result
from benchmarks.faults.outcome import Count, end_of, start, straight
from benchmarks.faults.sessions import kill, marked, wait_for
from benchmarks.faults.study import n_records, space, steps_file
from benchmarks.faults.task import STEPS
from raysearch.launch.request import Where
from raysearch.ledger.ledger import read_entries
from raysearch.ledger.run_records import Epoch, Lost

BACK_S = 20.0  # after which the runs of a lost machine must train again
EPOCHS = 10
NODE = "RAYSEARCH_CAMPAIGN_NODE"  # in the environment of all that a machine starts


class Cluster:
    """A head and two machines beside it, of one CPU each.

    Args:
        home: for what Ray writes; its sockets need a short path.
    """

    def __init__(self, home: Path) -> None:
        self.address = f"127.0.0.1:{_free_port()}"
        (home / "token").write_text(secrets.token_hex(32))
        (home / "token").chmod(0o600)
        self.environment = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": f"{home}/token"}
        self._head = self._start("--head", f"--port={self.address.partition(':')[2]}", f"--temp-dir={home}")
        self.others = [self.join(), self.join()]

    def join(self) -> str:
        """Add a machine and return its mark."""
        return self._start(f"--address={self.address}")

    def _start(self, *options: str) -> str:
        mark = uuid.uuid4().hex
        command = [f"{Path(sys.executable).parent}/ray", "start", "--num-cpus=1", "--disable-usage-stats"]
        command += ["--include-dashboard=false"] if "--head" in options else []
        command += ["--object-store-memory=100000000", *options]
        environment = {**os.environ, **self.environment, NODE: mark}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)
        return mark

    def lose(self, mark: str) -> None:
        """End all processes of a machine at once, as a power cut does."""
        while found := marked(mark):
            for pid in found:
                kill(pid)

    def close(self) -> None:
        """End all machines."""
        for mark in (*self.others, self._head):
            self.lose(mark)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A cluster that ends with the block."""
    home = Path(tempfile.mkdtemp(prefix="rs-", dir="/tmp"))
    found = Cluster(home)
    before = {name: os.environ.get(name) for name in found.environment}
    os.environ.update(found.environment)
    try:
        yield found
    finally:
        found.close()
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
        shutil.rmtree(home, ignore_errors=True)


def losses(bench: Bench, first: int, n: int) -> Iterator[Result]:
    """Lose machines of one study, one after another; another one joins each time."""
    n_trials = 4 + 3 * n
    reference = straight(bench, space(trials=n_trials, epochs=EPOCHS))
    folder, rng = bench.folder / f"s{first}", random.Random(first)
    os.environ[STEPS] = str(steps_file(folder))  # before the machines begin, which count the steps
    count = Count(folder, reference)
    lost_at: list[float] = []
    with cluster() as machines:
        slow = space(trials=n_trials, epochs=EPOCHS, pause_s=0.1)
        session = start(folder, slow, Where(address=machines.address))
        while len(lost_at) < n:
            # It works again, on all machines, and some way on.
            wanted = n_records(folder) + 12
            wait_for(lambda: n_records(folder) >= wanted or not session.is_running, "epochs")  # noqa: B023
            if not session.is_running:
                break
            victim = machines.others.pop(rng.randrange(2))
            lost_at.append(time.time())
            machines.lose(victim)
            machines.others.append(machines.join())
        problem = end_of(session)
    away = _seconds_away(folder, lost_at)
    longest = max(away, default=0.0)
    late = f"back to work after {longest:.0f} s" if longest > BACK_S else ""
    note = f"{len(away)} runs were lost, back at work after {longest:.1f} s at most"
    yield count.result(len(lost_at), problem, late=late, note=note)


def _seconds_away(folder: Path, lost_at: list[float]) -> list[float]:
    """For each run that was lost with a machine: from then to the next epoch of it."""
    entries = read_entries(folder)
    away = []
    for place, entry in enumerate(entries):
        record = entry.record
        if not isinstance(record, Lost):
            continue
        began = max((moment for moment in lost_at if moment * 1000 <= entry.time_ms), default=None)
        again = next(
            (
                later.time_ms
                for later in itertools.islice(entries, place, None)
                if isinstance(later.record, Epoch) and later.record.trial == record.trial
            ),
            None,
        )
        if began is not None and again is not None:
            away.append(again / 1000 - began)
    return away


GOALS = (
    Goal(
        "R6",
        "a machine of three is lost with all its processes: all trials finish, the lost runs train again "
        f"within {BACK_S:g} s, nothing of a lost attempt counts",
        10,
        1,
        losses,
    ),
)
