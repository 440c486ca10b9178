"""Cuts a sample into training, validation and test, and into folds, the same way at every start.

Two examples of one event must not be on two sides: two jets, say, share their underlying event and often
their parent. Files without event numbers are cut between files, since neighbours in a file may come from one
event. No cut depends on the study's seed, so that all studies of the same files may be compared.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from raysearch.data.source import DataSource
from raysearch.errors import InputError
from raysearch.seeds import generator

MIN_FILES = 5
PARTS = ("training", "validation", "test")
SPLIT = (0.6, 0.2, 0.2)  # fractions, if nobody says others
SEED = 0  # of the cuts that are drawn: folds by random, and which examples a limit keeps

# Multipliers of two finalisers, so that the fold of an event tells nothing of its part, nor the reverse.
SPLIT_MIX = (0xBF58476D1CE4E5B9, 30, 0x94D049BB133111EB, 27, 31)  # Steele, Lea, Flood, OOPSLA 2014
MURMUR = (0xFF51AFD7ED558CCD, 33, 0xC4CEB9FE1A85EC53, 33, 33)  # A. Appleby, MurmurHash3, fmix64


@dataclass(frozen=True)
class Split:
    """Positions of the examples of each part, int64 and rising; ``by`` says what was kept together."""

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]
    by: Literal["event", "file", "rows"]


def part_examples(
    events: NDArray[np.int64] | None, file_index: NDArray[np.int64], source: DataSource, noun: str = "row"
) -> Split:
    """Cut examples as a study's data section asks: into parts, then folds, then the first few of training.

    With folds, training and validation part together are cut into ``source.folds``; fold ``source.fold``
    validates and the others train. The test part is that of no folds.

    Args:
        events: (example,) event numbers, or None.
        file_index: (example,) number of the example's file, rising with the sorted names.
        source: split, folds and limit.
        noun: what one of them is, for messages, such as ``jet``.

    Returns:
        The three parts.

    Raises:
        InputError: as :func:`split_examples`, or the folds or the limit cannot be had; lists all.
    """
    n = len(file_index)
    split = split_examples(events, file_index, source.split, noun)
    most = len(split.train)
    if source.folds >= 2:
        # The test part is cut off first, so that it is the same with folds and without.
        pool = np.union1d(split.train, split.validation)
        number = fold_numbers(None if events is None else events[pool], file_index[pool], source, noun)
        split = replace(split, train=pool[number != source.fold], validation=pool[number == source.fold])
        most = len(pool) - int(np.bincount(number).max())  # a limit is for all folds: the largest one decides
    if source.limit is not None:
        if not 1 <= source.limit <= most:
            which = f", in each of {source.folds} folds" if source.folds >= 2 else ""
            raise InputError(
                f"data.limit: must be 1 to {most}, the {noun}s to train on{which}, got {source.limit}"
            )
        split = replace(split, train=_first(split.train, n, source.limit))
    return split


def split_examples(
    events: NDArray[np.int64] | None,
    file_index: NDArray[np.int64],
    fractions: tuple[float, float, float] = SPLIT,
    noun: str = "row",
) -> Split:
    """Cut examples by event number; without them by file, for at least 5 files; else into blocks of rows.

    An event's side follows from its number alone: not from a seed, the order of rows, or other examples.

    Args:
        events: (example,) event numbers, or None.
        file_index: (example,) number of the example's file, rising with the sorted names.
        fractions: for training, validation, test; they sum to 1.
        noun: what one of them is, for messages.

    Returns:
        The three parts, which share no example and leave none out.

    Raises:
        InputError: the fractions do not sum to 1, or a part that was asked for gets no example.
    """
    n = len(file_index)
    if min(fractions) < 0 or abs(sum(fractions) - 1) > 1e-9:
        raise InputError(f"fractions: must be at least 0 and sum to 1, got {fractions}")
    bounds = np.cumsum(fractions)[:2]
    by: Literal["event", "file", "rows"]
    if events is not None:
        by, place = "event", event_place(events)
    elif (n_files := len(np.unique(file_index))) >= MIN_FILES:
        by, place = "file", _middle_of_file(file_index, n_files)
    else:
        by, place = "rows", (np.arange(n) + 0.5) / n
    part = np.searchsorted(bounds, place, side="right")
    train, validation, test = (np.flatnonzero(part == number).astype(np.int64) for number in range(3))
    for name, share, found in zip(PARTS, fractions, (train, validation, test), strict=True):
        if share > 0 and len(found) == 0:
            raise InputError(
                f"{name}: {share:.0%} of {n} {noun}s, split by {by}, is no {noun}; give more {noun}s or files"
            )
    return Split(train, validation, test, by)


def fold_numbers(
    events: NDArray[np.int64] | None, file_index: NDArray[np.int64], source: DataSource, noun: str = "row"
) -> NDArray[np.int64]:
    """Give each example of training and validation part together the number of its fold.

    - ``event``: all examples of an event in one fold, which follows from its number alone, so that a model is
      never applied to an event that it saw, whatever file that lies in; sizes differ as chance has it;
    - ``file``: all examples of a file in one fold, largest files first into the smallest fold;
    - ``random``: examples, dealt out in a fixed random order.

    Args:
        events: (example,) event numbers, or None.
        file_index: (example,) number of the example's file.
        source: how many folds, by what, and which is wanted.
        noun: what one of them is, for messages.

    Returns:
        (example,) int64 in [0, folds).

    Raises:
        InputError: there is no such fold, it would hold no example, or what to cut by is not there; lists
            all.
    """
    folds, by = source.folds, source.fold_by
    problems = []
    if not 0 <= source.fold < folds:
        problems.append(f"data.fold: must be 0 to {folds - 1} with {folds} folds, got {source.fold}")
    n_files = len(np.unique(file_index))
    if by == "event" and events is None:
        problems.append(
            "data.fold_by: event needs event numbers, which these files lack; take file or random"
        )
    if by == "file" and n_files < folds:
        problems.append(f"data.folds: {folds} folds by file need as many files, there are {n_files}")
    if problems:
        raise InputError(*problems)
    if by == "event" and events is not None:
        number = (event_place(events, MURMUR) * folds).astype(np.int64)
    elif by == "file":
        number = _files_to_folds(file_index, folds)
    else:
        number = np.empty(len(file_index), np.int64)
        number[generator(SEED, "data/folds", folds).permutation(len(number))] = np.arange(len(number)) % folds
    empty = np.flatnonzero(np.bincount(number, minlength=folds) == 0).tolist()
    if empty:
        raise InputError(
            f"data.folds: {len(number)} {noun}s cut by {by} leave fold {', '.join(map(str, empty))} of "
            f"{folds} without a {noun}; give more {noun}s or fewer folds"
        )
    return number


def event_place(
    events: NDArray[np.int64], mix: tuple[int, int, int, int, int] = SPLIT_MIX
) -> NDArray[np.float64]:
    """Spread event numbers evenly over [0, 1) by the finaliser of a hash, SplitMix64's if none is given."""
    first, shift_1, second, shift_2, shift_3 = (np.uint64(number) for number in mix)
    z = events.astype(np.int64).view(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> shift_1)) * first
    z = (z ^ (z >> shift_2)) * second
    z ^= z >> shift_3
    return (z >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _middle_of_file(file_index: NDArray[np.int64], n_files: int) -> NDArray[np.float64]:
    rank = np.unique(file_index, return_inverse=True)[1]
    return (rank + 0.5) / n_files


def _files_to_folds(file_index: NDArray[np.int64], folds: int) -> NDArray[np.int64]:
    _, file, sizes = np.unique(file_index, return_inverse=True, return_counts=True)
    fold_of_file, filled = np.empty(len(sizes), np.int64), np.zeros(folds, np.int64)
    for largest in np.argsort(-sizes, kind="stable"):
        fold_of_file[largest] = filled.argmin()
        filled[fold_of_file[largest]] += sizes[largest]
    return fold_of_file[file]


def _first(train: NDArray[np.int64], n: int, limit: int) -> NDArray[np.int64]:
    """The first so many of a part in a fixed random order of all: a lesser limit takes some of a larger's."""
    place = generator(SEED, "data/limit").permutation(n)[train]
    return np.sort(train[np.argsort(place)[:limit]])
