"""What every task on files gets: one copy of the rows for all, read anew when files change."""

import os
import shutil
from dataclasses import dataclass

import h5py
import numpy as np
import torch

from raysearch.data.jets.files import SAMPLE
from raysearch.data.source import DataSource
from raysearch.tasks import load_task
from raysearch.tasks.file_task import FileTask, Rows
from raysearch.tasks.settings import make_settings


@dataclass(frozen=True)
class ColumnSettings:
    column: int
    centred: bool = False
    batch_size: int = 10


class Column(FileTask[ColumnSettings]):
    """One column of `jets` as it is in the files; the tensors depend on the training part."""

    Settings = ColumnSettings
    kind = "jets"
    read = 0

    def view(self, settings):
        return settings.column

    @staticmethod
    def rows(path, view):
        Column.read += 1
        with h5py.File(path or SAMPLE) as file:
            values = torch.from_numpy(file["jets"][:, [view]])
            return Rows((values,), file["event"][:], np.zeros(len(values), int))

    def tensors(self, rows, split):
        return (rows.tensors[0], rows.tensors[0] - rows.tensors[0][split.train].mean())

    def is_standardized(self, settings):
        return settings.centred

    def model(self, settings):
        raise NotImplementedError

    predict = metrics = model


def source(path=None, **changes):
    return DataSource(path, (0.6, 0.2, 0.2), **changes)


def test_rows_are_read_once_for_all_folds_and_anew_when_a_file_changes(tmp_path):
    path = tmp_path / "jets.h5"
    shutil.copy(SAMPLE, path)
    task, settings, before = Column(), ColumnSettings(1), Column.read
    parts = [task.load(source(str(path), folds=3, fold=fold), settings) for fold in range(3)]
    assert Column.read == before + 1
    for part in parts:
        assert abs(part.train.column(1).mean()) < 1e-3 * part.train.column(1).std()
    assert not torch.equal(parts[0].test.column(1), parts[1].test.column(1))
    os.utime(path, (1, 1))
    task.load(source(str(path)), settings)
    assert Column.read == before + 2


def test_the_description_counts_what_load_gives_and_names_folds_only_if_there_are_some():
    task, settings = Column(), ColumnSettings(1)
    facts, parts = (
        task.inspect(source(folds=4, fold=1), settings),
        task.load(source(folds=4, fold=1), settings),
    )
    assert [facts["n_train"], facts["n_validation"], facts["n_test"]] == [
        len(part) for part in (parts.train, parts.validation, parts.test)
    ]
    assert (facts["n_jets"], facts["units"], facts["folds"]) == (10_000, "jets", 4)
    assert "folds" not in task.inspect(source(), settings)
    assert list(facts["files"]) == ["jets.h5"]


def test_standardisation_is_by_the_training_part_of_each_fold():
    task, settings = Column(), ColumnSettings(1, centred=True)
    for fold in range(2):
        train = task.load(source(folds=2, fold=fold), settings).train
        assert abs(train.tensors[0].mean()) < 1e-4
        assert abs(train.tensors[0].std() - 1) < 1e-4
    assert task.scaling(source(), ColumnSettings(1)) is None


def test_taggers_that_see_the_same_share_one_copy():
    dense = {"layers": 1, "neurons": 20, "activation": "elu", "dropout": 0.0}
    gru = load_task("jet_gru")
    net = load_task("jedinet")
    seen = make_settings(gru, {**dense, "units": 20, "constituents": 12})
    network = {"hidden": 10, "effect_size": 4, "output_size": 4, "constituents": 12} | dict.fromkeys(
        ("activation_relation", "activation_object", "activation_classifier"), "elu"
    )
    one = gru.load(source(), seen).train._stored[0]
    other = net.load(source(), make_settings(net, network)).test._stored[0]
    assert one.data_ptr() == other.data_ptr()
