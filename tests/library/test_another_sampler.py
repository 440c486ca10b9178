"""`--sampler` in the place of a space file's own: what was that one's alone is left out and told."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_runs import raysearch
from toy import TOY_SPACE, TOY_TASK

from raysearch.errors import InputError
from raysearch.library.another_sampler import left_out
from raysearch.library.overrides import override_texts
from raysearch.library.space_files import space_folder
from raysearch.search.make import SAMPLERS, sampler_problems
from raysearch.space.series import read_members

README_SPACE = "jedinet"  # the others have as many variants, which takes its time
SHIPPED = [
    pytest.param(path, id=path.stem, marks=() if path.stem == README_SPACE else pytest.mark.slow)
    for path in sorted(space_folder().glob("*.yaml"))
]
# What a user must decide: the space is a continuum, too small for the trials or has one setting; or it has
# several objectives.
HIS_OWN = ("grid", "searches one objective", "needs at least two settings")
CROWDED = {
    "sampler": "tpe",
    "trials": 6,
    "window": 20,
    "order": "fast",
    "prune": {"rule": "median"},
    "enqueue": [{"width": 3, "activation": "relu"}],
    "options": {"n_startup_trials": 3, "constant_liar": True},
}
SPACE = {
    "task": f"{TOY_TASK}:Toy",
    "space": {
        "width": {"type": "int", "low": 1, "high": 16},
        "activation": {"type": "choice", "values": ["relu", "elu"]},
    },
    "search": CROWDED,
    "budget": {"epochs": 4},
    "seed": 1,
}


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("path", SHIPPED)
def test_every_sampler_over_every_shipped_space(path: Path, sampler: str) -> None:
    """Taken, or refused for what the user wants and not for what the file says to its own sampler."""
    texts = override_texts({"sampler": sampler})
    try:
        members = read_members(path, texts, without=left_out(path, texts))
    except InputError as error:
        problems = list(error.problems)
    else:
        assert {member.search.sampler for member in members.values()} == {sampler}
        problems = [
            problem
            for member in members.values()
            for problem in sampler_problems(member.search, member.searched, max(len(member.objectives), 1))
        ]
    assert all(any(word in problem for word in HIS_OWN) for problem in problems), problems


@pytest.mark.parametrize("sampler", ["random", "nsga2", "pbt", "evolution", "nevergrad:DE", "grid"])
def test_what_only_the_files_own_sampler_reads_is_left_out(sampler: str) -> None:
    texts = override_texts({"sampler": sampler})
    foreign = left_out(SPACE, texts)
    names = {".".join(map(str, path)).removeprefix("search.") for path in foreign}
    expected = {"options.n_startup_trials", "options.constant_liar"}
    if SAMPLERS[sampler].in_intervals:
        expected |= {"prune", "order", "window"}
    if sampler == "grid":
        expected |= {"enqueue"}
    assert names == expected
    assert set(foreign.values()) == {"tpe"}
    (member,) = read_members(SPACE, texts, without=foreign).values()
    assert sampler_problems(member.search, member.searched) == []


def test_the_same_sampler_and_none_leave_the_file_as_it_is() -> None:
    assert left_out(SPACE, override_texts({"sampler": "tpe"})) == {}
    assert left_out(SPACE, override_texts({"trials": 3})) == {}
    assert left_out(SPACE, override_texts({"sampler": "tpee"})) == {}


def test_options_that_both_know_stay() -> None:
    (member,) = read_members(
        SPACE, texts := override_texts({"sampler": "gp"}), without=left_out(SPACE, texts)
    ).values()
    assert member.search.options == {"n_startup_trials": 3}


def test_what_the_user_names_himself_stays_and_is_checked() -> None:
    texts = override_texts({"sampler": "pbt"}, ["search.options.population=24"])
    (member,) = read_members(SPACE, texts, without=left_out(SPACE, texts)).values()
    assert member.search.options == {"population": 24}
    assert member.search.window == 20, "it reaches no further than an interval of 24"
    texts = override_texts({"sampler": "random"}, ["search.options.n_startup_trials=5"])
    (member,) = read_members(SPACE, texts, without=left_out(SPACE, texts)).values()
    assert sampler_problems(member.search, member.searched) == [
        "search.options.n_startup_trials: unknown option of random; it has none"
    ]


def test_it_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "toy.yaml").write_text(TOY_SPACE.format(task=TOY_TASK))
    done = raysearch(tmp_path, "tune", "toy.yaml", "--sampler", "random", "--dry-run")
    assert done.code == 0, done.err
    (line,) = [line for line in done.err.splitlines() if "left out" in line]
    assert line == (
        "sampler random: left out is what means nothing to it, "
        "the file's search.options.n_startup_trials for tpe"
    )
    assert "left out" not in raysearch(tmp_path, "tune", "toy.yaml", "--dry-run").err
