"""Overrides reach a space file as the values they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from raysearch.cli.main import app
from raysearch.errors import InputError
from raysearch.library.overrides import KEYS, as_yaml, override_texts

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@settings(derandomize=True, deadline=None)
@given(
    st.recursive(SCALARS | TEXTS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=8)
)
def test_yaml_reads_back_what_was_written(value: object) -> None:
    text = as_yaml(value)
    assert "\n" not in text
    assert yaml.safe_load(f"value: {text}")["value"] == value


def test_numbers_of_numpy_paths_and_tuples() -> None:
    texts = override_texts(
        {"data": Path("2024"), "seed": np.int64(3), "max_mflop": np.float32(0.5), "objectives": ("a", "b")}
    )
    assert texts == ['data.path="2024"', "seed=3", "limits.mflop=0.5", 'objectives=["a", "b"]']


def test_none_is_not_given_and_the_same_may_be_said_twice() -> None:
    assert override_texts({"trials": None, "seed": 1}, {"budget.epochs": 2}) == ["seed=1", "budget.epochs=2"]
    assert override_texts({"time": "2h"}, ["budget.time=2h"]) == ["budget.time=2h"]
    assert override_texts({}, ["budget={epochs: 2}", "budget.folds=3"]) == [
        "budget={epochs: 2}",
        "budget.folds=3",
    ]


def test_the_last_of_several_values_is_taken_and_told() -> None:
    said: list[str] = []
    texts = ["seed=1", "budget.epochs=2", "seed=1", "budget.epochs=8", "budget.epochs=08.0"]
    assert override_texts({"trials": 3}, texts, said.append) == [
        "search.trials=3",
        "seed=1",
        "budget.epochs=08.0",
    ]
    assert said == [
        "--set budget.epochs: 8 takes the place of 2",
        "--set budget.epochs: 08.0 takes the place of 8",
    ]


@pytest.mark.parametrize("more", [["search.trials=4"], {"search.trials": 4}])
def test_a_word_and_a_key_that_say_different_things_are_refused(more) -> None:
    with pytest.raises(InputError, match=r"^--set search\.trials: has two values, 3 and 4; it takes one$"):
        override_texts({"trials": 3}, more)


@pytest.mark.parametrize("more", [["budget={epochs: 2}"], ["budget="]])
def test_a_section_does_not_undo_what_was_given_of_it(more) -> None:
    with pytest.raises(InputError, match=r"^--set budget: takes the place of all .*budget\.folds=3 among it"):
        override_texts({"folds": 3}, more)


def test_every_wrong_word_is_named() -> None:
    with pytest.raises(InputError) as caught:
        override_texts({"trails": 1, "sede": 2, "budget.epochs": 3})
    assert [problem.partition(":")[0] for problem in caught.value.problems] == ["trails", "sede"]


def test_the_words_are_options_of_the_command_line() -> None:
    import typer

    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    options = {
        name.removeprefix("--").replace("-", "_")
        for command in ("tune", "evolve")
        for parameter in commands[command].params
        for name in parameter.opts
    }
    assert set(KEYS) <= options
