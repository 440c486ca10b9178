"""Makes electron showers by the model in raysearch/data/showers/model.py, in the layout of the 3DGAN files.

Work is cut into blocks, each with a seed of its own, so that neither the number of processes nor the order in
which they end changes a byte of the files; only the blocks in work are in memory. A file is whole or not
there: made again, the same command keeps the files that a killed one had finished.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from raysearch.data.files import sums
from raysearch.data.made_files import (
    MADE,
    Progress,
    kept_files,
    make_files,
    not_rising,
    too_few,
    write_provenance,
)
from raysearch.data.made_in_order import made_in_order
from raysearch.data.made_versions import Versions, versions_in
from raysearch.data.showers.choices import DEFAULT, LEAST_GEV, MOST_GEV, Angle, Choices, Sampling
from raysearch.data.showers.model import CALORIMETER
from raysearch.data.showers.recipe import (
    KEPT_BITS,
    NOISE_GEV,
    STEP_GEV,
    BlockOrder,
    Recipe,
    ShowerBlock,
    make_block,
)
from raysearch.data.showers.simulation import FALLING
from raysearch.data.showers.writer import ShowerFile, write_showers
from raysearch.errors import InputError

FILE = 10_000  # showers in a file, as in the public set
LIBRARIES = ("h5py", "numpy", "torch")


def make_showers(
    folder: Path,
    showers: int,
    seed: int,
    workers: int = 1,
    *,
    choices: Choices = DEFAULT,
    progress: Progress = lambda *_: None,
) -> list[Path]:
    """Make showers of electrons with energies spread evenly, and ``provenance.json`` beside them.

    Several workers are fresh processes: a script that asks for them needs ``if __name__ == "__main__"``.

    Args:
        folder: where the files go; created if need be, and may hold files of the same command.
        showers: how many.
        seed: the same seed gives the same bytes with any number of workers.
        workers: processes at a time.
        choices: what showers are made.
        progress: called with (showers there, showers asked for) after each block.

    Returns:
        The files, in order.

    Raises:
        InputError: ``showers``, ``workers``, energies or ``folder`` cannot be used; lists all faults.
        ResourceError: a process was killed.
        FolderError: the folder cannot be made.
        StorageError: a file cannot be written.
    """
    whole = Recipe(seed, 0, showers, choices)
    wanted = dict(_files(folder, whole))
    kept, versions = _check(folder, whole, workers, wanted)
    make_files(folder, wanted, kept, lambda orders: _made(orders, workers), _write, progress, versions.told())
    _write_provenance(list(wanted), whole, versions)
    return list(wanted)


def _files(folder: Path, whole: Recipe) -> Iterator[tuple[Path, Recipe]]:
    """Each file with all that decides its content."""
    for number, first in enumerate(range(0, whole.showers, FILE)):
        recipe = replace(whole, first=first, showers=min(FILE, whole.showers - first))
        yield folder / f"electrons_{number}_{first}_{first + recipe.showers}.h5", recipe


def _write(path: Path, recipe: Recipe, blocks: Iterator[ShowerBlock], told: Callable[[int], None]) -> None:
    file = ShowerFile(
        path,
        recipe.showers,
        recipe.grid,
        with_theta=recipe.choices.angle is Angle.variable,
        attributes={MADE: recipe.text()},
        first_event=recipe.first,
        level=9 if recipe.choices.compact else 4,
    )
    write_showers(file, blocks, told)


def _check(
    folder: Path, whole: Recipe, workers: int, wanted: Mapping[Path, Recipe]
) -> tuple[set[Path], Versions]:
    """The files that are there already, and with what they and the others are made."""
    problems = too_few(showers=whole.showers, workers=workers)
    problems += not_rising("energies", whole.choices.energy_gev, LEAST_GEV, MOST_GEV)
    kept, unlike = kept_files(folder, wanted)
    versions, mixed = versions_in(folder, wanted, kept, LIBRARIES)
    if problems or unlike or mixed:
        raise InputError(*problems, *unlike, *mixed)
    return kept, versions


def _made(orders: list[BlockOrder], workers: int) -> Iterator[ShowerBlock]:
    if workers == 1:
        return map(make_block, orders)
    return made_in_order(make_block, orders, workers, "showers")


def _write_provenance(files: list[Path], recipe: Recipe, versions: Versions) -> None:
    stored = (
        f"GeV in the sensors as whole numbers of {STEP_GEV} GeV; "
        "what is left over goes to the next cell of the layer"
        if recipe.choices.compact
        else f"GeV in the sensors, {KEPT_BITS} bits of mantissa kept, below {NOISE_GEV} GeV zero"
    )
    fraction: object = CALORIMETER.sampling_fraction
    if recipe.choices.sampling is Sampling.falling:
        fraction = {"per_cent_by_powers_of_100_gev": FALLING}
    angle, keys = recipe.choices.angle, "target" if recipe.choices.angle is Angle.fixed else "energy, theta"
    record = {
        **recipe.told(),
        "what": "a parameterisation, not a simulation of particles: "
        "profile, radii and resolution are its inputs",
        "model": "G. Grindhammer, S. Peters, hep-ex/0001020, appendix A; raysearch/data/showers/model.py",
        "sampling_fraction": fraction,
        "files": {name: {"sha256": sha} for name, sha in sums(files).items()},
        "stored": stored,
        "layout_after": f"3DGAN {angle}-angle electrons (ECAL, {keys}); none of its data is in these files",
        **versions.told(),
    }
    write_provenance(files, record)
