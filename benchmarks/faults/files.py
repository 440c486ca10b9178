"""R12: data that were changed since a study began, and files that never were data: refused before a run."""

from __future__ import annotations

import os
import random
import shutil
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import yaml

from benchmarks.faults.checkpoints import cut, flip
from benchmarks.faults.goals import Bench, Goal, Result
from benchmarks.faults.outcome import end_of
from benchmarks.faults.sessions import Session
from raysearch.data.jets.files import SAMPLE
from raysearch.errors import InputError, StorageError
from raysearch.launch.begin import create_study
from raysearch.launch.prepare import prepare
from raysearch.launch.unchanged import check_unchanged
from raysearch.space.space_file import SpaceFile

N_JETS = 1000
FLIPS, CUTS, WRONG = 200, 100, 40
Change = Callable[[h5py.File, random.Random], None]


def write_jets(path: Path) -> None:
    """Write the first jets of the sample that ships, with nothing compressed, so that every byte is data."""
    with h5py.File(SAMPLE) as sample, h5py.File(path, "w") as out:
        for name, dataset in sample.items():
            out[name] = dataset[:N_JETS] if len(dataset) > N_JETS else dataset[:]


def space_of(path: Path) -> SpaceFile:
    """The smallest network that ships, on a file."""
    content = yaml.safe_load((Path(__file__).parents[2] / "searchspaces/jet-dnn.yaml").read_text())
    del content["published"]
    return SpaceFile.model_validate(content | {"data": {"path": str(path)}})


def _replace(file: h5py.File, name: str, values: object) -> None:
    del file[name]
    file[name] = values


def _without_a_dataset(file: h5py.File, rng: random.Random) -> None:
    del file[
        rng.choice(["jetConstituentList", "jets", "particleFeatureNames"])
    ]  # without jetFeatureNames it is told


def _not_finite(file: h5py.File, rng: random.Random) -> None:
    file["jets"][rng.randrange(N_JETS), rng.randrange(16)] = rng.choice([np.nan, np.inf, -np.inf])


def _rows_missing(file: h5py.File, rng: random.Random) -> None:
    _replace(file, "jets", file["jets"][: rng.randrange(1, N_JETS)])


def _of_another_type(file: h5py.File, rng: random.Random) -> None:
    name = rng.choice(["jets", "jetConstituentList"])
    _replace(file, name, np.full(file[name].shape, b"x"))


def _of_another_shape(file: h5py.File, rng: random.Random) -> None:
    _replace(file, "jets", file["jets"][:, : rng.randrange(1, 50)])


def _outside(file: h5py.File, rng: random.Random) -> None:
    del file["jets"]
    file["jets"] = h5py.ExternalLink(f"/etc/passwd-{rng.random()}", "jets")


def _no_class(file: h5py.File, rng: random.Random) -> None:
    file["jets"][rng.randrange(N_JETS), 53:] = 0.0


def _empty(file: h5py.File, _: random.Random) -> None:
    for name in ("jets", "jetConstituentList", "event"):
        _replace(file, name, file[name][:0])


CHANGES: tuple[Change, ...] = (
    *(_without_a_dataset, _not_finite, _rows_missing, _of_another_type),
    *(_of_another_shape, _outside, _no_class, _empty),
)


def damaged_data(bench: Bench, first: int, n: int) -> Iterator[Result]:
    """Begin a study, change its data with the old time stamp, go on; or begin with what is no data."""
    sound = bench.folder / "sound.h5"
    write_jets(sound)
    for place in range(first, first + n):
        # Spread, so that a short form has some of each kind.
        number = place * 37 % (FLIPS + CUTS + WRONG)
        folder = bench.folder / f"s{number}"
        folder.mkdir()
        shutil.copy(sound, folder / "jets.h5")
        began = time.monotonic()
        problem = _wrong_file(folder, number) if number >= FLIPS + CUTS else _changed_file(folder, number)
        yield Result(1, int(not problem), int(bool(problem)), 0, time.monotonic() - began, problem)
        shutil.rmtree(folder)


def _wrong_file(folder: Path, number: int) -> str:
    """Have a study refused that would begin with a wrong file; what is wrong if it is not."""
    data, change = folder / "jets.h5", CHANGES[number % len(CHANGES)]
    with h5py.File(data, "r+") as file:
        change(file, random.Random(number))
    return _unless_refused(folder, partial(prepare, space_of(data), folder), change.__name__.strip("_"))


def _changed_file(folder: Path, number: int) -> str:
    """Have a study refused whose data were changed since it began, in another process."""
    data, study = folder / "jets.h5", folder / "study"
    begin = Session(lambda: create_study(prepare(space_of(data), folder), study, 1).close(), folder / "log")
    if problem := end_of(begin):
        return problem
    before, damage = data.stat(), flip if number < FLIPS else cut
    damage(data, random.Random(number))
    os.utime(data, ns=(before.st_atime_ns, before.st_mtime_ns))
    return _unless_refused(folder, partial(check_unchanged, study, allow_skew=False), damage.__name__)


def _unless_refused(folder: Path, work: Callable[[], object], what: str) -> str:
    code = Session(work, folder / "log").wait()
    return "" if code in {InputError.exit_code, StorageError.exit_code} else f"{what}: exit code {code}"


GOALS = (
    Goal(
        "R12",
        "data with a bit flipped or cut short behind an old time stamp, and files that are none: refused "
        "before the first run",
        FLIPS + CUTS + WRONG,
        20,
        damaged_data,
    ),
)
