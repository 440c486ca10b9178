"""Showers that are whole, of the right shape and not negative, and hold no physics."""

import h5py
import numpy as np
import pytest

from raysearch.data.showers.files import check_showers


@pytest.fixture
def showers(tmp_path):
    """Ten showers of 10 to 19 GeV, of which cells hold two percent."""

    def write(change=lambda datasets: None):
        cells = np.random.default_rng(1).uniform(0, 1, (10, 4, 4, 5)).astype(np.float32)
        energy = np.arange(10.0, 20)
        cells *= (0.02 * energy / cells.reshape(10, -1).sum(1))[:, None, None, None]
        datasets = {"ECAL": cells, "target": np.stack([np.full(10, 11), energy], axis=1)}
        change(datasets)
        path = tmp_path / "showers.h5"
        with h5py.File(path, "w") as file:
            for name, values in datasets.items():
                file[name] = values
        return check_showers(path)

    return write


def test_the_sample_that_ships_is_told_nothing_about():
    found = check_showers()
    assert found.warnings == found.twins == ()


def test_good_showers_are_told_nothing_about(showers):
    found = showers()
    assert found.warnings == found.twins == ()
    assert found.spread["sum of the cells in GeV"]["mean"] == pytest.approx(0.29, rel=1e-6)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda datasets: datasets["ECAL"].__imul__(1000), "cells hold 20 times the energy of the particle"),
        (lambda datasets: datasets["target"].__imul__(1000), "cells hold 2e-05 times the energy of the"),
        (lambda datasets: datasets["target"].__imul__(1e4), "the median energy of the particles is 1.45e+05"),
        (lambda datasets: datasets["ECAL"][3:5].fill(0), "2 showers without energy in any cell"),
        (lambda datasets: datasets.update(weight=np.ones(10)), "showers.h5: not used are weight"),
    ],
)
def test_what_is_odd_is_told(showers, change, told):
    assert told in showers(change).warnings[0]


def test_equal_showers_are_found_and_empty_ones_are_none(showers):
    def change(datasets):
        datasets["ECAL"][7] = datasets["ECAL"][2]
        datasets["ECAL"][3:5] = 0

    assert showers(change).twins == ((7, 2),)
