"""Files with the first rows of the samples that ship, so that a study of them takes a second."""

from __future__ import annotations

import gzip
import tempfile
from functools import cache
from pathlib import Path

import h5py

from raysearch.data.digits.files import digit_files
from raysearch.data.hits.files import SAMPLE as HITS
from raysearch.data.jets.files import SAMPLE as JETS
from raysearch.data.showers.files import SAMPLE as SHOWERS

_folder = tempfile.TemporaryDirectory(prefix="raysearch-few-")


@cache
def _few(sample: Path, main: str, n: int) -> Path:
    path = Path(_folder.name) / sample.name
    with h5py.File(sample) as source, h5py.File(path, "w") as target:
        target.attrs.update(source.attrs)
        n_all = len(source[main])
        for name, dataset in source.items():
            target[name] = dataset[:n] if len(dataset) == n_all else dataset[...]
    return path


def few_jets() -> Path:
    return _few(JETS, "jetConstituentList", 500)


def few_showers() -> Path:
    return _few(SHOWERS, "ECAL", 300)


@cache
def few_hits(n: int = 60) -> Path:
    """The first events, whose hits lie one after another."""
    path = Path(_folder.name) / HITS.name
    with h5py.File(HITS) as source, h5py.File(path, "w") as target:
        target.attrs.update(source.attrs)
        n_all, n_hits = len(source["n_hits"]), int(source["n_hits"][:n].sum())
        n_all_hits = len(source["hit_sensor"])
        for name, dataset in source.items():
            target[name] = dataset[: {n_all: n, n_all_hits: n_hits}.get(len(dataset), len(dataset))]
    return path


@cache
def few_digits() -> Path:
    path = Path(_folder.name) / "digits.csv"
    with gzip.open(digit_files()[0], "rt") as lines:
        path.write_text("".join(next(lines) for _ in range(200)))
    return path
