"""Makes events of pions in the calorimeter of arXiv:1902.07987, by the simulation in cascade.py.

Work is cut into blocks, each with a seed and a Pythia of its own, so that neither the number of processes
nor the order in which they end changes a byte of the files; only the blocks in work are in memory. A file is
whole or not there: made again, the same command keeps the files that a killed one had finished.
"""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import importlib.util
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

from raysearch import __version__
from raysearch.data.files import sums
from raysearch.data.hits.choices import DEFAULT, LEAST_GEV, MOST_GEV, MOST_PARTICLES, Choices
from raysearch.data.hits.geometry import paper_sensors
from raysearch.data.hits.recipe import BlockOrder, HitBlock, Recipe
from raysearch.data.hits.writer import HitFile, write_hits
from raysearch.data.made_files import MADE, ahead, kept_files
from raysearch.data.made_in_order import made_in_order, silence_libraries
from raysearch.errors import FolderError, InputError, ResourceError, StorageError

FILE = 10_000  # events in a file
LIBRARIES = ("pythia8mc", "h5py", "numpy", "torch")


def make_hits(
    folder: Path,
    events: int,
    seed: int,
    workers: int = 1,
    *,
    choices: Choices = DEFAULT,
    progress: Callable[[int, int], None] = lambda *_: None,
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
    kept = _check(folder, whole, workers, {path: recipe.text() for path, recipe in wanted.items()})
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FolderError(f"{folder}: cannot be made: {error}") from None
    missing = {path: recipe for path, recipe in wanted.items() if path not in kept}
    blocks = _made([order for recipe in missing.values() for order in recipe.blocks()], workers)
    done = sum(wanted[path].events for path in kept)
    for path, recipe in missing.items():
        mine = islice(blocks, len(list(recipe.blocks())))
        write_hits(_file(path, recipe), mine, ahead(progress, done, events))
        done += recipe.events
    _write_provenance(list(wanted), whole)
    return list(wanted)


def _files(folder: Path, whole: Recipe) -> Iterator[tuple[Path, Recipe]]:
    """Each file with all that decides its content."""
    for number, first in enumerate(range(0, whole.events, FILE)):
        recipe = replace(whole, first=first, events=min(FILE, whole.events - first))
        yield folder / f"pions_{number}_{first}_{first + recipe.events}.h5", recipe


def _file(path: Path, recipe: Recipe) -> HitFile:
    return HitFile(
        path,
        recipe.events,
        recipe.choices.particles[1],
        paper_sensors(),
        attributes={MADE: recipe.text()},
        first_event=recipe.first,
    )


def _check(folder: Path, whole: Recipe, workers: int, wanted: dict[Path, str]) -> set[Path]:
    """The files that are there already."""
    problems = []
    if whole.events < 1:
        problems.append(f"events: must be at least 1, got {whole.events}")
    if workers < 1:
        problems.append(f"workers: must be at least 1, got {workers}")
    fewest, most = whole.choices.particles
    if not 1 <= fewest <= most <= MOST_PARTICLES:
        problems.append(f"particles: must rise from 1 to {MOST_PARTICLES} at most, got {fewest},{most}")
    low, high = whole.choices.momentum_gev
    if not LEAST_GEV <= low <= high <= MOST_GEV:
        problems.append(
            f"energies: must rise from {LEAST_GEV:g} to {MOST_GEV:g} GeV at most, got {low:g},{high:g}"
        )
    kept, unlike = kept_files(folder, wanted)
    if problems or unlike:
        raise InputError(*problems, *unlike)
    if importlib.util.find_spec("pythia8mc") is None:
        raise ResourceError("making hits needs pythia8mc: pip install 'raysearch[hep]'")
    return kept


def _made(orders: list[BlockOrder], workers: int) -> Iterator[HitBlock]:
    # In processes also with one worker: Pythia keeps global state, and prints.
    return made_in_order(_make, orders, workers, "hits", silence_libraries)


def _make(order: BlockOrder) -> HitBlock:
    from raysearch.data.hits.block import make_block  # noqa: PLC0415  needs the extra `hep`

    return make_block(order)


def _write_provenance(files: list[Path], recipe: Recipe) -> None:
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
        "licence": "CC BY 4.0",
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "versions": {"raysearch": __version__}
        | {name: importlib.metadata.version(name) for name in LIBRARIES},
    }
    text = json.dumps(record, indent=2) + "\n"
    try:
        files[0].with_name("provenance.json").write_text(text, encoding="utf-8")
    except OSError as error:
        raise StorageError(f"{files[0].parent}: provenance.json cannot be written: {error}") from None
