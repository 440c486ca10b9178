"""What a generator has to know of its training part is of the model's own fold and settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from after_studies import TOY, load, tune
from toy import TOY_TASK

from raysearch.after.generate import write_generated
from raysearch.data.conditions import Conditions
from raysearch.errors import InputError

GENERATES = f"""
import sys
sys.path.insert(0, {str(TOY_TASK.parent)!r})
import torch
from raysearch.data.to_score import ToScore, Piece
from toy_task import Toy

class Generates(Toy):
    is_averaged = False
    def training_facts(self, source, settings):
        return {{"fold": source.fold, "width": settings.width}}
    def predict(self, model, batch, chance):
        drawn = torch.rand((len(batch[0]), 1), generator=chance)
        return {{"outputs": super().predict(model, batch, chance), "drawn": drawn}}
    def written(self, outputs, data):
        return {{"drawn": outputs["drawn"].numpy()}}
    def to_generate(self, wanted, settings, described):
        assert described["n_train"] == 64
        assert described["width"] == settings.width
        x = torch.full((wanted.number, 1), float(described["fold"]))
        def pieces():
            for at in range(0, len(x), 8):
                some = x[at : at + 8]
                yield Piece(0, at, (some, some), {{"fold": some.numpy()}})
        return ToScore((), len(x), pieces)
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    (folder / "own.py").write_text(GENERATES)
    text = TOY.format(task="own.py", folds=3).replace(":Toy", ":Generates")
    tune(folder, f"{text}storage: {{keep: all}}\n", "toy")
    return folder / "runs" / "toy"


def folds_in(path: Path) -> list[int]:
    with h5py.File(path) as file:
        return [int(value) for value in file["fold"][:, 0]]


@pytest.mark.parametrize("which", ["best", "0", "1"])
def test_each_model_is_asked_by_its_own_training_part(study: Path, tmp_path: Path, which: str) -> None:
    trained = load(study, which)
    told = [dict(fold.training_facts) for fold in trained.models]
    assert told == [{"fold": fold, "width": trained.settings.width} for fold in range(3)]
    made = write_generated(trained, Conditions(number=18), tmp_path / "made.h5")
    assert (made.n_rows, made.n_models) == (18, 3)
    # Pieces of 8, 8 and 2 rows, each shared out among the three.
    assert folds_in(tmp_path / "made.h5") == [0, 0, 1, 1, 1, 2, 2, 2] * 2 + [1, 2]


def test_fewer_rows_than_models_can_be_asked_for(study: Path, tmp_path: Path) -> None:
    made = write_generated(load(study), Conditions(number=1), tmp_path / "made.h5")
    assert (made.n_rows, made.n_models) == (1, 1)
    assert len(folds_in(tmp_path / "made.h5")) == 1


def test_another_seed_makes_other_rows(study: Path, tmp_path: Path) -> None:
    made = {}
    for name, seed in (("a", 0), ("again", 0), ("b", 1)):
        write_generated(load(study), Conditions(number=30, seed=seed), tmp_path / f"{name}.h5")
        with h5py.File(tmp_path / f"{name}.h5") as file:
            assert file.attrs["seed"] == seed
            made[name] = file["drawn"][:]
    assert np.array_equal(made["a"], made["again"])
    assert not np.isin(made["a"], made["b"]).any()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"like": (Path("x.h5"),), "number": 10}, "--like: makes a row for each row of the files"),
        ({"like": (Path("x.h5"),), "values": {"energies": (1.0,)}}, "--like: takes the conditions"),
        ({"number": 0}, "--number: needs at least 1"),
        ({"seed": -1}, "--seed: needs 0 or more"),
    ],
)
def test_wishes_that_contradict_each_other_are_refused(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        Conditions(**wrong)


def test_a_generator_without_conditions_says_so() -> None:
    with pytest.raises(InputError, match=r"--angles: .* no such condition; it has none; give --number"):
        Conditions({"angles": (90.0,)}).only()
