"""Nothing that is given on the command line is dropped without a word."""

import pytest
from cli_runs import raysearch


@pytest.mark.parametrize(
    "words",
    [
        ("--sampler", "tpe", "--sampler=gp"),
        ("--trials", "3", "-n", "4"),
        ("--objectives", "val_loss", "--objectives", "mflop"),
        ("--name", "a", "--set", "budget.epochs=1", "--name", "b"),
    ],
)
def test_an_option_that_takes_one_value_is_refused_two(tmp_path, words):
    got = raysearch(tmp_path, "tune", "jet-dnn", "--dry-run", *words)
    assert got.code == 2
    assert f"has two values, {words[1]} and {words[-1].rpartition('=')[2]}; it takes one." in got.err


def test_in_every_command(tmp_path):
    got = raysearch(tmp_path, "data", "info", "--format", "json", "-f", "table")
    assert (got.code, "--format has two values, json and table" in got.err) == (2, True)


@pytest.mark.parametrize("command", [("tune", "jet-dnn", "--dry-run"), ("space", "check", "jet-dnn")])
def test_of_two_values_of_a_key_the_last_is_taken_and_told(tmp_path, command):
    words = ("--set", "search.trials=3", "--set", "budget.epochs=1", "--set", "search.trials=4")
    got = raysearch(tmp_path, *command, *words)
    assert (got.code, "--set search.trials: 4 takes the place of 3" in got.err) == (0, True)
    assert "4 trials" in got.out or "4 trials" in got.err


def test_an_option_and_a_key_that_say_different_things_are_refused(tmp_path):
    got = raysearch(tmp_path, "tune", "jet-dnn", "--dry-run", "--trials", "3", "--set", "search.trials=4")
    assert got.code == 2
    assert "--set search.trials: has two values, 3 and 4; it takes one" in got.err


def test_the_same_value_twice_and_values_that_look_like_options_are_no_fault(tmp_path):
    words = ("--set", "search.trials=3", "--set", "search.trials=3", "--set", "description=--name")
    assert raysearch(tmp_path, "space", "check", "jet-dnn", *words).code == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("tune", "jet-dnn", "--dry-run", "--data", ""), "--data has an empty value; is a variable"),
        (("tune", "jet-dnn", "--dry-run", "--data="), "--data has an empty value; is a variable"),
        (("data", "check", ""), "an argument is empty; is a variable"),
    ],
)
def test_what_is_empty_is_not_the_working_directory(tmp_path, words, told):
    got = raysearch(tmp_path, *words)
    assert (got.code, told in got.err) == (2, True)


def test_the_home_is_known_where_no_shell_puts_it_in(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "jets").mkdir()
    for words in (("tune", "jet-dnn", "--dry-run", "--data=~/jets"), ("data", "check", "~/jets")):
        assert f"{tmp_path}/jets: holds no file" in raysearch(tmp_path, *words).err
