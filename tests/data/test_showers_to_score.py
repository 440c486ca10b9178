"""Showers to be scored: the same inputs as in training, from files that need not tell the energies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from raysearch.data.showers.projection import load_projections
from raysearch.data.showers.to_score import showers_to_score
from raysearch.data.to_score import Piece, ToScore
from raysearch.errors import InputError

N = 130  # more than are read at a time
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file as the public ones are; datasets may be replaced, and dropped with None."""

    def write(name: str = "EleEscan_1_1.h5", n: int = N, **changes: Any) -> Path:
        rng = np.random.default_rng(n)
        cells = rng.random((n, 25, 25, 25)) * (rng.random((n, 25, 25, 25)) < 0.1)
        target = np.stack([np.full(n, 11.0), np.arange(n) * 3 + 10.0], axis=1)
        path = tmp_path / name
        with h5py.File(path, "w") as file:
            for key, values in {"ECAL": cells, "target": target, **changes}.items():
                if values is not None:
                    file[key] = values
        return path

    return write


def double(sums: np.ndarray) -> np.ndarray:
    return 2 * sums + 1


def whole(data: ToScore) -> tuple[list[np.ndarray], list[Piece]]:
    pieces = list(data.pieces())
    return [np.concatenate(arrays) for arrays in zip(*(piece.batch for piece in pieces), strict=True)], pieces


def column(pieces: list[Piece], name: str) -> np.ndarray:
    return np.concatenate([piece.columns[name] for piece in pieces])


@pytest.mark.parametrize("axis", ["x", "y"])
def test_the_network_sees_what_it_saw_in_training(
    write: Write, axis: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RAYSEARCH_CACHE", str(tmp_path / "cache"))
    path = write()
    trained_on = load_projections(path, axis)
    (images, calibrated, energy), pieces = whole(showers_to_score([path], axis, double))
    np.testing.assert_array_equal(images, trained_on.images)
    np.testing.assert_array_equal(energy, trained_on.energy)
    expected = double(trained_on.images.sum((1, 2), dtype=np.float64)).astype(np.float32)
    np.testing.assert_array_equal(calibrated, expected)
    assert {array.dtype for array in (images, calibrated, energy)} == {np.dtype(np.float32)}
    np.testing.assert_array_equal(column(pieces, "energy"), energy)
    np.testing.assert_array_equal(column(pieces, "calibrated"), calibrated)
    assert [(piece.file, piece.first_row) for piece in pieces] == [(0, 0), (0, 100)]


def test_cells_alone_are_enough(write: Write) -> None:
    known, _ = whole(showers_to_score([write()], "y", double))
    data = showers_to_score([write("bare.h5", target=None)], "y", double)
    unknown, pieces = whole(data)
    np.testing.assert_array_equal(unknown[0], known[0])
    np.testing.assert_array_equal(unknown[1], known[1])
    assert (data.n_rows, unknown[2].tolist()) == (N, [0] * N)
    assert [set(piece.columns) for piece in pieces] == [{"calibrated"}] * 2


def test_energies_and_events_are_handed_through_if_all_files_have_them(write: Write) -> None:
    numbered = write("a.h5", n=3, event=[5, 6, 7])
    plain = write("b.h5", n=2, target=None, energy=[7.0, 8.0])
    data = showers_to_score([plain, numbered], "y", double)
    (_, _, energy), pieces = whole(data)
    assert data.files == (plain, numbered)
    assert energy.tolist() == column(pieces, "energy").tolist() == [7, 8, 10, 13, 16]
    assert all("event" not in piece.columns for piece in pieces)
    assert column(whole(showers_to_score([numbered], "y", double))[1], "event").tolist() == [5, 6, 7]
    mixed = showers_to_score([numbered, write("c.h5", n=2, target=None)], "y", double)
    (_, _, energy), pieces = whole(mixed)
    assert energy.tolist() == [10, 13, 16, 0, 0]
    assert all("energy" not in piece.columns for piece in pieces)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ECAL": None}, "ECAL: is missing; the file holds target"),
        ({"ECAL": None, "ecal": 1.0, "ECLA": 1.0}, "Did you mean 'ECLA'?"),
        ({"ECAL": np.zeros((2, 51, 51, 25))}, r"ECAL: must be (showers, 25, 25, 25), is (2, 51, 51, 25)"),
        ({"ECAL": np.zeros((0, 25, 25, 25))}, "is (0, 25, 25, 25)"),
        ({"ECAL": 1.0}, "ECAL: must be (showers, 25, 25, 25), is ()"),
        ({"ECAL": np.array(["x"], "S")}, "ECAL: must be floating point numbers (showers, 25, 25, 25)"),
        ({"target": np.ones((2, 1))}, "target: must be (showers, at least 2), is (2, 1)"),
        ({"target": np.ones((3, 2))}, "target: has 3 rows, but ECAL has 2"),
        ({"target": None, "energy": np.ones((2, 2))}, "energy: must be (showers,), is (2, 2)"),
        ({"event": np.ones(2)}, "event: must be whole numbers"),
    ],
)
def test_files_that_cannot_be_read_are_refused(write: Write, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        showers_to_score([write("odd.h5", n=2, **changes)], "y", double)
    assert "odd.h5" in caught.value.problems[0]
    assert message in caught.value.problems[0]


def test_all_faults_are_told_at_once(write: Write, tmp_path: Path) -> None:
    paths = [
        tmp_path / "gone.h5",
        write("a.h5", n=2, ECAL=None),
        write("b.h5", n=2, target=[1.0], event=[1.0]),
    ]
    with pytest.raises(InputError) as caught:
        showers_to_score(paths, "y", double)
    assert len(caught.value.problems) == 4


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.nan, "is not finite"),
        (1e300, "is not finite"),
        (-0.1, "is below 0"),
    ],
)
def test_cells_that_no_detector_gives_are_refused_with_their_place(
    write: Write, value: float, message: str
) -> None:
    cells = np.zeros((N, 25, 25, 25))
    cells[117, 1, 2, 3] = value
    data = showers_to_score([write(ECAL=cells)], "y", double)
    with pytest.raises(InputError, match=rf"EleEscan_1_1\.h5: ECAL\[117, 1, 2, 3\]: {message}"):
        list(data.pieces())


@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf])
def test_energies_that_are_none_are_refused(write: Write, value: float) -> None:
    energy = np.ones(N)
    energy[104] = value
    data = showers_to_score([write(target=None, energy=energy)], "y", double)
    with pytest.raises(
        InputError, match="the energy of shower 104 is not a positive number.*leave energy out"
    ):
        list(data.pieces())
