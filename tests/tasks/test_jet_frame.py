"""A study records by which definitions its network saw jets, and scores any file by these."""

from pathlib import Path

import pytest
import torch

from raysearch.data.jets.files import SAMPLE
from raysearch.data.source import DataSource
from raysearch.tasks import load_task
from raysearch.tasks.settings import make_settings

OLD = Path(__file__).parents[1] / "compat" / "sample" / "jets.h5"
SETTINGS = {
    "optimizer": "adam",
    "learning_rate": 1e-3,
    "batch_size": 50,
    "layers": 1,
    "neurons": 8,
    "activation": "elu",
    "dropout": 0.0,
    "units": 8,
    "constituents": 10,
    "standardize": False,
}


def first_batch(path, described):
    task = load_task("jet_gru")
    pieces = task.to_score([path], make_settings(task, SETTINGS), described).pieces()
    return next(pieces).batch[0]


@pytest.mark.parametrize(("trained_on", "frame"), [(SAMPLE, "public"), (OLD, "0.1.0")])
def test_the_definitions_of_the_files_are_recorded(trained_on, frame):
    task = load_task("jet_gru")
    source = DataSource(str(trained_on), (0.6, 0.2, 0.2))
    assert task.inspect(source, make_settings(task, SETTINGS))["jet_frame"] == frame


def test_a_file_is_scored_by_those_of_the_study_and_not_by_its_own():
    by = {frame: first_batch(SAMPLE, {"jet_frame": frame}) for frame in ("public", "0.1.0")}
    assert not torch.equal(by["public"], by["0.1.0"])
    # A study that does not tell is of version 0.1.0, which knew its own alone.
    assert torch.equal(first_batch(SAMPLE, {}), by["0.1.0"])
    assert not torch.equal(first_batch(OLD, {}), first_batch(OLD, {"jet_frame": "public"}))
