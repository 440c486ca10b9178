"""A campaign that was interrupted goes on where it stopped, and its table says what was measured."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.faults import table as tables
from benchmarks.faults.__main__ import carry_out, went_well
from benchmarks.faults.goals import Bench, Goal, Result
from benchmarks.faults.results import Results
from benchmarks.faults.table import BEGIN, END, into, table


def goal_that(tried: list[int], fails_at: int = -1, missing: str = "") -> Goal:
    """A goal whose tries write their numbers down."""

    def scenario(_: Bench, first: int, n: int) -> Iterator[Result]:
        for number in range(first, first + n):
            tried.append(number)
            if number == fails_at:
                raise KeyboardInterrupt
            yield Result(
                1, int(number != 2), int(number == 2), 0.5, 1.0, "two is lost" if number == 2 else ""
            )

    return Goal("R99", "a fault", 6, 2, scenario, lambda: missing)


def test_a_rerun_goes_on_where_the_last_one_stopped(tmp_path: Path) -> None:
    tried: list[int] = []
    results = Results(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        carry_out(goal_that(tried, fails_at=3), results, 6, None)
    with (tmp_path / "R99.jsonl").open("a") as file:
        file.write('{"tries": 1, "torn')
    carry_out(goal_that(tried), results, 6, None)
    carry_out(goal_that(tried), results, 6, None)
    assert tried == [0, 1, 2, 3, 3, 4, 5]
    found = results.sum("R99")
    assert (found.tries, found.survived, found.lost, found.repeated) == (6, 5, 1, 3.0)
    assert found.notes == ["two is lost"]


def test_a_scenario_that_breaks_is_told_and_what_it_had_done_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def breaks(_: Bench, first: int, n: int) -> Iterator[Result]:
        yield Result(1, 1, 0, 0.0, 1.0)
        raise LookupError("no such process")

    goal = Goal("R99", "a fault", 6, 2, breaks)
    assert not went_well(goal, Results(tmp_path), 3, None)
    assert "R99: broke off" in (said := capsys.readouterr().out)
    assert "LookupError: no such process" in said
    assert Results(tmp_path).tries("R99") == 1


def test_minutes_end_a_goal_after_the_try_that_is_under_way(tmp_path: Path) -> None:
    tried: list[int] = []
    carry_out(goal_that(tried), Results(tmp_path), 6, 0.0)
    assert tried == [0]


def test_the_table_has_what_was_tried_and_why_the_rest_was_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = Results(tmp_path / "results")
    carry_out(goal_that([]), results, 3, None)
    other = goal_that([], missing="there is no strace")
    monkeypatch.setattr(
        tables, "GOALS", (goal_that([]), Goal("R98", "b", 1, 1, other.scenario, other.missing))
    )
    monkeypatch.setattr(tables, "PROOFS", ())
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    into(page, table(results))
    text = page.read_text()
    assert "| R99 | a fault | 3 | 2 | 1 | 1.5 | 3 | two is lost; the goal is 6 tries |" in text
    assert "| R98 | b | 0 | - | - | - | - | could not be tried: there is no strace |" in text
    assert text.startswith(f"before\n{BEGIN}\n`python -m benchmarks.faults`, ")
    assert "old" not in text
    assert text.endswith(f"{END}\nafter\n")
    page.write_text("no marks")
    with pytest.raises(ValueError, match="has no"):
        into(page, table(results))
