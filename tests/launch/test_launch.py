"""A study goes on only with what decided its results so far."""

from __future__ import annotations

import shutil
from pathlib import Path

import h5py
import pytest

from raysearch.data.jets.files import SAMPLE
from raysearch.errors import InputError
from raysearch.launch.begin import create_study
from raysearch.launch.prepare import prepare
from raysearch.launch.unchanged import check_unchanged
from raysearch.space.space_file import read_space_file

SPACE = Path(__file__).parents[2] / "searchspaces/jet-dnn.yaml"


def test_files_that_were_changed_or_added_or_are_gone_are_named(tmp_path: Path) -> None:
    data, folder = tmp_path / "data", tmp_path / "runs" / "s"
    data.mkdir()
    shutil.copy(SAMPLE, data / "a.h5")
    create_study(prepare(read_space_file(SPACE, [f"data.path={data}"]), folder.parent), folder, 1).close()
    check_unchanged(folder, allow_skew=False)
    with h5py.File(SAMPLE) as sample, h5py.File(data / "b.h5", "w") as file:  # equal files would be refused
        for name, values in sample.items():
            file[name] = values[:500] if values.ndim > 1 or len(values) > 500 else values[:]
    with pytest.raises(InputError) as caught:
        check_unchanged(folder, allow_skew=False)
    assert caught.value.problems == ("data: b.h5 was added since the study began",)
    (data / "a.h5").unlink()
    with pytest.raises(InputError) as caught:
        check_unchanged(folder, allow_skew=False)
    assert caught.value.problems == (
        "data: a.h5 was changed or is gone since the study began",
        "data: b.h5 was added since the study began",
    )
