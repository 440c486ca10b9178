"""Parents and children as the report of a study shows them."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from report_ledgers import Recipe, write_study
from toy import create_ledger, failed, finished, opened

from raysearch.ledger.history import History, read_history
from raysearch.report.blocks import Picture, Table
from raysearch.report.build import build_report
from raysearch.report.lineage_part import draw_lineage, is_copy, lineage_part
from raysearch.report.style import BEST, hep_style, to_bytes
from raysearch.study.study import Study

SEARCHES = {
    "pbt": {"sampler": "pbt", "options": {"population": 4}, "trials": 16},
    "evolution": {"sampler": "evolution", "options": {"population": 4, "sample": 2}, "trials": 16},
}


def study_of(folder: Path, kind: str, n_done: int = 16) -> Path:
    """A study of a made-up training: a child is better than its parent by what its settings are worth."""
    study = Study(create_ledger(folder, **SEARCHES[kind]), lambda *_: None)  # type: ignore[arg-type]
    study.begin(opened())
    noise = random.Random(5)
    while study.history.n_committed < n_done:
        run = study.next_run()
        assert run is not None
        study.started(run)
        parent = study.history.trials[run.trial].parent
        before = study.history.trials[parent].value if parent is not None else 1.0
        assert before is not None
        value = before * (0.7 + 0.4 * noise.random())
        for epoch in (1, 2, 3):
            study.report(run, epoch, 0.1, {"val_loss": value + 0.1 * (3 - epoch)})
        study.end(failed(run, "nonfinite", "the loss is nan") if run.trial == 6 else finished(run, value))
    study.ledger.close()
    return folder


@pytest.fixture(scope="module", params=SEARCHES)
def history(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> History:
    return read_history(study_of(tmp_path_factory.mktemp(request.param) / "s", request.param))


def test_the_table_holds_the_best_ones_ancestors_with_their_settings(history: History) -> None:
    with hep_style():
        table = next(block for block in lineage_part(history) if isinstance(block, Table))
    assert history.best is not None
    line = history.lineage(history.best.number)
    assert len(line) > 2
    assert [int(str(row[0])) for row in table.rows] == line
    assert table.head == ("trial", "began from", "val_loss", "epochs behind it", *history.created.settings)
    assert table.rows[0][1] == "new weights"
    for row, parent in zip(table.rows[1:], line, strict=False):
        assert str(row[1]).startswith(f"trial {parent}")
    # each trained 3 epochs, and the next one began from the first of them
    assert [row[3] for row in table.rows] == [str(3 + place) for place in range(len(line))]
    assert table.marked == {len(line) - 1}


def test_every_value_is_a_point_and_every_child_is_joined_to_its_parent(history: History) -> None:
    with hep_style():
        axes = draw_lineage(history).axes[0]
    points = next(line for line in axes.lines if line.get_label() == "trial")
    finished_trials = [trial for trial in history.trials if trial.value is not None]
    assert list(points.get_ydata()) == [trial.value for trial in finished_trials]
    joined = [
        tuple(segment[:, 1])
        for collection in axes.collections
        for segment in collection.get_segments()  # type: ignore[attr-defined]
    ]
    expected = [
        (history.trials[trial.parent].value, trial.value)
        for trial in finished_trials
        if trial.parent is not None
    ]
    assert sorted(joined) == sorted(expected)
    thick = next(line for line in axes.lines if line.get_label() == "best lineage")
    assert history.best is not None
    line = history.lineage(history.best.number)
    assert list(thick.get_ydata()) == [history.trials[number].value for number in line]
    assert thick.get_color() == BEST


def test_pbt_is_drawn_over_intervals_with_its_copies_marked(tmp_path: Path) -> None:
    history = read_history(study_of(tmp_path / "s", "pbt"))
    copies = [trial.number for trial in history.trials if is_copy(history, trial)]
    assert 10 in copies, "member 2 failed in its second interval"
    assert all((number - (history.trials[number].parent or 0)) % 4 for number in copies)
    with hep_style():
        axes = draw_lineage(history).axes[0]
        (picture,) = [block for block in lineage_part(history) if isinstance(block, Picture)]
    assert axes.get_xlabel() == "interval"
    ring = next(line for line in axes.lines if line.get_markersize() == 10)
    values = [history.trials[number].value for number in copies]
    assert list(ring.get_ydata()) == [value for value in values if value is not None]
    assert f"{len(copies)} times a member that failed" in picture.caption


def test_the_figure_has_the_same_bytes_again(history: History) -> None:
    with hep_style():
        first, second = (to_bytes(draw_lineage(history), "svg") for _ in range(2))
    assert first == second


def test_it_stands_in_the_report(tmp_path: Path) -> None:
    folder = study_of(tmp_path / "s", "evolution", n_done=9)
    assert "Lineage" in build_report(folder).read_text()
    assert (folder / "report/figures/lineage.svg").is_file()


def test_there_is_no_such_part_where_nobody_has_a_parent(tmp_path: Path) -> None:
    assert lineage_part(read_history(write_study(tmp_path / "s", Recipe(n_trials=2, done=2)))) == []
    assert lineage_part(read_history(study_of(tmp_path / "t", "pbt", n_done=4))) == []
