import hashlib
import json
import os

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

from raysearch.cli.data import app
from raysearch.data.showers import make as module
from raysearch.data.showers.choices import Angle, Choices
from raysearch.data.showers.files import check_showers, load_energies
from raysearch.data.showers.make import make_showers
from raysearch.data.showers.model import CALORIMETER
from raysearch.data.showers.recipe import BlockOrder, Recipe, in_steps, make_block
from raysearch.errors import InputError


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """250 showers by one process, and what was told meanwhile."""
    folder, seen = tmp_path_factory.mktemp("made"), []
    files = make_showers(folder, 250, seed=3, progress=lambda done, total: seen.append((done, total)))
    return files, seen


def test_same_bytes_with_one_and_two_workers(made, tmp_path):
    files, seen = made
    two = make_showers(tmp_path, 250, seed=3, workers=2)
    assert [file.name for file in files] == ["electrons_0_0_250.h5"]
    assert seen == [(100, 250), (200, 250), (250, 250)]
    assert files[0].read_bytes() == two[0].read_bytes()


def test_files_are_in_the_public_layout_with_the_energies_that_were_asked_for(made):
    (file,), _ = made
    with h5py.File(file) as opened:
        assert {name: opened[name].shape for name in opened} == {
            "ECAL": (250, 25, 25, 25),
            "target": (250, 2),
            "event": (250,),
        }
        assert (opened["target"][:, 0] == 11).all()
    energy, events, _ = load_energies(file)
    np.testing.assert_array_equal(events, np.arange(250))
    assert energy.min() > 10
    assert energy.max() < 500
    np.testing.assert_allclose(np.histogram(energy, 5, (10, 500))[0], 50, atol=25)
    assert check_showers(file).deposited == pytest.approx(CALORIMETER.sampling_fraction, rel=0.04)


def test_provenance_says_what_the_showers_are_not_and_how_they_were_made(made):
    (file,), _ = made
    record = json.loads(file.with_name("provenance.json").read_text())
    assert "profile, radii and resolution are its inputs" in record["what"]
    assert record["files"] == {file.name: {"sha256": check_showers(file).sha256[file.name]}}
    assert (record["seed"], record["showers"], record["detector"]["sampling"]) == (3, 250, 0.17)


def test_what_a_killed_command_had_finished_is_kept_and_the_rest_is_made_again(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "FILE", 100)
    files = make_showers(tmp_path / "a", 200, seed=1)
    bytes_of = [file.read_bytes() for file in files]
    os.utime(files[0], (1, 1))
    half = files[1].with_name(f".{files[1].name}.part")
    half.write_bytes(bytes_of[1][:5000])
    files[1].unlink()
    seen = []
    again = make_showers(tmp_path / "a", 200, seed=1, progress=lambda done, _: seen.append(done))
    assert again == files
    assert files[0].stat().st_mtime == 1
    assert [file.read_bytes() for file in again] == bytes_of
    assert seen == [200]
    assert not half.exists()


def test_files_of_other_commands_are_not_mixed_with_new_ones(made):
    files, _ = made
    for changes in ({"seed": 4}, {"seed": 3, "choices": Choices(compact=True)}):
        with pytest.raises(InputError, match=r"electrons_0_0_250.h5: is not of this command"):
            make_showers(files[0].parent, 250, **changes)


def test_refuses_all_that_cannot_be_at_once(tmp_path):
    (tmp_path / "broken.h5").write_bytes(b"nothing")
    with pytest.raises(InputError) as caught:
        make_showers(tmp_path, 0, seed=1, workers=0)
    assert caught.value.problems == (
        "showers: must be at least 1, got 0",
        "workers: must be at least 1, got 0",
        f"{tmp_path / 'broken.h5'}: is not of this command; name another folder",
    )


def test_blocks_differ_by_seed_and_number_and_keep_few_bits():
    orders = [BlockOrder(Recipe(seed, 0, 300), number, 3) for seed, number in ((1, 0), (1, 1), (2, 0))]
    one, *others = (make_block(order) for order in orders)
    np.testing.assert_array_equal(one.cells, make_block(orders[0]).cells)
    assert all((one.energy != other.energy).all() for other in others)
    some = one.cells[one.cells > 0]
    assert some.min() >= 1e-5
    assert (some.view(np.uint32) & 0x1FFF == 0).all()


def test_compact_cells_are_whole_steps_and_layers_keep_their_energy():
    order = BlockOrder(Recipe(1, 0, 20), 0, 20)
    full, step = make_block(order).cells, 2.0**-11
    compact = in_steps(full)
    assert (compact >= 0).all()
    assert (compact % step == 0).all()
    layers, before = (cells.sum(axis=(1, 2), dtype=np.float64) for cells in (compact, full))
    assert np.abs(layers - before).max() < 0.501 * step
    np.testing.assert_array_equal(in_steps(compact), compact)
    rows, before = (cells.sum(axis=1, dtype=np.float64) for cells in (compact, full))
    assert np.abs(rows - before).max() < 13 * step


def test_the_commands_make_check_and_describe_showers(tmp_path):
    def run(*words):
        return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False).stdout

    out = tmp_path / "out"
    text = run("make", "showers", "--showers", 20, "--seed", 2, "--compact", "--out", out)
    assert text.startswith("made 20 showers in 1 file(s) in")
    assert run("check", out, "--kind", "showers") == "ok: 20 showers in 1 file(s), no fault found\n"
    facts = json.loads(run("info", out, "-k", "showers", "-f", "json"))
    assert facts["showers"] == sum(facts["split"].values()) == 20
    assert facts["sha256"] == check_showers(out).sha256
    assert "deposited share" in run("info", out, "-k", "showers")


def content(file):
    with h5py.File(file) as opened:
        found = hashlib.sha256(b"".join(opened[name][:].tobytes() for name in ("ECAL", "target", "event")))
        found.update(opened.attrs["made"].encode())
    return found.hexdigest()


@pytest.mark.parametrize(
    ("compact", "expected"),
    [
        (False, "c763a9ccfdc99bfcf5fe7a8b37d10c70058535635e987ba3e6a11494872e8457"),
        (True, "11e953628aa1da988315d8f95d5de09cf7fdb5c5542bdc34f8bdb7a42f1ab7af"),
    ],
)
def test_without_choices_showers_and_recipe_are_those_of_version_0_1_0(tmp_path, compact, expected):
    (file,) = make_showers(tmp_path, 130, seed=5, choices=Choices(compact))
    assert content(file) == expected


def test_showers_at_variable_angle_are_in_the_public_layout(tmp_path):
    choices = Choices(angle=Angle.variable, energy_gev=(100, 200))
    (file,) = make_showers(tmp_path / "one", 120, seed=1, choices=choices)
    with h5py.File(file) as opened:
        shapes = {name: opened[name].shape for name in opened}
    assert shapes == {"ECAL": (120, 51, 51, 25), "energy": (120,), "theta": (120,), "event": (120,)}
    found = check_showers(file)
    np.testing.assert_allclose(found.energy_gev, (100, 200), atol=5)
    np.testing.assert_allclose(np.degrees(found.theta_rad), (60, 120), atol=2)
    (again,) = make_showers(tmp_path / "two", 120, seed=1, workers=2, choices=choices)
    assert again.read_bytes() == file.read_bytes()
    record = json.loads(file.with_name("provenance.json").read_text())
    assert record["layout_after"].startswith("3DGAN variable-angle electrons (ECAL, energy, theta)")
    with pytest.raises(InputError, match="is not of this command"):
        make_showers(tmp_path / "one", 120, seed=1, choices=Choices(energy_gev=(100, 200)))


@pytest.mark.parametrize("energies", [(0.5, 10), (100, 2000), (20, 10)])
def test_energies_outside_the_model_are_refused(tmp_path, energies):
    with pytest.raises(InputError, match=r"energies: must rise from 1 to 1000 GeV at most, got"):
        make_showers(tmp_path, 10, seed=1, choices=Choices(energy_gev=energies))


def test_the_command_takes_angle_energies_and_sampling(tmp_path):
    def run(*words):
        return CliRunner().invoke(app, ["make", "showers", "--showers", "20", "--out", str(tmp_path), *words])

    done = run("--angle", "variable", "--energies", "20,22", "--sampling", "falling")
    assert done.exit_code == 0, done.output
    found = check_showers(tmp_path)
    assert found.energy_gev[1] < 22
    assert found.deposited == pytest.approx(0.0216, rel=0.06)
    refused = run("--energies", "20")
    assert isinstance(refused.exception, InputError)
    assert "need two numbers of GeV such as 10,500, got '20'" in str(refused.exception)
    assert run("--angle", "steep").exit_code == 2
