"""The part of a series that scales a run: figures from made-up timings, and the projection from them."""

from __future__ import annotations

from pathlib import Path

import pytest
from report_ledgers import JEDINET_SPACE, Recipe, write_series

from raysearch.report.blocks import Picture, Table, Text
from raysearch.report.members import Member, read_members
from raysearch.report.scaling_measured import Scaled, is_scaling, scaled_members
from raysearch.report.scaling_part import scaling_part
from raysearch.report.series_report import build_series_report
from raysearch.report.style import hep_style

STEPS, ROWS = 60, 6000


def timed(
    workers: int,
    batch: int,
    step_s: float,
    waiting: float = 0.0,
    averaging: float = 0.0,
    runs: int = 1,
    accumulate: int = 1,
) -> Recipe:
    """A run of steps of so many seconds, a part of each spent on others."""
    steps = ROWS / batch
    timings = {
        "steps": steps, "steps_s": steps * step_s,
        "waiting_s": steps * waiting, "averaging_s": steps * averaging,
    }  # fmt: skip
    return Recipe(
        n_trials=1, done=1, epochs=4, tested=0, presentations=ROWS, workers=workers, timings=timings,
        folds=runs, repeats=runs > 1, space={**JEDINET_SPACE, "batch_size": batch, "accumulate": accumulate},
    )  # fmt: skip


MEMBERS = {
    "weak-2": timed(2, 200, 0.125, waiting=0.010, averaging=0.015),
    "strong-2": timed(2, 100, 0.075, waiting=0.010, averaging=0.015),
    "apart-2": timed(1, 100, 0.100, runs=2),
    "one": timed(1, 100, 0.100),
    "batch-8x": timed(1, 100, 0.100, accumulate=8),
}


def series(folder: Path, members: dict[str, Recipe]) -> list[Member]:
    return read_members(write_series(folder, members), folder / "report")


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> list[Member]:
    return series(tmp_path_factory.mktemp("scaling") / "s", MEMBERS)


@pytest.fixture
def scaled(members: list[Member]) -> dict[str, Scaled]:
    return {each.name: each for each in scaled_members(members)}


def test_members_are_known_by_their_workers_batch_and_runs(scaled: dict[str, Scaled]) -> None:
    kinds = {name: each.kind for name, each in scaled.items()}
    assert kinds == {
        "weak-2": "weak", "strong-2": "strong", "apart-2": "apart", "one": "one", "batch-8x": "batch"
    }  # fmt: skip


def test_rates_count_the_rows_of_all_that_went_on_at_once(scaled: dict[str, Scaled]) -> None:
    assert scaled["one"].rate == pytest.approx(100 / 0.100)
    assert scaled["weak-2"].rate == pytest.approx(200 / 0.125)
    assert scaled["apart-2"].rate == pytest.approx(2 * 100 / 0.100)
    assert scaled["strong-2"].rate == pytest.approx(100 / 0.075)


def test_shares_are_of_the_time_of_steps(scaled: dict[str, Scaled]) -> None:
    weak = scaled["weak-2"]
    assert (weak.computing, weak.waiting, weak.averaging) == pytest.approx((0.8, 0.08, 0.12))
    assert weak.rows == 100
    assert scaled["strong-2"].rows == 50


def test_the_table_stands_weak_scaling_beside_processes_apart(members: list[Member]) -> None:
    table = next(block for block in scaling_part(members) if isinstance(block, Table))
    rows = {row[0]: dict(zip(table.head, row, strict=True)) for row in table.rows}
    assert rows["weak-2"]["of apart"] == "80.0 %"
    assert rows["weak-2"]["of one worker's"] == "80.0 %"
    assert rows["strong-2"]["of one worker's"] == "66.7 %"


def test_the_model_gives_back_what_it_was_fitted_on_and_a_band_beyond(members: list[Member]) -> None:
    projected = [block for block in scaling_part(members) if isinstance(block, Table)][-2]
    rows = {row[0]: row[1:] for row in projected.rows}
    # step and row of 50 and of 100 rows are told apart: 0.1 s for 100 rows, 0.05 s for 50
    assert rows["1"][0] == "1,000"
    weak_2 = float(str(rows["2"][0]).replace(",", ""))
    assert weak_2 == pytest.approx(200 / 0.125, rel=0.05)  # one sigma for both, of different steps
    low, high = (float(each.replace(",", "")) for each in str(rows["256"][0]).split(" to "))
    assert low < high < 256_000  # all latency, all bandwidth, as many single workers


def test_published_rows_stand_beside_the_projection(members: list[Member]) -> None:
    tables = [block for block in scaling_part(members) if isinstance(block, Table)]
    projected = {row[0]: row[2] for row in tables[-2].rows}
    rows = {(str(row[0]).split(",")[0], row[1]): row[2:] for row in tables[-1].rows}
    assert {site for site, _ in rows} == {
        "Stampede2", "Endeavour", "cloud V100", "IBM POWER8 with P100", "Piz Daint and Titan"
    }  # fmt: skip
    assert rows["cloud V100", "128"] == ("33.2", "83.7 %", "33.17", "-0.1 %", projected["128"])
    assert rows["Endeavour", "256"][1] == "87.3 %"
    assert "does not follow from its own times (87 %)" in tables[-1].caption


def test_what_makes_figures_doubtful_is_said(tmp_path: Path) -> None:
    waited = {**MEMBERS, "weak-2": timed(2, 200, 0.2, waiting=0.08, averaging=0.02)}
    told = [str(block.parts[0]) for block in scaling_part(series(tmp_path / "s", waited))
            if isinstance(block, Text) and block.warning]  # fmt: skip
    assert any("weak-2: workers waited" in line for line in told)


def test_larger_batches_alone_have_a_table_and_no_projection(tmp_path: Path) -> None:
    members = series(tmp_path / "s", {name: MEMBERS[name] for name in ("one", "batch-8x")})
    blocks = scaling_part(members)
    (table,) = (block for block in blocks if isinstance(block, Table))
    assert [row[0] for row in table.rows] == ["one", "batch-8x"]
    assert not any(isinstance(block, Picture) for block in blocks)


def test_a_series_of_something_else_has_no_such_part(tmp_path: Path) -> None:
    others = series(tmp_path / "s", {"a": timed(1, 100, 0.1), "b": timed(1, 200, 0.1)})
    assert not is_scaling(others)
    assert scaling_part(others) == []


def test_ledgers_without_timings_have_no_figures(tmp_path: Path) -> None:
    untimed = {
        name: Recipe(n_trials=1, done=1, tested=0, workers=n) for name, n in (("one", 1), ("weak-2", 2))
    }
    assert scaling_part(series(tmp_path / "s", untimed)) == []


def test_the_page_has_the_figures(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "s", MEMBERS)
    page = build_series_report(folder)
    assert {"scaling-shares.svg", "scaling-projection.svg"} <= {
        each.name for each in (page.parent / "figures").iterdir()
    }
    with hep_style():
        pictures = [
            block for block in scaling_part(read_members(folder, page.parent)) if isinstance(block, Picture)
        ]
    assert all(picture.alt.endswith(".") for picture in pictures)
