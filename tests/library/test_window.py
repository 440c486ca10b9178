"""The window that is chosen for a machine: one for small ones, told on others, and kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_runs import Result, raysearch

from raysearch.ledger.history import History, read_history
from raysearch.space.yaml_file import read_yaml


def tuned(monkeypatch: pytest.MonkeyPatch, space: Path, n_cpus: int, *more: str) -> tuple[History, Result]:
    """Carry a study out as on a machine of so many CPUs; the toy's own window is taken out."""
    monkeypatch.setattr("raysearch.launch.local_executor.usable_cpus", lambda: n_cpus)
    name = f"on-{n_cpus}-{len(more)}"
    space.write_text(space.read_text().replace(" window: 4,", ""))
    done = raysearch(space.parent, "tune", space.name, "--local", "--name", name, *more)
    assert done.code == 0, done.err
    return read_history(space.parent / "runs" / name), done


def test_one_and_two_cpus_give_one_history_and_nothing_is_said(
    monkeypatch: pytest.MonkeyPatch, toy_space: Path
) -> None:
    one, two = (tuned(monkeypatch, toy_space, n_cpus) for n_cpus in (1, 2))
    assert one[0].hash == two[0].hash
    assert one[0].window == two[0].window == 3
    assert "search.window" not in one[1].err + two[1].err


def test_a_larger_machine_says_that_its_window_is_another(
    monkeypatch: pytest.MonkeyPatch, toy_space: Path
) -> None:
    few = ("--trials", "2", "--set", "budget.epochs=1")
    history, done = tuned(monkeypatch, toy_space, 8, *few)
    assert history.window == 15
    assert "window 15, for 8 runs at a time: part of the study" in done.err
    again = raysearch(toy_space.parent, "resume", f"on-8-{len(few)}", "--local", "--trials", "+1")
    assert "window 15, for" not in again.err, "it is told where it is chosen"
    chosen, done = tuned(monkeypatch, toy_space, 8, *few, "--set", "search.window=4")
    assert chosen.window == 4
    assert "part of the study" not in done.err


def test_a_study_keeps_the_window_it_began_with(monkeypatch: pytest.MonkeyPatch, toy_space: Path) -> None:
    """Also a smaller one than is chosen today, as studies of one CPU had."""
    few = ("--trials", "3", "--set", "budget.epochs=1", "--set", "search.window=2")
    history, _ = tuned(monkeypatch, toy_space, 2, *few)
    folder = toy_space.parent / "runs" / f"on-2-{len(few)}"
    assert raysearch(toy_space.parent, "resume", folder.name, "--local", "--trials", "+3").code == 0
    assert read_history(folder).window == history.window == 2
    assert read_yaml(folder / "space.yaml").content["search"]["window"] == 2
