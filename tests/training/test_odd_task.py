"""What seems wrong with the rows and figures of a user's own task is told before the first run."""

from __future__ import annotations

from pathlib import Path

import pytest
from gan_runs import SOURCE

from raysearch.data.source import DataSource
from raysearch.errors import InputError
from raysearch.launch.prepare import prepare
from raysearch.space.space_file import read_space_file
from raysearch.tasks import load_task
from raysearch.tasks.settings import make_settings
from raysearch.training.rehearsal import Wanted, rehearse

TAGGER = Path(__file__).parents[1] / "own_tagger.py"


def rehearsed(folder: Path, body: str = "", source: DataSource = SOURCE, *objectives: str):
    path = folder / "mine.py"
    path.write_text(f"{TAGGER.read_text()}\n\nclass Mine(Tagger):\n    pass\n{body}")
    return rehearse(f"{path}:Mine", source, {}, [], Wanted(objectives))


def told(*args) -> list[str]:
    return rehearsed(*args).data.get("warnings", [])


@pytest.mark.parametrize(("value", "is_taken"), [("false", False), ("", False), (False, True), (1, True)])
def test_a_text_is_no_boolean(tmp_path: Path, value: object, is_taken: bool) -> None:
    path = tmp_path / "mine.py"
    path.write_text(TAGGER.read_text().replace("    width: int", "    flag: bool = True\n    width: int"))
    settings = {"flag": value}
    task = load_task(f"{path}:Tagger")
    if is_taken:
        assert make_settings(task, settings).flag == value
    else:
        with pytest.raises(InputError, match=f"^space.flag: must be true or false, got '{value}'$"):
            make_settings(task, settings)


def test_nothing_is_told_of_a_good_task(tmp_path: Path) -> None:
    assert told(tmp_path, "", SOURCE, "val_auc", "val_loss", "parameters") == []


ROWS = """
    def rows(self):
        x, y = super().rows()
        {}
        return x, y
"""


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        (
            ROWS.format("x[125:131], y[125:131] = x[:6], y[:6]"),
            ["6 of 40 rows of the validation part are equal to ones of training: its figures are too good"],
        ),
        (
            ROWS.format("x[160:170], y[160:170] = x[110:120], y[110:120]"),
            ["10 of 40 rows of the test part are equal to ones of training or validation: its figures are"],
        ),
        (
            ROWS.format("x[170, 2] = x[175, 1] = float('inf')"),
            ["2 of 40 rows of the test part hold values that are not finite"],
        ),
        (
            ROWS.format("y[160:] = 0"),
            ["the test part has no row of class signal among its 40"],
        ),
        (
            ROWS.format("y = 2 * y - 1") + "    def loss(self, model, batch):\n"
            "        return cross_entropy(model(batch[0]), batch[1].clamp(min=0))\n",
            ["Mine.shown has labels such as -1; they are places in its classes, 0 to 1"],
        ),
        (
            (
                "    def inspect(self, *args):\n"
                "        return {**super().inspect(*args), 'n_test': 4000, 'classes': CLASSES[::-1]}\n"
            ),
            [
                "Mine.inspect tells n_test = 4000, but load gives 40 rows",
                "Mine.inspect tells classes signal, background, but shown has background, signal",
            ],
        ),
        (
            (
                "    def shown(self, outputs, data):\n"
                "        return super().shown({'outputs': outputs['outputs'].log()}, data)\n"
            ),
            ["Mine.shown has scores that are no probabilities of classes"],
        ),
        (
            "    def loss(self, model, batch):\n        return 0 * super().loss(model, batch) + 1\n",
            ["the first step of Mine changes no weight of the model: does its loss depend on them?"],
        ),
    ],
)
def test_what_is_odd_is_told(tmp_path: Path, body: str, lines: list[str]) -> None:
    found = told(tmp_path, body)
    assert [line.startswith(begin) for line, begin in zip(found, lines, strict=True)] == [True] * len(lines)


@pytest.mark.parametrize(
    ("better", "objective", "line"),
    [
        (
            (),
            "val_auc",
            "val_auc is searched for its lowest value, as higher_is_better of Mine does not name",
        ),
        (("auc", "loss"), "val_loss", "val_loss is searched for its highest value, as higher_is_better of M"),
    ],
)
def test_an_objective_that_is_searched_in_the_wrong_direction_is_told(
    tmp_path: Path, better, objective: str, line: str
) -> None:
    (found,) = told(tmp_path, f"    higher_is_better = frozenset({better})\n", SOURCE, objective)
    assert found.startswith(line)


SPACE = """
task: mine.py:Mine
data: {{{}}}
space: {{width: {{type: int, low: 2, high: 4}}}}
search: {{sampler: random, trials: 2}}
budget: {{epochs: 1, folds: {}}}
seed: 1
"""


@pytest.mark.parametrize(
    ("data", "folds", "key"),
    [
        ("limit: 50", 1, "data.limit"),
        ("split: [0.8, 0.1, 0.1]", 1, "data.split"),
        ("fold_by: random", 2, "data.fold_by"),
    ],
)
def test_keys_of_the_data_that_the_task_never_reads_are_refused(
    tmp_path: Path, data: str, folds: int, key: str
) -> None:
    # One that looks at all of them takes the same without a word.
    looks = (
        "    def load(self, source, settings):\n"
        "        looked_at = source.split, source.limit, source.fold_by\n"
        "        parts = super().load(source, settings)\n"
        "        return Parts(parts.train, (parts.test, parts.validation)[source.fold], parts.test)\n"
    )
    blind = looks.replace("        looked_at = source.split, source.limit, source.fold_by\n", "")
    (tmp_path / "space.yaml").write_text(SPACE.format(data, folds))
    space_file = read_space_file(tmp_path / "space.yaml")
    for body in (blind, looks):
        path = tmp_path / "mine.py"
        path.write_text(f"{TAGGER.read_text()}\n\nclass Mine(Tagger):\n{body}")
        if body == looks:
            prepare(space_file, tmp_path / "runs")
            continue
        with pytest.raises(InputError, match=f"^{key}: Mine never looks at source.{key[5:]}, so that"):
            prepare(space_file, tmp_path / "runs")
