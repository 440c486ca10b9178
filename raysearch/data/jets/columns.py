"""Which column of a jet file holds what, found by name; what a file lacks is told all at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py

from raysearch.data.jets.frames import Frame, frame_of
from raysearch.data.jets.layout import (
    CONSTITUENT_NAMES,
    CONSTITUENTS,
    EVENT,
    FEATURE_WITHOUT_DATA,
    FEATURES,
    IMAGE,
    JET_COLUMNS,
    JET_NAMES,
    JETS,
    MOMENTA,
    NOT_READ,
    PARTICLES,
)
from raysearch.errors import InputError, did_you_mean

READ = (CONSTITUENTS, JETS, CONSTITUENT_NAMES, JET_NAMES, IMAGE, EVENT)


@dataclass(frozen=True)
class Columns:
    """A file's shape and columns.

    ``features`` are the positions of all 16 features, or of the four-momenta if ``derived``; ``jets`` those
    of the 59 jet columns; ``width`` is how many constituents a jet can have; ``frame`` are the definitions of
    what is derived, or was by who made the file; ``unused`` names what the file holds that nothing reads.
    """

    n: int
    width: int
    features: tuple[int, ...]
    derived: bool
    frame: Frame
    jets: tuple[int, ...]
    has_events: bool
    unused: tuple[str, ...] = ()

    @property
    def derive_by(self) -> Frame | None:
        """The definitions by which features are to be derived; None where the file holds them."""
        return self.frame if self.derived else None


def find_columns(file: h5py.File, path: Path) -> Columns:
    """Find the columns of an open jet file.

    Raises:
        InputError: datasets, names or columns are missing or have the wrong shape; lists all.
    """
    if CONSTITUENTS not in file and PARTICLES in file:
        raise InputError(
            f"{path}: holds point clouds in the layout of JetNet ({PARTICLES}), no features of "
            "constituents and no quantities of jets; the tasks flow_matching, graph_gan and nnd_vae train on "
            "it, and data info and data check take it with --kind clouds"
        )
    problems: list[str] = []
    constituents = dataset(file, CONSTITUENTS, 3, "f", problems)
    jets = dataset(file, JETS, 2, "f", problems)
    names = dataset(file, CONSTITUENT_NAMES, 1, "SO", problems)
    jet_names = dataset(file, JET_NAMES, 1, "SO", problems) if JET_NAMES in file else None
    event = dataset(file, EVENT, 1, "iu", problems) if EVENT in file else None
    n = len(constituents) if constituents is not None else 0
    problems += [
        f"{item.name[1:]}: has {len(item)} jets, {CONSTITUENTS} has {n}"
        for item in (jets, event)
        if item is not None and constituents is not None and len(item) != n
    ]
    features: tuple[int, ...] = ()
    unused: list[str] = []
    if constituents is not None and names is not None:
        found = decoded(names)
        features = feature_columns(found, constituents.shape[2], problems)
        unused += _others(found[: constituents.shape[2]], features)
    jet_columns: tuple[int, ...] = ()
    if jets is not None:
        found = list(JET_COLUMNS) if jet_names is None else decoded(jet_names)
        jet_columns = _jet_columns(found, jets.shape[1], problems)
        unused += _others(found, jet_columns)
    if constituents is not None and 0 in constituents.shape[:2]:
        problems.append(f"{CONSTITUENTS}: is empty, shape {constituents.shape}")
    if problems or constituents is None:
        raise InputError(*(f"{path}: {problem}" for problem in problems))
    return Columns(
        n=n,
        width=constituents.shape[1],
        features=features,
        derived=len(features) == len(MOMENTA),
        frame=frame_of(file),
        jets=jet_columns,
        has_events=event is not None,
        unused=(*unused, *(name for name in file if name not in READ and name not in NOT_READ)),
    )


def dataset(file: h5py.File, name: str, rank: int, kinds: str, problems: list[str]) -> h5py.Dataset | None:
    """Take a dataset of a rank and kind (as NumPy's ``dtype.kind``), or add to ``problems`` why not."""
    item = file.get(name)
    words = {"f": "floating point", "SO": "text", "iu": "whole numbers"}
    if item is None:
        wish = did_you_mean(name, file)
        problems.append(f"{name}: is missing; the file holds {', '.join(sorted(file)) or 'nothing'}.{wish}")
    elif not isinstance(item, h5py.Dataset):
        problems.append(f"{name}: is a group, must be a dataset")
    elif item.ndim != rank:
        problems.append(f"{name}: must have {rank} axes, has shape {item.shape}")
    elif item.dtype.kind not in kinds or (
        item.dtype.kind == "O" and h5py.check_string_dtype(item.dtype) is None
    ):
        problems.append(f"{name}: must be {words[kinds]}, is {item.dtype}")
    else:
        return item
    return None


def decoded(names: h5py.Dataset) -> list[str]:
    """Names as text; the public files hold bytes, and some tools rewrite them as str."""
    return [
        name.decode(errors="replace") if isinstance(name, bytes) else str(name) for name in names[:].tolist()
    ]


def feature_columns(names: Sequence[str], width: int, problems: list[str]) -> tuple[int, ...]:
    """Find the place of each of our features among a file's, or add to ``problems`` what is amiss."""
    # The public files have a 17th name for 16 columns.
    if list(names[width:]) not in ([], [FEATURE_WITHOUT_DATA]) or len(names) < width:
        problems.append(
            f"{CONSTITUENT_NAMES}: has {len(names)} names for the {width} columns of {CONSTITUENTS}"
        )
        return ()
    # By name, not by place: files of other makers may order them otherwise.
    with_data = list(names[:width])
    # Momenta with one of the other features are a file that lacks some, not one of momenta alone.
    wanted = FEATURES if set(with_data) & set(FEATURES) - set(MOMENTA) else MOMENTA
    if missing := [name for name in wanted if name not in with_data]:
        problems.append(
            f"{CONSTITUENT_NAMES}: lacks {', '.join(missing)}; needs the 16 features, or the 4 momenta alone"
        )
        return ()
    return _places(wanted, with_data, CONSTITUENT_NAMES, problems)


def _jet_columns(names: Sequence[str], width: int, problems: list[str]) -> tuple[int, ...]:
    if width != len(names):
        problems.append(f"{JETS}: has {width} columns for {len(names)} names")
        return ()
    if missing := [name for name in JET_COLUMNS if name not in names]:
        problems.append(f"{JET_NAMES}: lacks {', '.join(missing)}")
        return ()
    return _places(JET_COLUMNS, names, JET_NAMES, problems)


def _places(wanted: Sequence[str], names: Sequence[str], where: str, problems: list[str]) -> tuple[int, ...]:
    if twice := [name for name in wanted if names.count(name) > 1]:
        problems.append(f"{where}: has {', '.join(twice)} twice")
    return tuple(names.index(name) for name in wanted)


def _others(names: Sequence[str], used: Sequence[int]) -> list[str]:
    return [name for place, name in enumerate(names) if used and place not in used]
