"""R11: a checkpoint that a run goes on from, or that is kept, is cut, flipped, gone or another's."""

from __future__ import annotations

import os
import random
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.faults.goals import Bench, Goal, Result
from benchmarks.faults.outcome import Count, end_of, start, straight
from benchmarks.faults.study import space
from raysearch.ledger.entries import Entry
from raysearch.ledger.history import History
from raysearch.ledger.run_records import Epoch

EPOCHS, TRIALS = 6, 3
SPACE = space(trials=TRIALS, epochs=EPOCHS)
Damage = Callable[[Path, random.Random], None]


def dying(trial: int, epoch: int) -> Callable[[Entry, History], None]:
    """A listener that kills its own process when a trial has had an epoch."""

    def listen(entry: Entry, _: History) -> None:
        record = entry.record
        if isinstance(record, Epoch) and (record.trial, record.epoch) == (trial, epoch):
            os.kill(os.getpid(), signal.SIGKILL)

    return listen


def cut(path: Path, rng: random.Random) -> None:
    """Cut a file at a random length, 0 among them."""
    os.truncate(path, rng.randrange(path.stat().st_size))


def flip(path: Path, rng: random.Random) -> None:
    """Flip one bit of a file."""
    content = bytearray(path.read_bytes())
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


def remove(path: Path, _: random.Random) -> None:
    """Remove a file."""
    path.unlink()


def swap(path: Path, rng: random.Random) -> None:
    """Give a checkpoint the content of another one of the study."""
    others = sorted(other for other in path.parents[3].rglob("*.pt") if other != path)
    path.write_bytes(rng.choice(others).read_bytes())


DAMAGES: tuple[Damage, ...] = (cut, flip, remove, swap)


def corruptions(bench: Bench, first: int, n: int) -> Iterator[Result]:
    """Kill a study after a random epoch, damage one of its checkpoints, go on."""
    reference = straight(bench, SPACE)
    for number in range(first, first + n):
        rng, folder = random.Random(number), bench.folder / f"s{number}"
        count = Count(folder, reference)
        start(folder, SPACE, listen=dying(rng.randrange(TRIALS), rng.randint(1, EPOCHS - 1))).wait()
        damaged = rng.choice(sorted(folder.glob("trials/**/*.pt")))
        damage = DAMAGES[number % len(DAMAGES)]
        damage(damaged, rng)
        result = count.result(1, end_of(start(folder, SPACE)))
        what = f"{damage.__name__} of {damaged.name.partition('-')[0]}"
        told = f"{what}: {result.note}" if result.note else ""
        yield Result(1, result.survived, result.lost, result.repeated, result.seconds, told)
        shutil.rmtree(folder)


GOALS = (
    Goal(
        "R11",
        "a checkpoint cut, flipped, removed or swapped before the resume: never loaded, same weights",
        400,
        12,
        corruptions,
    ),
)
