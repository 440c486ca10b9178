"""Figures that say less than they seem to are told with what is wrong: on the terminal and in the report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from toy import TOY_TASK
from yaml import safe_load

import raysearch
from raysearch.library.crossval import crossval as cross_validate

TASK = """
from raysearch.data.files import sums


class Mine(Toy):
    def inspect(self, source, settings):
        files = {} if source.path is None else sums([Path(source.path)])
        return {**super().inspect(source, settings), "files": files, "warnings": [f"limit is {source.limit}"]}
"""
SPACE: dict[str, Any] = safe_load(
    """
space: {width: {type: int, low: 1, high: 16}}
search: {sampler: random, trials: 3}
budget: {epochs: 1}
seed: 1
"""
)


def space(folder: Path, more: str = "", **keys: Any) -> dict[str, Any]:
    """A space file of a task of the user's own in a folder; ``more`` is added to its class."""
    (folder / "mine.py").write_text(TOY_TASK.read_text() + TASK + more)
    return {**SPACE, "task": f"{folder / 'mine.py'}:Mine", **keys}


def test_trials_that_are_all_alike_are_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    constant = "\n    def metrics(self, outputs, data):\n        return {'loss': 1.5}\n"
    for name, more, is_told in (("flat", constant, True), ("good", "", False)):
        raysearch.tune(space(tmp_path, more), runs=tmp_path, name=name, local=True, show="lines")
        told = "ll 3 finished trials have val_loss = 1.5 to the last digit"
        assert (f"warning: a{told}" in capfd.readouterr().err) is is_told
        assert (f"A{told}" in (tmp_path / name / "report" / "report.md").read_text()) is is_told


def test_warnings_of_all_members_of_a_series_are_told_once(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    varied = space(tmp_path, vary={"data": {"limit": [20, 30]}, "search": {"trials": [2, 3]}})
    raysearch.check(varied, runs=tmp_path, show="lines")
    told = capfd.readouterr().err
    assert [told.count(f"warning: limit is {limit}\n") for limit in (20, 30)] == [1, 1]


def test_a_crossval_of_other_data_or_code_than_the_trials_is_told(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data.txt"
    data.write_text("as the study began")
    raysearch.tune(space(tmp_path), runs=tmp_path, name="s", local=True, data=data)

    def crossed(name: str, folds: int) -> tuple[list[str], str]:
        found = cross_validate("s", folds=folds, runs=tmp_path, new_name=name, local=True, show="lines")
        lines = [line for line in capfd.readouterr().err.splitlines() if line.startswith("warning: ")]
        return lines, found.history.created.space_file["description"]

    assert [line for line in crossed("good", 2)[0] if "limit is" not in line] == []
    data.write_text("and now another")
    with (tmp_path / "mine.py").open("a") as file:
        file.write("\n# edited\n")
    lines, description = crossed("odd", 1)
    begins = (
        "one fold is no cross-validation: its figures have no spread over models",
        "task: mine.py was changed since trial ",
        "data: data.txt was changed or is gone since s began",
    )
    for line, begin in zip(lines, begins, strict=False):
        assert line.removeprefix("warning: ").startswith(begin)
        assert line.removeprefix("warning: ") in description
