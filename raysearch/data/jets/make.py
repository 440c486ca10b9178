"""Makes jets with Pythia 8 and FastJet, in the layout of the public HLS4ML LHC jet files.

What the jets are stands in raysearch/data/jets/recipe.py, what a detector makes of them in detector.py, what
is computed of each in block.py and substructure.py. Here work is cut into blocks of one class, each with a
seed of its own, so that neither the number of processes nor the order in which they end changes a byte of the
files. At most one file's jets and the blocks in work are in memory. A file is whole or not there: made again,
the same command keeps the files that a killed one had finished (those of recipe 0.1.0 do not tell how they
were made, and are not kept).
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from raysearch.data.jets.choices import DEFAULT, Choices, RecipeName
from raysearch.data.jets.layout import CLASSES
from raysearch.data.jets.recipe import FILE, RECIPES, WIDTH, BlockOrder, JetBlock, definitions
from raysearch.data.jets.writer import is_compact, write_jets, write_provenance
from raysearch.data.made_files import Progress, kept_files, make_files, too_few, versions_of
from raysearch.data.made_in_order import made_in_order, silence_libraries
from raysearch.data.made_versions import Versions, versions_in
from raysearch.errors import InputError, ResourceError
from raysearch.seeds import derive, generator

EVENTS_PER_BLOCK = 1_000_000  # more than any block needs, so that event numbers never meet
MAX_PYTHIA_SEED = 900_000_000
LIBRARIES = ("pythia8mc", "fastjet", "awkward", "h5py", "numpy")


def make_jets(
    folder: Path,
    jets: int,
    seed: int,
    workers: int = 1,
    *,
    choices: Choices = DEFAULT,
    progress: Progress = lambda *_: None,
) -> list[Path]:
    """Make jets, equally many of each class, and write them with ``provenance.json`` beside them.

    Work is done in fresh processes: a script that calls this needs ``if __name__ == "__main__"``.

    Args:
        folder: where the files go; created if need be, and may hold files of the same command.
        jets: how many; a multiple of 5.
        seed: the same seed gives the same bytes with any number of workers.
        workers: processes at a time.
        choices: what jets are made.
        progress: called with (jets there, jets asked for) after each block.

    Returns:
        The files, in order.

    Raises:
        InputError: ``jets``, ``workers`` or ``folder`` cannot be used; lists all faults.
        ResourceError: the extra ``hep`` or Pythia's data are not there, or a process was killed.
        FolderError: the folder cannot be made.
        StorageError: a file cannot be written.
    """
    made = {"seed": seed, "versions": versions_of(LIBRARIES), "definitions": definitions(choices)}
    # Files of 0.1.0 hold no such words, and made again they are the same bytes.
    words = "" if choices.recipe is RecipeName.first else json.dumps(made)
    wanted = dict(_files(folder, _orders(jets, seed, choices) if jets > 0 else [], seed, words))
    kept, versions = _check(folder, jets, workers, wanted, compact=choices.compact)

    def write(path: Path, file: JetFile, blocks: Iterator[JetBlock], told: Callable[[int], None]) -> None:
        parts: list[JetBlock] = []
        for block in blocks:
            parts.append(block)
            told(sum(len(part.event) for part in parts))
        mixed = _mixed(parts, generator(file.seed, "jets/order", file.number))
        write_jets(path, mixed, compact=choices.compact, made=file.made)

    make_files(folder, wanted, kept, lambda orders: _made(orders, workers), write, progress, versions.told())
    write_provenance(list(wanted), made | versions.told(), compact=choices.compact)
    return list(wanted)


@dataclass(frozen=True)
class JetFile:
    """A file by its number in the order of files, the seed of all, its blocks and how it says it was made."""

    number: int
    seed: int
    orders: tuple[BlockOrder, ...]
    made: str

    @property
    def rows(self) -> int:
        """How many jets."""
        return sum(order.n for order in self.orders)

    def blocks(self) -> tuple[BlockOrder, ...]:
        """The blocks that it is made of."""
        return self.orders

    def text(self) -> str:
        """How it says that it was made."""
        return self.made


def _files(
    folder: Path, orders: list[list[BlockOrder]], seed: int, words: str
) -> Iterator[tuple[Path, JetFile]]:
    first = 0
    for number, blocks in enumerate(orders):
        file = JetFile(number, seed, tuple(blocks), words)
        end = first + file.rows
        yield folder / f"jetImage_{number}_{WIDTH}p_{first}_{end}.h5", file
        first = end


def _check(
    folder: Path, jets: int, workers: int, wanted: Mapping[Path, JetFile], *, compact: bool
) -> tuple[set[Path], Versions]:
    """The files that are there already, and with what they and the others are made."""
    problems = []
    if jets < 1 or jets % len(CLASSES):
        problems.append(f"jets: must be a positive multiple of {len(CLASSES)}, the classes, got {jets}")
    problems += too_few(workers=workers)
    kept, unlike = kept_files(folder, wanted)
    versions, mixed = versions_in(folder, wanted, kept, LIBRARIES)
    # What a file says of how it was made does not say how many of the features were kept.
    unlike += [
        f"{path}: is {'full' if compact else 'compact'}; name another folder"
        for path in sorted(kept)
        if is_compact(path) is not compact
    ]
    if problems or unlike or mixed:
        raise InputError(*problems, *unlike, *mixed)
    missing = [name for name in ("pythia8mc", "fastjet", "awkward") if importlib.util.find_spec(name) is None]
    if missing:
        raise ResourceError(f"making jets needs {', '.join(missing)}: pip install 'raysearch[hep]'")
    return kept, versions


def _orders(jets: int, seed: int, choices: Choices) -> list[list[BlockOrder]]:
    """The blocks of each file; the order of files, blocks and classes fixes seeds and event numbers."""
    per_class, block = jets // len(CLASSES), RECIPES[choices.recipe].block
    files: list[list[BlockOrder]] = [[] for _ in range(0, jets, FILE)]
    for number, start in enumerate(range(0, per_class, block)):
        for class_number, name in enumerate(CLASSES):
            order = BlockOrder(
                name=name,
                n=min(block, per_class - start),
                # Pythia takes 0 for the time of day.
                pythia_seed=1 + derive(seed, "jets/pythia", class_number, number) % MAX_PYTHIA_SEED,
                first_event=(number * len(CLASSES) + class_number) * EVENTS_PER_BLOCK,
                recipe=choices.recipe,
                detector=choices.seen_by,
            )
            files[start * len(CLASSES) // FILE].append(order)
    return files


def _made(orders: list[BlockOrder], workers: int) -> Iterator[JetBlock]:
    # In processes also with one worker: Pythia keeps global state, and prints.
    return made_in_order(_make, orders, workers, "jets", silence_libraries)


def _make(order: BlockOrder) -> JetBlock:
    from raysearch.data.jets.block import make_block  # noqa: PLC0415  needs the extra `hep`

    return make_block(order)


def _mixed(blocks: list[JetBlock], rng: np.random.Generator) -> JetBlock:
    """Join blocks with their events in random order; jets of one event stay neighbours."""
    event = np.concatenate([block.event for block in blocks])
    _, number = np.unique(event, return_inverse=True)
    # Whole events are moved, so that the jets of one stay side by side.
    order = np.argsort(rng.permutation(number.max() + 1)[number], kind="stable")
    return JetBlock(
        momenta=np.concatenate([block.momenta for block in blocks])[order],
        jets=np.concatenate([block.jets for block in blocks])[order],
        event=event[order],
    )
