"""Events of pions: what the command takes and keeps; with Pythia, that they are the same however made."""

import json
import sys

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

from raysearch.cli.data import app
from raysearch.data.hits import make as module
from raysearch.data.hits.arrays import load_hits
from raysearch.data.hits.check import check_hits
from raysearch.data.hits.choices import Choices, particle_range
from raysearch.data.hits.make import make_hits
from raysearch.data.hits.recipe import BLOCK, BlockOrder, HitBlock
from raysearch.errors import InputError, ResourceError


def toy_block(order: BlockOrder) -> HitBlock:
    """Events without physics, quickly: event i of block b has one hit of b + 1 steps in sensor i."""
    place = np.arange(order.n)
    deposits = np.zeros((order.n, 2))
    deposits[:, 0] = (order.number + 1) / 1024
    return HitBlock(
        event=place,
        sensor=place,
        deposits=deposits,
        particle_energy=np.full((order.n, 2), 20.0),
        vertex=np.zeros((order.n, 2, 3)),
    )


@pytest.fixture
def toy(monkeypatch):
    """Have files of 500 events made of toy blocks in this process; returns the blocks asked for."""
    asked = []

    def made(orders, workers):
        asked.extend(order.number for order in orders)
        return map(toy_block, orders)

    monkeypatch.setattr(module, "_made", made)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: True)  # toys need no Pythia
    monkeypatch.setattr(module, "LIBRARIES", ("h5py", "numpy"))
    monkeypatch.setattr(module, "FILE", 500)
    monkeypatch.setattr("raysearch.data.hits.recipe.BLOCK", 250)
    return asked


def test_what_a_killed_command_had_finished_is_kept_and_the_rest_is_made_again(tmp_path, toy):
    files = make_hits(tmp_path, 1100, seed=1)
    assert [file.name for file in files] == [
        "pions_0_0_500.h5",
        "pions_1_500_1000.h5",
        "pions_2_1000_1100.h5",
    ]
    before = [file.read_bytes() for file in files]
    files[1].unlink()
    toy.clear()
    seen = []
    assert make_hits(tmp_path, 1100, seed=1, progress=lambda *told: seen.append(told)) == files
    assert toy == [2, 3]
    assert seen == [(850, 1100), (1100, 1100)]
    assert [file.read_bytes() for file in files] == before
    with pytest.raises(InputError, match=r"pions_0_0_500\.h5: is not of this command; name another folder"):
        make_hits(tmp_path, 1100, seed=2)


@pytest.mark.parametrize(
    ("words", "again"), [([], True), (["--seed", "2"], False), (["--particles", "1,2"], False)]
)
def test_a_command_that_makes_the_samples_events_again_says_so(tmp_path, toy, words, again):
    done = CliRunner().invoke(app, ["make", "hits", "--events", "30", "--out", str(tmp_path / "out"), *words])
    assert done.exit_code == 0
    assert ("they begin with the events of the sample that ships" in done.output) == again
    assert ("--seed 2 makes others" in done.output) == again


def test_files_are_in_the_layout_with_event_numbers_that_go_on(tmp_path, toy):
    make_hits(tmp_path, 600, seed=1)
    found = load_hits(tmp_path)
    assert found.events.tolist() == list(range(600))
    assert found.file_index.tolist() == [0] * 500 + [1] * 100
    assert found.energy.argmax(axis=1)[:500].tolist() == [*range(250), *range(250)]
    with h5py.File(tmp_path / "pions_1_500_600.h5") as file:
        assert (file["particle_type"][:] == 211).all()
        assert json.loads(file.attrs["made"])["first"] == 500


def test_provenance_says_what_is_a_parameter_and_how_events_were_made(tmp_path, toy):
    (file,) = make_hits(tmp_path, 10, seed=3, choices=Choices((1, 2), (20, 30)))
    record = json.loads(file.with_name("provenance.json").read_text())
    assert "parameters that were set, not predicted" in record["what"]
    assert (record["parameters"]["seen_charged"], record["particles"], record["seed"]) == (0.65, [1, 2], 3)
    assert record["files"] == {file.name: {"sha256": check_hits(file).sha256[file.name]}}


def test_refuses_all_that_cannot_be_at_once(tmp_path):
    (tmp_path / "broken.h5").write_bytes(b"nothing")
    with pytest.raises(InputError) as caught:
        make_hits(tmp_path, 0, seed=1, workers=0, choices=Choices((3, 2), (1, 100)))
    assert caught.value.problems == (
        "events: must be at least 1, got 0",
        "workers: must be at least 1, got 0",
        "particles: must rise from 1 to 20 at most, got 3,2",
        "energies: must rise from 2 to 200 GeV at most, got 1,100",
        f"{tmp_path / 'broken.h5'}: is not of this command; name another folder",
    )


def test_a_file_begins_with_a_block():
    """Else two files would hold events of one block's seed."""
    assert module.FILE % BLOCK == 0


def test_particles_are_one_number_or_two():
    assert particle_range("3") == (3, 3)
    assert particle_range("1,5") == (1, 5)
    for words in ("", "a", "1,2,3", "1.5"):
        with pytest.raises(InputError, match=r"particles: need a number such as 2, or two such as 1,5, got"):
            particle_range(words)


def test_names_the_missing_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pythia8mc", None)  # how Python marks a module that cannot be imported
    with pytest.raises(ResourceError, match=r"needs pythia8mc: pip install 'raysearch\[hep\]'"):
        make_hits(tmp_path / "hits", 5, seed=1)
    assert not (tmp_path / "hits").exists()


@pytest.mark.hep
def test_same_bytes_with_one_and_two_workers(tmp_path, monkeypatch):
    choices = Choices((1, 3), (5, 10))
    monkeypatch.setattr("raysearch.data.hits.recipe.BLOCK", 20)
    one = make_hits(tmp_path / "1", 50, seed=5, workers=1, choices=choices)
    two = make_hits(tmp_path / "2", 50, seed=5, workers=2, choices=choices)
    assert [file.read_bytes() for file in one] == [file.read_bytes() for file in two]
    found = check_hits(one[0])
    assert found.particles == (1, 3)
    assert not found.twins
    energy = load_hits(one[0], particles=3).particle_energy
    assert 5 < energy[energy > 0].min() < energy.max() < 10.1


@pytest.mark.hep
def test_the_commands_make_check_and_describe_hits(tmp_path):
    def run(*words):
        return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False).stdout

    out = tmp_path / "out"
    text = run("make", "hits", "--events", 20, "--seed", 2, "--energies", "10,12", "--out", out)
    assert text.startswith("made 20 events in 1 file(s) in")
    assert run("check", out, "--kind", "hits") == "ok: 20 events in 1 file(s), no fault found\n"
    facts = json.loads(run("info", out, "-k", "hits", "-f", "json"))
    assert facts["events"] == sum(facts["split"].values()) == 20
    assert facts["particles_of_an_event"] == [2, 2]
    assert "deposited share" in run("info", out, "-k", "hits")


@pytest.mark.hep
def test_the_sample_is_what_the_command_makes(tmp_path):
    """Its first block: Pythia and numpy of other versions may make other events, which is worth knowing."""
    (file,) = make_hits(tmp_path, BLOCK, seed=1)
    made, sample = load_hits(file), load_hits()
    np.testing.assert_array_equal(made.energy, sample.energy[:BLOCK])
    np.testing.assert_array_equal(made.fractions, sample.fractions[:BLOCK])
