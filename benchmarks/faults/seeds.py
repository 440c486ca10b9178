"""R24: one seed on 1, 2 and 4 slots, with runs that take a random time: one history, the same weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from benchmarks.faults.goals import Bench, Goal, Result
from benchmarks.faults.outcome import Count, end_of, straight
from benchmarks.faults.sessions import Session
from benchmarks.faults.study import ON_RAY, carry, check, space
from raysearch.cluster.open_executor import executor_for
from raysearch.launch.cgroups import usable_cpus
from raysearch.space.space_file import SpaceFile

SLOTS = (1, 2, 4)
STUDIES = 6  # of one Ray
JITTER_S = 0.05  # the longest pause of a step


def slots(bench: Bench, first: int, n: int) -> Iterator[Result]:
    """Carry the same study out again and again, several on one Ray."""
    reference = straight(bench, space(trials=12))
    for begin in range(first, first + n, STUDIES):
        numbers = range(begin, min(begin + STUDIES, first + n))
        studies = {
            bench.folder / f"s{number}": space(
                trials=12, jitter_s=JITTER_S, resources__cpus=usable_cpus() / SLOTS[number % len(SLOTS)]
            )
            for number in numbers
        }
        counts = {folder: Count(folder, reference) for folder in studies}
        problem = end_of(Session(partial(_carry_out, studies), bench.folder / f"s{begin}.log"))
        for count in counts.values():
            result = count.result(1, problem)
            yield Result(1, result.survived, result.lost, 0, result.seconds / len(counts), result.note)


def _carry_out(studies: Mapping[Path, SpaceFile]) -> None:
    from raysearch.cluster.tune_executor import TuneExecutor  # noqa: PLC0415 - Ray reads the environment

    checked = {folder: check(folder, space_file) for folder, space_file in studies.items()}
    with executor_for(ON_RAY, next(iter(studies.values())).resources):
        for folder, each in checked.items():
            carry(folder, each, TuneExecutor(each.space_file.resources))


GOALS = (
    Goal(
        "R24",
        "one seed on 1, 2 and 4 slots of Ray, runs of random length: one history, the same weights",
        30,
        1,
        slots,
    ),
)
