"""Showers of any grid and in the layouts of 3DGAN and CaloChallenge, read alike; written ones come back."""

import math

import h5py
import numpy as np
import pytest

from raysearch.data.showers.cells import load_cells, middle
from raysearch.data.showers.files import check_showers, load_energies, pieces
from raysearch.data.showers.projection import load_projections
from raysearch.data.showers.recipe import ShowerBlock
from raysearch.data.showers.writer import ShowerFile, write_showers
from raysearch.errors import InputError, StorageError


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RAYSEARCH_CACHE", str(tmp_path / "cache"))


def save(path, **datasets):
    with h5py.File(path, "w") as file:
        for name, values in datasets.items():
            file[name] = values
    return path


@pytest.fixture
def inclined(tmp_path):
    """120 showers as the public files at variable angle have them, in a smaller grid."""
    rng = np.random.default_rng(1)
    cells = rng.random((120, 7, 7, 5)).astype(np.float32)
    return save(
        tmp_path / "angles.h5", ECAL=cells, energy=np.arange(120) + 2.0, theta=np.linspace(1.1, 2.0, 120)
    )


@pytest.fixture
def challenge(tmp_path):
    """3 showers as in CaloChallenge's data set 2: 45 layers, 16 angles, 9 radii; each voxel a number."""
    voxels = np.arange(3 * 6480, dtype=np.float64).reshape(3, 6480)
    return save(
        tmp_path / "dataset_2.hdf5", showers=voxels, incident_energies=np.array([[1e3], [2e4], [1e6]])
    )


def test_files_at_variable_angle_tell_grid_angles_and_energies(inclined):
    found = check_showers(inclined)
    assert (found.layout, found.grid, found.n) == ("3DGAN", (7, 7, 5), 120)
    np.testing.assert_allclose(found.theta_rad, (1.1, 2.0))
    assert found.energy_gev == (2, 121)
    assert found.occupancy == pytest.approx(1, abs=1e-3)
    assert found.facts()["cells"] == [7, 7, 5]
    cells = load_cells(inclined)
    np.testing.assert_allclose(cells.theta, np.linspace(1.1, 2.0, 120), rtol=1e-6)
    with h5py.File(inclined) as file:
        np.testing.assert_array_equal(cells.cells, file["ECAL"][:])
    assert not cells.cells.flags.writeable


def test_the_measured_angle_and_eta_stand_in_for_theta(tmp_path):
    common = {"ECAL": np.ones((2, 3, 3, 3)), "energy": [1.0, 2.0]}
    measured = save(tmp_path / "a.h5", **common, mtheta=[1.0, 2.0], eta=[0.0, 0.5])
    eta = save(tmp_path / "b.h5", **common, eta=[0.0, 0.5])
    assert next(pieces(measured)).theta.tolist() == [1, 2]
    np.testing.assert_allclose(next(pieces(eta)).theta, [math.pi / 2, 2 * math.atan(math.exp(-0.5))])


def test_calochallenge_is_read_as_gev_with_layers_last(challenge):
    (piece,) = pieces(challenge)
    assert piece.cells.shape == (3, 16, 9, 45)
    assert piece.cells.dtype == np.float32
    layer, angle, radius = 7, 11, 4
    voxel = 6480 + (layer * 16 + angle) * 9 + radius
    assert piece.cells[1, angle, radius, layer] == pytest.approx(1e-3 * voxel)
    assert piece.energy.tolist() == [1, 20, 1000]
    found = check_showers(challenge)
    assert (found.layout, found.grid, found.theta_rad) == ("CaloChallenge", (16, 9, 45), None)
    assert len(set(load_energies(challenge)[1])) == 3
    assert load_cells(challenge).theta is None


def test_what_calochallenge_files_may_not_be(tmp_path):
    few = save(tmp_path / "few.h5", showers=np.zeros((2, 368)), incident_energies=np.ones((2, 1)))
    other = save(tmp_path / "other.h5", showers=np.zeros((2, 6480)), incident_energies=np.ones((3, 2)))
    alone = save(tmp_path / "alone.h5", showers=np.zeros((2, 6480)))
    with pytest.raises(InputError) as caught:
        check_showers(tmp_path)
    grids = "known are those of CaloChallenge's data sets 2 and 3, 6,480, 40,500"
    assert caught.value.problems == (
        f"{alone}: incident_energies: is missing; it must be (showers, 1)",
        f"{few}: showers: 368 voxels are of no grid with layers that are alike; {grids}",
        f"{other}: incident_energies: must be (showers, 1), is (3, 2)",
    )


def test_faults_of_cells_and_angles_are_told_with_their_place(tmp_path):
    cells = np.ones((150, 3, 3, 2), np.float32)
    cells[140, 1, 2, 0] = -1
    theta = np.ones(150)
    theta[[3, 120]] = 4, np.nan
    path = save(tmp_path / "a.h5", ECAL=cells, energy=np.ones(150), theta=theta)
    with pytest.raises(InputError) as caught:
        check_showers(path)
    assert caught.value.problems == (
        f"{path}: 2 angles outside 0 to pi rad, first angle of shower 3",
        f"{path}: 1 cells below 0, first ECAL[140, 1, 2, 0]",
    )


def test_files_of_other_grids_and_without_angles_are_not_mixed(inclined, tmp_path):
    other = save(tmp_path / "b.h5", ECAL=np.ones((2, 7, 7, 4)), energy=[1.0, 2.0])
    told = (
        f"{other}: has cells (7, 7, 4), but {inclined} has (7, 7, 5)",
        f"{other}: has no angles, but {inclined} has angles",
    )
    for read in (check_showers, load_cells):
        with pytest.raises(InputError) as caught:
            read(tmp_path)
        assert caught.value.problems == told


def test_projections_are_of_the_fixed_angle_only(inclined):
    with pytest.raises(InputError, match=r"ECAL: must be \(showers, 25, 25, 25\), is \(120, 7, 7, 5\)"):
        load_projections(inclined, "y")


def test_a_window_holds_the_middle_and_the_first_layers(inclined):
    whole, window = load_cells(inclined).cells, load_cells(inclined, (3, 5, 4)).cells
    np.testing.assert_array_equal(window, whole[:, 2:5, 1:6, :4])
    np.testing.assert_array_equal(middle(whole, (7, 7, 5)), whole)
    with pytest.raises(InputError, match=r"window: needs 1 to \(7, 7, 5\) cells, got \(8, 7, 5\)"):
        load_cells(inclined, (8, 7, 5))


def blocks_of(n, theta, sizes=(100, 20)):
    rng = np.random.default_rng(2)
    cells = rng.random((n, 4, 4, 3)).astype(np.float32)
    energy = rng.uniform(10, 500, n).astype(np.float32)
    angles = rng.uniform(1.1, 2, n).astype(np.float32) if theta else None
    starts = np.cumsum((0, *sizes))[:-1]
    return [
        ShowerBlock(
            energy[start : start + size],
            cells[start : start + size],
            None if angles is None else angles[start : start + size],
        )
        for start, size in zip(starts, sizes, strict=True)
    ]


@pytest.mark.parametrize("theta", [False, True])
def test_what_is_written_is_read_again(tmp_path, theta):
    blocks, told = blocks_of(120, theta), []
    file = ShowerFile(tmp_path / "out.h5", 120, (4, 4, 3), theta, {"made": "by a test"}, first_event=7)
    write_showers(file, iter(blocks), told.append)
    assert told == [100, 120]
    back = load_cells(file.path)
    np.testing.assert_array_equal(back.cells, np.concatenate([block.cells for block in blocks]))
    np.testing.assert_array_equal(back.energy, np.concatenate([block.energy for block in blocks]))
    assert (back.theta is not None) == theta
    if theta:
        np.testing.assert_array_equal(back.theta, np.concatenate([block.theta for block in blocks]))
    assert back.events.tolist() == list(range(7, 127))
    with h5py.File(file.path) as opened:
        assert opened.attrs["made"] == "by a test"
        assert set(opened) == ({"ECAL", "event", "energy", "theta"} if theta else {"ECAL", "event", "target"})


def test_a_file_that_cannot_be_whole_is_not_there(tmp_path):
    wanted = {
        "only 120 of 121 showers came": ShowerFile(tmp_path / "a.h5", 121, (4, 4, 3)),
        "more than 119 showers": ShowerFile(tmp_path / "b.h5", 119, (4, 4, 3)),
        r"cells \(100, 4, 4, 3\) for 100 showers of \(4, 4, 2\)": ShowerFile(
            tmp_path / "c.h5", 120, (4, 4, 2)
        ),
        "angles are missing": ShowerFile(tmp_path / "d.h5", 120, (4, 4, 3), with_theta=True),
    }
    for message, file in wanted.items():
        with pytest.raises(InputError, match=message):
            write_showers(file, blocks_of(120, theta=False))
    with pytest.raises(InputError, match="angles for showers at a fixed angle"):
        write_showers(ShowerFile(tmp_path / "e.h5", 120, (4, 4, 3)), blocks_of(120, theta=True))
    with pytest.raises(StorageError, match="cannot be written"):
        write_showers(ShowerFile(tmp_path / "none" / "f.h5", 120, (4, 4, 3)), blocks_of(120, theta=False))
    assert list(tmp_path.iterdir()) == []
