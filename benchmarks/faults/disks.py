"""R10: the disk is full at a hundred places of a study, down to the byte."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.faults.goals import Bench, Goal, Result
from benchmarks.faults.outcome import Count, end_of, start, straight
from benchmarks.faults.study import space
from raysearch.ledger.entries import Entry
from raysearch.ledger.history import History
from raysearch.ledger.run_records import Epoch

SPACE = space(trials=12, epochs=2)
TOLD_S = 5.0  # after which a full disk must have been told
MOST_LEFT = 40_000  # bytes; a checkpoint of the toy task has five thousand


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A disk in memory with room for a study and little more."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=70m", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill_up(filler: Path, bytes_left: int) -> None:
    """Leave so many bytes on the disk of a new file, which takes all others."""
    with filler.open("wb") as file:
        while (n := shutil.disk_usage(filler.parent).free - bytes_left) > 0:
            with suppress(OSError):  # a run has taken some in between
                os.posix_fallocate(file.fileno(), 0, n)
                return
            file.truncate(0)


def filling(filler: Path, at_trial: int, bytes_left: int) -> Callable[[Entry, History], None]:
    """A listener that fills the disk of ``filler`` when a trial has had its first epoch."""

    def listen(entry: Entry, _: History) -> None:
        if isinstance(entry.record, Epoch) and entry.record.trial == at_trial and not filler.exists():
            fill_up(filler, bytes_left)

    return listen


def sizes(bench: Bench, first: int, n: int) -> Iterator[Result]:
    """Fill the disk that a study lies on, have it say so, make room, go on."""
    reference = straight(bench, SPACE)
    for number in range(first, first + n):
        rng = random.Random(number)
        with small_disk(bench.folder / f"s{number}") as folder:
            count, filler = Count(folder, reference), folder / "filler"
            listen = filling(filler, rng.randrange(12), rng.randrange(MOST_LEFT))
            code = start(folder, SPACE, listen=listen).wait()
            full_s = time.time() - filler.stat().st_mtime
            filler.unlink()
            told = "" if code in {0, 74} else f"exit code {code} on a full disk"
            late = f"{full_s:.1f} s to tell" if full_s > TOLD_S and code else ""
            # With room for all that was left it ends as ever: that disk was not full.
            yield count.result(1, told, end_of(start(folder, SPACE)) if code else "", late=late)


def missing() -> str:
    """Why no disk can be made here, or empty."""
    if os.geteuid() != 0:
        return "only root may mount"
    tried = subprocess.run(
        ["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"],
        capture_output=True,
        text=True,
        check=False,
    )
    return tried.stderr.strip()


GOALS = (
    Goal(
        "R10",
        "disk full after a random epoch, with 0 to 40,000 bytes left: told within 5 s (exit code 74), and "
        "with room again the same study",
        100,
        5,
        sizes,
        missing,
    ),
)
