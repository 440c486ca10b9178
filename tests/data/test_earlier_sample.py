"""Studies that began on the sample of an earlier version go on with it, where the environment names it."""

from pathlib import Path

import pytest

from raysearch.data.jets.earlier_sample import VARIABLE
from raysearch.data.jets.files import SAMPLE, check_jets, jet_files
from raysearch.errors import InputError

OLD = Path(__file__).parents[1] / "compat" / "sample" / "jets.h5"


def test_it_takes_the_place_of_the_sample_that_ships(monkeypatch):
    monkeypatch.setenv(VARIABLE, str(OLD))
    assert jet_files() == [OLD]
    assert check_jets().frame == "0.1.0"
    monkeypatch.setenv(VARIABLE, "")
    assert jet_files() == [SAMPLE]


def test_other_files_do_not(monkeypatch, write_public, tmp_path):
    mine = write_public()
    for path in (mine, tmp_path, tmp_path / "no"):
        monkeypatch.setenv(VARIABLE, str(path))
        with pytest.raises(InputError, match="is not the sample that shipped with raysearch 0.1.0"):
            jet_files()
    assert jet_files(mine) == [mine]
