"""Published figures beside ours: the right entries, as printed, never without their source."""

from __future__ import annotations

from pathlib import Path

import pytest
from report_ledgers import JEDINET_SPACE, PAPER, Recipe, published_entry, write_study

from raysearch.ledger.history import read_history
from raysearch.report.final_part import final_evaluation
from raysearch.report.markdown import to_markdown
from raysearch.report.published import Published, published_for
from raysearch.report.style import hep_style
from raysearch.report.test_result import read_result
from raysearch.space.space_file import read_space_file


def test_digits_are_as_printed() -> None:
    entry = Published(
        "a paper", {}, {"a": 0.9529, "b": [0.94, 0.0001], "c": 33625, "d": 116.12133, "e": [0.83, 0.002]}
    )
    written = [entry.text_of(name) for name in "abcdef"]
    pm = "\N{PLUS-MINUS SIGN}"
    assert written == ["0.9529", f"0.9400 {pm} 0.0001", "33,625", "116.12133", f"0.830 {pm} 0.002", ""]


def test_the_figures_of_all_classes_have_the_digits_that_were_printed() -> None:
    figures = {
        "auc_g": 0.9528,
        "auc_q": 0.929,
        "tpr1_g": [0.42, 0.002],
        "tpr1_q": [0.178, 0.01],
        "val_loss": 0.6,
    }
    entry = Published("a paper", {}, {**figures, "val_auc": 0.9123, "rejection_g": 82})
    pm = "\N{PLUS-MINUS SIGN}"
    written = ["0.9528", "0.9290", f"0.420 {pm} 0.002", f"0.178 {pm} 0.010", "0.6", "0.9123", "82"]
    assert [entry.text_of(name) for name in entry.metrics] == written


def test_entries_are_those_that_the_space_file_matches() -> None:
    path = Path(__file__).parents[2] / "searchspaces" / "jedinet-paper.yaml"
    for constituents in (30, 100, 45):
        space_file = read_space_file(path, ["vary={}", f"space.constituents={constituents}"])
        found = published_for(space_file.model_dump(mode="json"))
        assert [dict(entry.settings) for entry in found] == [entry.settings for entry in space_file.matching]
        assert len(found) == (0 if constituents == 45 else 1)


@pytest.fixture(scope="module")
def markdown(tmp_path_factory: pytest.TempPathFactory) -> str:
    entries = (published_entry(30), published_entry(100, val_loss=0.55))
    folder = write_study(tmp_path_factory.mktemp("p") / "s", Recipe(n_trials=2, done=2, published=entries))
    history = read_history(folder)
    with hep_style():
        return to_markdown("Study", final_evaluation(history, read_result(folder, history)))


def test_published_figures_have_a_column_of_their_own_with_the_source(markdown: str) -> None:
    part = markdown.split("Beside published figures")[1]
    assert f"| figure | class | here | published: {PAPER} |" in part
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in part.splitlines()
        if line.startswith("| ")
    ]
    table = {(row[0], row[1]): row[3] for row in rows if len(row) == 4}
    assert table["val_loss", ""] == "0.56"  # of 30 constituents, not 100
    assert table["AUC", "q"] == "0.9600 \N{PLUS-MINUS SIGN} 0.0001"
    assert table["TPR 'at 10 %' as published, read at FPR 11.40 %", "t"] == "0.878"
    assert table["TPR at FPR 10 %", "t"] == "0.861"


def test_what_a_reader_must_know_of_them_is_said(markdown: str) -> None:
    assert "come from other data, other training and other test sets" in markdown
    assert "read at FPR 11.40 % and 1.11 %" in markdown
    assert "they are no spread" in markdown


def test_without_a_matching_entry_there_is_nothing(tmp_path: Path) -> None:
    space = {**JEDINET_SPACE, "n_constituents": 45}
    recipe = Recipe(n_trials=1, done=1, space=space, published=(published_entry(30),))
    history = read_history(write_study(tmp_path / "s", recipe))
    with hep_style():
        markdown = to_markdown("Study", final_evaluation(history, read_result(tmp_path / "s", history)))
    assert "published figures" not in markdown
    assert PAPER not in markdown
