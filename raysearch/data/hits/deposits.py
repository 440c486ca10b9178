"""What tracks and showers of pions leave in the sensors of the paper's calorimeter."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from raysearch.data.hits.cascade import MM, Tracks
from raysearch.data.hits.electromagnetic import strewn
from raysearch.data.hits.geometry import N_SENSORS, sensor_at
from raysearch.data.hits.model import MODEL, Model

Floats = NDArray[np.float64]


def deposits_of(tracks: Sequence[Tracks], rng: np.random.Generator, model: Model = MODEL) -> Floats:
    """Sum up what pions leave.

    Args:
        tracks: of each pion.
        rng: where electromagnetic showers' randomness comes from.
        model: the simulation's parameters.

    Returns:
        (pion, sensor), GeV.
    """
    points, owner = points_of(tracks, rng, model)
    sensor = sensor_at(*(points[:, :3].T / MM))
    inside = sensor >= 0
    cell = owner[inside] * N_SENSORS + sensor[inside]
    found = np.bincount(cell, points[inside, 3], len(tracks) * N_SENSORS).astype(np.float64)
    return found.reshape(len(tracks), N_SENSORS)


def points_of(
    tracks: Sequence[Tracks], rng: np.random.Generator, model: Model = MODEL
) -> tuple[Floats, NDArray[np.int64]]:
    """Where pions leave energy: x, y, z in cm and GeV, (point, 4), also outside; and whose it is (point,)."""
    segments, owner = _joined([each.segments for each in tracks], 7)
    length = np.linalg.norm(segments[:, 3:6] - segments[:, :3], axis=1)
    n = np.maximum(np.ceil(length / model.segment_cm), 1).astype(np.int64)
    of_point = np.repeat(np.arange(len(segments)), n)
    # The middles of equal pieces: 1/2, 3/2, ... of the way's n.
    along = (np.arange(len(of_point)) - np.repeat(np.cumsum(n) - n, n) + 0.5) / n[of_point]
    start, end = segments[of_point, :3], segments[of_point, 3:6]
    on_tracks = np.column_stack([start + along[:, None] * (end - start), (segments[:, 6] / n)[of_point]])
    showers, owner_of_shower = _joined([each.showers for each in tracks], 8)
    spots, of_spot = strewn(showers, rng, model)
    return np.concatenate([on_tracks, spots]), np.concatenate([owner[of_point], owner_of_shower[of_spot]])


def _joined(lists: list[list[tuple[float, ...]]], width: int) -> tuple[Floats, NDArray[np.int64]]:
    """Rows of all lists, and the list of each."""
    rows = np.array([row for each in lists for row in each], np.float64).reshape(-1, width)
    return rows, np.repeat(np.arange(len(lists)), [len(each) for each in lists])
