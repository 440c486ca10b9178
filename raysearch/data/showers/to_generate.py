"""Rows for a generator of showers: of given energies and angles, or of those of the showers in files."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from raysearch.data.conditions import Conditions
from raysearch.data.showers.files import pieces, shower_files
from raysearch.data.showers.layouts import ELECTRON, ENERGY, TARGET, THETA, Grid
from raysearch.data.to_score import Piece, ToScore
from raysearch.errors import InputError

ENERGIES, ANGLES = "energies", "angles"
STRAIGHT = 90.0  # degrees
AT_ONCE = 1000  # showers of a piece
SLACK = 0.05  # of a limit: where exactly a sample ends is chance, and nothing changes so near to it

Floats = NDArray[np.float32]


def showers_to_generate(
    wanted: Conditions,
    cells: Grid,
    *,
    energy_gev: Sequence[float],
    theta_rad: Sequence[float] | None = None,
) -> ToScore:
    """Make rows ready for a generator.

    Args:
        wanted: ``energies`` in GeV and ``angles`` in degrees to the y axis, or files of showers.
        cells: along x and y, and layers, of a generated shower.
        energy_gev: least and greatest that the generator was trained on.
        theta_rad: the same of angles in rad; None where it knows none.

    Returns:
        Pieces of up to 1,000 showers. A batch is (cells, energies, angles, sums), float32 (shower, x, y,
        layer) of zeros, (shower,) GeV, (shower,) rad, and zeros (shower,). Columns are those of the 3DGAN
        layout: at a fixed angle ``target`` (shower, 2), PDG code and energy in GeV; else ``energy`` (shower,)
        GeV and ``theta`` (shower,) rad.

    Raises:
        InputError: an unknown condition, no energies, or some that lie outside of what was trained on.
    """
    wanted.only(ENERGIES, *(() if theta_rad is None else (ANGLES,)))
    if wanted.like:
        files = [file for path in wanted.like for file in shower_files(path)]
        energy, theta = _of_files(files)
    elif wanted.values.get(ENERGIES):
        files = []
        energy, theta = _of_values(wanted)
    else:
        raise InputError("predict: a generator of showers needs --energies, or --like FILES to take theirs")
    # A network goes on smoothly beyond what it has seen, and nothing in the file would show it.
    _require_inside("energies", "GeV", energy, energy_gev)
    if theta_rad is not None:
        _require_inside("angles", "degrees", np.degrees(theta), [math.degrees(limit) for limit in theta_rad])

    def read() -> Iterator[Piece]:
        for start in range(0, len(energy), AT_ONCE):
            some, angle = energy[start : start + AT_ONCE], theta[start : start + AT_ONCE]
            nothing = torch.zeros(())
            batch = (
                nothing.expand(len(some), *cells),  # a single zero in memory
                torch.from_numpy(some),
                torch.from_numpy(angle),
                nothing.expand(len(some)),
            )
            yield Piece(0, start, batch, _columns(some, None if theta_rad is None else angle))

    return ToScore(tuple(files), len(energy), read)


def _of_values(wanted: Conditions) -> tuple[Floats, Floats]:
    angles = wanted.values.get(ANGLES) or (STRAIGHT,)
    # Rows of one combination stand together, in the order in which it was written.
    pairs = np.array(list(itertools.product(wanted.values[ENERGIES], angles)), np.float32)
    energy, degrees = np.repeat(pairs, wanted.number, axis=0).T
    return np.ascontiguousarray(energy), np.radians(degrees).astype(np.float32)


def _of_files(files: Sequence[Path]) -> tuple[Floats, Floats]:
    read = [piece for file in files for piece in pieces(file, cells=False)]
    energy = np.concatenate([piece.energy for piece in read]).astype(np.float32)
    theta = [
        np.full(len(piece.energy), math.radians(STRAIGHT)) if piece.theta is None else piece.theta
        for piece in read
    ]
    return energy, np.concatenate(theta).astype(np.float32)


def _require_inside(what: str, unit: str, values: NDArray[np.floating], limits: Sequence[float]) -> None:
    """Refuse what the generator has never seen: what it would make there means nothing."""
    low, high = limits
    outside = values[
        (values < low - SLACK * abs(low)) | (values > high + SLACK * abs(high)) | ~np.isfinite(values)
    ]
    if len(outside):
        raise InputError(
            f"{what}: {outside[0]:g} {unit} lies outside of the {low:g} to {high:g} {unit} that the study "
            "was trained on"
        )


def _columns(energy: Floats, theta: Floats | None) -> dict[str, Floats]:
    if theta is None:
        return {TARGET: np.stack([np.full_like(energy, ELECTRON), energy], axis=1)}
    return {ENERGY: energy, THETA: theta}
