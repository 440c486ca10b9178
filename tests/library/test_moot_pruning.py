"""A file that prunes, and a user who wants one epoch or several objectives: he gets that, and is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_runs import raysearch
from toy import TOY_TASK

from raysearch.errors import InputError
from raysearch.library.moot_pruning import left_out_keys
from raysearch.library.space_files import find_space_file
from raysearch.space.series import read_members
from raysearch.space.space_file import read_space_file

PRUNE = ("search", "prune")
SPACE = {
    "task": f"{TOY_TASK}:Toy",
    "space": {"width": {"type": "int", "low": 1, "high": 16}, "activation": "relu"},
    "search": {"sampler": "tpe", "trials": 6, "prune": {"rule": "median", "first_epoch": 2}},
    "budget": {"epochs": 4},
    "seed": 1,
}


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        (["budget.epochs=1"], "search.prune: left out, as it prunes nothing in 1 epoch"),
        (["budget.epochs=2"], "search.prune: left out, as it prunes nothing in 2 epochs"),
        (["objectives=[val_loss, parameters]"], "as what is behind is known for one objective only"),
        (
            ["search.sampler=pbt"],
            "sampler pbt: left out is what means nothing to it, the file's search.prune",
        ),
    ],
)
def test_it_is_left_out_and_told(texts: list[str], told: str) -> None:
    said: list[str] = []
    keys = left_out_keys(SPACE, texts, say=said.append)
    assert PRUNE in keys
    assert told in said[0]
    assert len(said) == 1
    (member,) = read_members(SPACE, texts, without=keys).values()
    assert member.search.prune is None


@pytest.mark.parametrize(
    "texts", [[], ["budget.epochs=3"], ["objectives=[val_loss]"], ["search.trials=9"], ["budget.epochs=many"]]
)
def test_it_stays_where_it_may_do_something(texts: list[str]) -> None:
    said: list[str] = []
    assert left_out_keys(SPACE, texts, say=said.append) == set()
    assert said == []


@pytest.mark.parametrize(
    "named", ["search.prune.startup=3", "search.prune.rule=median", "search.prune={rule: median}"]
)
def test_what_the_user_names_himself_is_checked(named: str) -> None:
    texts = ["budget.epochs=1", named]
    keys = left_out_keys(SPACE, texts)
    with pytest.raises(InputError, match=r"search\.prune: the last epoch prunes nothing"):
        read_members(SPACE, texts, without=keys)


def test_one_epoch_of_the_demonstration(tmp_path: Path) -> None:
    assert read_space_file(find_space_file("jedinet")).search.prune is not None
    done = raysearch(tmp_path, "tune", "jedinet", "--dry-run", "--set", "budget.epochs=1")
    assert done.code == 0, done.err
    assert "search.prune: left out, as it prunes nothing in 1 epoch" in done.err
