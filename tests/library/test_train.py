"""One run without a search: a study of one given trial."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from toy import TOY_TASK

import raysearch
from raysearch.errors import InputError
from raysearch.library.one_run import as_told, one_run, read_one_run, space_of

SHIPPED = Path(__file__).parents[2] / "searchspaces"
SERIES = {"jedinet-paper"}  # one run has one value for each key
SPACE: dict[str, Any] = {
    "task": f"{TOY_TASK}:Toy",
    "space": {
        "learning_rate": {"type": "float", "low": 1e-3, "high": 0.3, "log": True},
        "width": {"type": "int", "low": 1, "high": 16},
        "activation": {"type": "choice", "values": ["relu", "elu"]},
        "batch_size": 16,
    },
    "search": {
        "sampler": "tpe",
        "trials": 8,
        "options": {"n_startup_trials": 3},
        "prune": {"rule": "median"},
    },
    "budget": {"epochs": 4},
    "seed": 1,
    "published": [
        {"source": "first", "settings": {"width": 3}, "metrics": {}},
        {
            "source": "whole",
            "settings": {"width": 5, "learning_rate": 0.5, "activation": "elu"},
            "metrics": {},
        },
    ],
}
GIVEN = ("space.width=4", "space.activation=relu", "space.learning_rate=0.01")


def values(texts: tuple[str, ...], space: dict[str, Any] = SPACE) -> dict[str, Any]:
    space_file, _ = read_one_run(space, texts)
    return {name: domain.from_unit(0.5) for name, domain in space_file.searched.domains.items()}


def test_what_is_searched_has_its_published_value() -> None:
    # of the entry that has most of them, whether or not a search would go there
    assert values(()) == {"learning_rate": 0.5, "width": 5, "activation": "elu"}


def test_what_is_given_is_taken_even_outside_of_its_range() -> None:
    space_file, origins = read_one_run(SPACE, ["space.width=40", "budget.epochs=1"])
    assert space_file.searched.domains["width"].from_unit(0.5) == 40
    assert space_file.searched.grid_size == 1  # one point: nothing is left to a sampler
    assert space_file.search.trials == 1
    assert "width 40 (given)" in as_told(space_file, origins)
    assert "activation elu (whole)" in as_told(space_file, origins)


def test_a_setting_without_a_value_is_named() -> None:
    unpublished = {**SPACE, "published": []}
    with pytest.raises(InputError, match=r"space\.width: is searched; .*--set space\.width=") as refused:
        read_one_run(unpublished, [])
    assert "activation" not in str(refused.value)  # the task's own default
    _, origins = read_one_run(unpublished, GIVEN[:1] + GIVEN[2:])
    assert origins == {"activation": "default"}


@pytest.mark.parametrize(
    "space", sorted(path.stem for path in SHIPPED.glob("*.yaml") if path.stem not in SERIES)
)
def test_each_shipped_space_can_be_trained_once(space: str) -> None:
    try:
        space_file, origins = read_one_run(space, [])
    except InputError as refused:  # names what no paper and no task has a value for, to be given
        given = [f"{name}=1" for name in re.findall(r"(space\.\w+): is searched", str(refused))]
        space_file, origins = read_one_run(space, given)
    assert space_file.searched.grid_size == 1
    for name in origins:  # what a task chooses by itself is left to it, and told
        assert name in space_file.searched.domains or f"{name} the network's own" in as_told(
            space_file, origins
        )


@pytest.mark.parametrize(
    "text", ["search.trials=3", "space.width=[1, 2]", "vary={space: {batch_size: [8, 16]}}"]
)
def test_more_than_one_run_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="one run"):
        read_one_run(SPACE, [text])


def test_a_task_is_known_by_the_space_file_of_its_name() -> None:
    assert Path(str(space_of("jet_dnn"))).stem == "jet-dnn"
    assert space_of("jet-dnn") == "jet-dnn"


def test_which_variant_of_a_file_is_trained_is_told_where_none_is_named() -> None:
    told: list[str] = []
    with pytest.raises(InputError, match="space.rate: is searched"):
        one_run("calo_regressor", [], None, told.append)
    assert told[0].startswith("calo-regressor: of its variants (one-plus-lambda, ")
    assert told[0].endswith(" the first; another is named with --variant")
    told.clear()
    run, label = one_run("calo_regressor", [], "rmsprop", told.append)
    assert (run.strategy, label, len(told)) == (None, "calo-regressor", 1)


def test_a_run_is_a_study_that_can_be_taken_up_again(tmp_path: Path) -> None:
    wanted: dict[str, Any] = {"runs": tmp_path, "name": "one", "local": True, "epochs": 2, "set": GIVEN}
    study = raysearch.train(SPACE, **wanted)
    assert isinstance(study, raysearch.Study)
    assert study.best.settings["width"] == 4
    assert study.history.is_complete
    with pytest.raises(InputError, match="exists"):
        raysearch.train(SPACE, **wanted)
    again = raysearch.train(SPACE, **wanted, resume=True)
    assert isinstance(again, raysearch.Study)
    assert again.best.value == study.best.value


def test_workers_are_those_of_the_run() -> None:
    space_file, _ = read_one_run(SPACE, [*GIVEN, "resources.workers=2"])
    assert space_file.resources.workers == 2
