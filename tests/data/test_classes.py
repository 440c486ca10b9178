"""A class that a part or a fold lacks is told before anything trains."""

import numpy as np
import pytest

from raysearch.data.jets.classes import load_labels, missing_classes
from raysearch.data.source import DataSource
from raysearch.errors import InputError
from raysearch.tasks import load_task
from raysearch.tasks.settings import make_settings

SOURCE = DataSource(None, (0.6, 0.2, 0.2))


def told(labels, source=SOURCE):
    return list(missing_classes(np.asarray(labels), None, np.zeros(len(labels), int), source))


def test_labels_are_those_of_the_files_in_order(write_public):
    write_public("one.h5", n=20)
    path = write_public("two.h5", n=13, first=40)
    assert load_labels(path.parent).tolist() == [row % 5 for n in (20, 13) for row in range(n)]


def test_part_class_counts_and_remedy_are_told():
    labels = np.arange(100) % 5
    assert told(labels) == []
    labels[80:][labels[80:] == 4] = 0
    assert told(labels) == [
        (
            "data: the test part has no jet of class t among its 20, split by rows; the files have 16 of t; "
            "give more jets of it, or another data.split"
        )
    ]
    labels[labels == 4] = 0
    assert [line.partition(" has no")[0] for line in told(labels)] == [
        "data: the training part",
        "data: the validation part",
        "data: the test part",
    ]
    assert "the files have none of t: all of g, q, w, z, t are needed" in told(labels)[0]


def test_every_fold_is_looked_at_and_named():
    labels = np.arange(100) % 4
    labels[[10, 90]] = 4
    lines = told(labels, DataSource(None, (0.6, 0.2, 0.2), folds=4, fold_by="random"))
    assert len(lines) == 4  # one jet of t beside the test part: three folds cannot validate, one cannot train
    assert all("fewer folds" in line for line in lines)
    assert {line.partition(" has no")[0].rpartition("fold ")[2] for line in lines} == {"0", "1", "2", "3"}


def test_a_limit_may_leave_a_class_out():
    labels = np.arange(100) % 5
    (line,) = told(labels, DataSource(None, (0.6, 0.2, 0.2), limit=3))
    assert "training part has no jet of class" in line
    assert "a larger data.limit" in line


def test_a_tagger_is_refused_before_it_trains(write_public):
    def without_top(datasets):
        datasets["jets"][:, 53:58] = np.eye(5)[np.arange(20) % 4]

    path = write_public(change=without_top)
    task = load_task("jet_dnn")
    settings = make_settings(
        task,
        {
            "layers": 1,
            "neurons": 4,
            "activation": "relu",
            "dropout": 0.0,
            "optimizer": "adam",
            "learning_rate": 0.01,
            "batch_size": 4,
        },
    )
    with pytest.raises(InputError, match="test part has no jet of class t"):
        task.inspect(DataSource(str(path), (0.6, 0.2, 0.2)), settings)
