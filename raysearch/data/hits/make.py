"""Makes events of pions in the calorimeter of arXiv:1902.07987, by the simulation in cascade.py.

Work is cut into blocks, each with a seed and a Pythia of its own, so that neither the number of processes
nor the order in which they end changes a byte of the files; only the blocks in work are in memory. A file is
whole or not there: made again, the same command keeps the files that a killed one had finished.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from raysearch.data.files import sums
from raysearch.data.hits.choices import DEFAULT, LEAST_GEV, MOST_GEV, MOST_PARTICLES, Choices
from raysearch.data.hits.geometry import paper_sensors
from raysearch.data.hits.recipe import BlockOrder, HitBlock, Recipe
from raysearch.data.hits.writer import HitFile, write_hits
from raysearch.data.made_files import (
    MADE,
    Progress,
    kept_files,
    make_files,
    not_rising,
    too_few,
    write_provenance,
)
from raysearch.data.made_in_order import made_in_order, silence_libraries
from raysearch.data.made_versions import Versions, versions_in
from raysearch.errors import InputError, ResourceError

FILE = 10_000  # events in a file
LIBRARIES = ("pythia8mc", "h5py", "numpy", "torch")


def make_hits(
    folder: Path,
    events: int,
    seed: int,
    workers: int = 1,
    *,
    choices: Choices = DEFAULT,
    progress: Progress = lambda *_: None,
) -> list[Path]:
    """Make events of pions with momenta spread evenly, and ``provenance.json`` beside them.

    Work is done in fresh processes: a script that calls this needs ``if __name__ == "__main__"``.

    Args:
        folder: where the files go; created if need be, and may hold files of the same command.
        events: how many.
        seed: the same seed gives the same bytes with any number of workers.
        workers: processes at a time.
        choices: what events are made.
        progress: called with (events there, events asked for) after each block.

    Returns:
        The files, in order.

    Raises:
        InputError: ``events``, ``workers``, choices or ``folder`` cannot be used; lists all faults.
        ResourceError: the extra ``hep`` or Pythia's data are not there, or a process was killed.
        FolderError: the folder cannot be made.
        StorageError: a file cannot be written.
    """
    whole = Recipe(seed, 0, events, choices)
    wanted = dict(_files(folder, whole))
    kept, versions = _check(folder, whole, workers, wanted)
    make_files(folder, wanted, kept, lambda orders: _made(orders, workers), _write, progress, versions.told())
    _write_provenance(list(wanted), whole, versions)
    return list(wanted)


def _files(folder: Path, whole: Recipe) -> Iterator[tuple[Path, Recipe]]:
    """Each file with all that decides its content."""
    for number, first in enumerate(range(0, whole.events, FILE)):
        recipe = replace(whole, first=first, events=min(FILE, whole.events - first))
        yield folder / f"pions_{number}_{first}_{first + recipe.events}.h5", recipe


def _write(path: Path, recipe: Recipe, blocks: Iterator[HitBlock], told: Callable[[int], None]) -> None:
    file = HitFile(
        path,
        recipe.events,
        recipe.choices.particles[1],
        paper_sensors(),
        attributes={MADE: recipe.text()},
        first_event=recipe.first,
    )
    write_hits(file, blocks, told)


def _check(
    folder: Path, whole: Recipe, workers: int, wanted: Mapping[Path, Recipe]
) -> tuple[set[Path], Versions]:
    """The files that are there already, and with what they and the others are made."""
    problems = too_few(events=whole.events, workers=workers)
    fewest, most = whole.choices.particles
    if not 1 <= fewest <= most <= MOST_PARTICLES:
        problems.append(f"particles: must rise from 1 to {MOST_PARTICLES} at most, got {fewest},{most}")
    problems += not_rising("energies", whole.choices.momentum_gev, LEAST_GEV, MOST_GEV)
    kept, unlike = kept_files(folder, wanted)
    versions, mixed = versions_in(folder, wanted, kept, LIBRARIES)
    if problems or unlike or mixed:
        raise InputError(*problems, *unlike, *mixed)
    if importlib.util.find_spec("pythia8mc") is None:
        raise ResourceError("making hits needs pythia8mc: pip install 'raysearch[hep]'")
    return kept, versions


def _made(orders: list[BlockOrder], workers: int) -> Iterator[HitBlock]:
    # In processes also with one worker: Pythia keeps global state, and prints.
    return made_in_order(_make, orders, workers, "hits", silence_libraries)


def _make(order: BlockOrder) -> HitBlock:
    from raysearch.data.hits.block import make_block  # noqa: PLC0415  needs the extra `hep`

    return make_block(order)


def _write_provenance(files: list[Path], recipe: Recipe, versions: Versions) -> None:
    record = {
        **recipe.told(),
        "what": "a simulation whose response, resolution and electromagnetic part follow from parameters "
        "that were set, not predicted; collisions with nucleons are Pythia's",
        "parameters_are": "raysearch/data/hits/model.py: cross-sections on nuclei, energy loss, the visible "
        "part of slow hadrons, and all of electromagnetic showers (hep-ex/0001020)",
        "detector": "30 x 30 cm2 x 2 m of solid tungsten, 20 layers, 2,102 sensors, after arXiv:1902.07987 "
        "and jkiesele/miniCalo; none of their data is in these files",
        "order": "particles by x, y, z of the sensor in which they left most",
        "files": {name: {"sha256": sha} for name, sha in sums(files).items()},
        **versions.told(),
    }
    write_provenance(files, record)
