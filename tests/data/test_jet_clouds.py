"""Jets of either layout as point clouds: the same jets give the same points; what cannot be is refused."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from jet_files import rows_of_class, sample_clouds, write_jet_file, write_jetnet
from whole_jets import load_jets

from raysearch.data.clouds.arrays import cloud_arrays
from raysearch.data.clouds.check import check_clouds
from raysearch.data.clouds.jets import load_jet_clouds
from raysearch.data.jets.files import load_events
from raysearch.data.jets.layout import CLASSES, FEATURES
from raysearch.errors import InputError
from raysearch.metrics.generation.jet_sample import JetSample


def test_points_are_those_of_the_sample_around_their_jets_axis() -> None:
    whole = load_jets(None, 30)
    columns = [FEATURES.index(f"j1_{name}") for name in ("etarel", "phirel", "ptrel")]
    found = load_jet_clouds()
    assert np.array_equal(found.particles, whole.features[..., columns])
    assert np.array_equal(found.labels, whole.labels)
    assert found.shares == dict.fromkeys(CLASSES, 0.2)
    tops = found.of_class("t")
    assert np.array_equal(tops.particles, found.particles[whole.labels == CLASSES.index("t")])
    total = found.particles[..., 2].sum(axis=1)
    assert 0.8 < np.median(total) <= 1  # of the 30 hardest


def test_jetnets_layout_gives_the_same_points_and_its_files_names_are_classes(tmp_path: Path) -> None:
    jets = sample_clouds()[:50]
    for name in ("t.hdf5", "q150.hdf5", "g30.hdf5", "gen.h5"):
        write_jetnet(tmp_path / name, jets, mask=name != "gen.h5")
        found = load_jet_clouds(tmp_path / name)
        assert np.array_equal(found.particles, jets)
        assert found.shares == ({} if name == "gen.h5" else {name[0]: 1.0})
    assert len(load_jet_clouds(tmp_path)) == 200


def test_labels_that_a_generator_wrote_go_before_the_files_name(tmp_path: Path) -> None:
    jets = sample_clouds()[:6]
    path = write_jetnet(tmp_path / "g.h5", jets)
    with h5py.File(path, "a") as file:
        file["label"] = np.array([0, 1, 2, 3, 4, 0])
    assert load_jet_clouds(path).labels.tolist() == [0, 1, 2, 3, 4, 0]
    for labels, fault in (([0, 1], "one for each of the 6 jets"), ([0, 1, 2, 3, 4, 5], "has 0 to 5")):
        with h5py.File(path, "a") as file:
            del file["label"]
            file["label"] = np.array(labels)
        with pytest.raises(InputError, match=fault):
            load_jet_clouds(path)


def test_masked_particles_are_left_out_and_the_hardest_come_first(tmp_path: Path) -> None:
    particles = np.array([[[0.1, 0.2, 0.1], [0.3, 0.1, 0.5], [9, 9, 9], [0.2, 0.2, 0.4]]])
    path = tmp_path / "made.h5"
    with h5py.File(path, "w") as file:
        file["particle_features"] = np.dstack([particles, [[1.0, 1, 0, 1]]])
    expected = np.float32([[[0.3, 0.1, 0.5], [0.2, 0.2, 0.4]]])
    assert np.array_equal(load_jet_clouds(path, points=2).particles, expected)
    four = load_jet_clouds(path, points=5).particles
    assert np.array_equal(four[:, :2], expected)
    assert (four[:, 3:] == 0).all()


def test_files_of_few_constituents_or_without_classes_will_do(tmp_path: Path) -> None:
    few = write_jet_file(tmp_path / "few.h5", slice(20))
    with h5py.File(few, "r+") as file:
        short = file["jetConstituentList"][:, :7]
        del file["jetConstituentList"], file["jets"]
        file["jetConstituentList"] = short
    found = load_jet_clouds(few)
    assert found.particles.shape == (20, 30, 3)
    assert (found.particles[:, 7:] == 0).all()
    assert found.shares == {}
    with pytest.raises(InputError, match="class g: no jet is of it; there are jets without a class alone"):
        found.of_class("g")
    with pytest.raises(InputError, match="class top: must be one of g, q, w, z, t"):
        found.of_class("top")


def test_what_holds_no_jets_is_refused_with_all_faults(tmp_path: Path) -> None:
    faulty = {"nan.h5": (3, 5, 1, np.nan), "mask.h5": (7, 0, 3, 0.5)}
    for name, (jet, particle, feature, value) in faulty.items():
        path = write_jetnet(tmp_path / name, sample_clouds()[:20])
        with h5py.File(path, "r+") as file:
            file["particle_features"][jet, particle, feature] = value
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["showers"] = np.zeros(3)
    with h5py.File(tmp_path / "shape.h5", "w") as file:
        file["particle_features"] = np.zeros((3, 30, 2))
    with pytest.raises(InputError) as refused:
        load_jet_clouds(tmp_path)
    told = str(refused.value)
    assert "nan.h5: particle_features[3, 5, 1]: is not finite" in told
    assert "mask.h5: particle_features[7, 0, 3]: is a mask that is neither 0 nor 1" in told
    assert "other.h5: holds no jets: needs jetConstituentList" in told
    assert "but holds showers" in told
    assert "shape.h5: particle_features: must be (jet, particle, 4)" in told


def test_prepared_clouds_are_those_of_a_class_with_their_events(tmp_path: Path) -> None:
    found, rows = cloud_arrays(of_class="w"), rows_of_class("w")
    assert np.array_equal(found.particles, sample_clouds()[rows])
    assert np.array_equal(found.events, load_events()[0][rows])
    assert set(found.labels) == {CLASSES.index("w")}
    assert not found.particles.flags.writeable
    for name, some in {"g.hdf5": slice(20), "q.hdf5": slice(20, 50)}.items():
        write_jetnet(tmp_path / name, sample_clouds()[some])
    both = cloud_arrays(tmp_path, points=10)
    assert both.particles.shape == (50, 10, 3)
    assert np.bincount(both.file_index).tolist() == [20, 30]
    assert len(set(both.events)) == 50
    alone = cloud_arrays(tmp_path / "q.hdf5", points=10)
    assert np.array_equal(alone.events, both.events[20:])  # whatever lies beside it
    with pytest.raises(InputError, match="points: must be at least 1, got 0"):
        cloud_arrays(tmp_path, points=0)


def test_a_check_tells_classes_and_what_is_odd_and_refuses_other_units(tmp_path: Path) -> None:
    jets = sample_clouds()[:40].copy()
    jets[0], jets[1], jets[2, 3, 2] = 0, jets[5], -0.1
    path = write_jetnet(tmp_path / "z.hdf5", jets)
    found = check_clouds(path)
    assert (found.n_per_class["z"], found.n_unknown, found.twins) == (40, 0, ((5, 1),))
    assert found.warnings == ("1 particles have a pT below 0", "1 jets have no particle")
    assert found.facts()["particles_per_jet"]["here"][2] == 30
    gev = write_jetnet(tmp_path / "gev.h5", 1000 * jets)
    with pytest.raises(InputError, match=r"pT_rel add up to 9\d\d in a jet at the median"):
        check_clouds(gev)
    copy = tmp_path / "copy.h5"
    copy.write_bytes(path.read_bytes())
    with pytest.raises(InputError, match="is a copy of"):
        check_clouds((path, copy))


def test_places_that_are_not_around_the_axis_are_refused_and_tev_are_told(tmp_path: Path) -> None:
    jets = sample_clouds()[:60]
    there = jets[..., 2:] > 0
    rng = np.random.default_rng(1)
    axes = np.stack([rng.normal(0, 1, 60), rng.uniform(-np.pi, np.pi, 60)], axis=1)[:, None]
    absolute, degrees, tev = jets.copy(), jets.copy(), jets.copy()
    absolute[..., :2] += np.where(there, axes, 0)
    degrees[..., 1] *= 180 / np.pi
    tev[..., 2] *= rng.uniform(0.8, 1.6, (60, 1))
    for name, wrong in {"absolute": absolute, "degrees": degrees}.items():
        with pytest.raises(
            InputError, match="they must be distances from the jet's axis, neither eta and phi"
        ):
            check_clouds(write_jetnet(tmp_path / f"{name}.h5", wrong))
    (told,) = check_clouds(write_jetnet(tmp_path / "tev.h5", tev)).warnings
    assert told.endswith("of 60 jets; are they shares of the jet's pT, or TeV?")
    assert check_clouds().warnings == ()


def test_a_pt_of_0_is_padding_wherever_it_lies(tmp_path: Path) -> None:
    jets = sample_clouds()[:40].copy()
    jets[:, 20:] = 0
    placed = jets.copy()
    placed[:, 20:, :2] = 0.2, -0.2
    for mask in (False, True):
        path = write_jetnet(tmp_path / f"{mask}.h5", placed, mask=mask)
        assert np.array_equal(load_jet_clouds(path).particles, jets)
    assert np.array_equal(JetSample(placed).there, JetSample(jets).there)


def test_jets_of_one_particle_are_no_copies_of_each_other(tmp_path: Path) -> None:
    jets = sample_clouds()[:40].copy()
    jets[[3, 7]] = 0
    jets[[3, 7], 0] = (0, 0, 1)
    write_jetnet(tmp_path / "t.hdf5", jets, mask=True)
    assert check_clouds(tmp_path / "t.hdf5").twins == ()
