"""The report of a series with members done, half done and not begun; and the comparison of studies."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from report_ledgers import JEDINET_SPACE, LATENCY, PAPER, Recipe, published_entry, write_series, write_study

from raysearch.errors import InputError, StorageError
from raysearch.ledger.history import read_history
from raysearch.report.blocks import Picture, Table
from raysearch.report.build import build_report
from raysearch.report.comparison import build_comparison
from raysearch.report.comparison import content as comparison
from raysearch.report.dependence import learning_curves, lines_of
from raysearch.report.markdown import to_markdown
from raysearch.report.members import read_members, row_key, varied_keys
from raysearch.report.models import Model, read_model
from raysearch.report.series_report import build_series_report, content, series_lines
from raysearch.report.style import hep_style

PUBLISHED = (published_entry(30), published_entry(100, val_loss=0.55))


def member(constituents: int, aggregation: str) -> Recipe:
    space = {**JEDINET_SPACE, "n_constituents": constituents, "aggregation": aggregation}
    return Recipe(
        n_trials=2, done=2, folds=2, epochs=3, n_test=500, space=space, shift=-constituents / 1000,
        skill=1 + constituents / 400, published=PUBLISHED, latency=LATENCY,
    )  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    recipes = {f"{form}-{n}": member(n, form) for form in ("flatten", "sum") for n in (100, 30)}
    recipes["sum-100"] = replace(recipes["sum-100"], done=1, tested=0)
    folder = write_series(tmp_path_factory.mktemp("series") / "paper", recipes, list(recipes)[:3])
    build_report(folder / "flatten-30")
    return folder


@pytest.fixture(scope="module")
def markdown(folder: Path) -> str:
    with hep_style():
        return to_markdown("Series", content(folder, read_members(folder, folder / "report")))


def rows_of(part: str) -> list[list[str]]:
    lines = [line for line in part.splitlines() if line.startswith("| ") and not line.startswith("| ---")]
    return [[cell.strip().strip("*") for cell in line.split("|")[1:-1]] for line in lines]


def test_members_differ_in_what_is_varied(folder: Path) -> None:
    members = read_members(folder, folder / "report")
    assert [member.name for member in members] == ["flatten-100", "flatten-30", "sum-100", "sum-30"]
    assert dict(members[1].varied) == {"space.n_constituents": 30, "space.aggregation": "flatten"}
    assert row_key(members) == "space.n_constituents"
    assert members[3].model is None
    files = [{"space": {"a": 1}, "data": {"limit": n}, "search": {}, "budget": {}} for n in (10, 20)]
    assert varied_keys(files) == [("data", "limit")]
    files[0]["search"]["enqueue"], files[1]["search"]["enqueue"] = [{"hidden": 50}], [{"hidden": 10}]
    assert varied_keys(files) == [("data", "limit")], "what members begin with is not what is varied"


def test_best_settings_stand_above_the_published_ones_one_table_for_each_form(
    folder: Path, markdown: str
) -> None:
    part = markdown.split("## Best settings")[1].split("\n## ", maxsplit=1)[0]
    flatten, summed = part.split("### aggregation = ")[1:]
    assert flatten.startswith("flatten")
    rows = rows_of(flatten)
    best = read_history(folder / "flatten-100").best
    assert best is not None
    assert rows[0][:4] == ["n_constituents", "", "val_loss", "hidden"]
    assert rows[1][:2] == ["100", "here"]
    assert rows[1][3] == str(best.settings["hidden"])
    assert rows[1][-1] == "2/2"
    assert rows[2][:4] == ["100", PAPER, "0.55", "50"]
    assert rows[4][:3] == ["30", PAPER, "0.56"]
    here = [row for row in rows_of(summed) if row[1] == "here"]
    assert [(row[0], row[-1]) for row in here] == [("100", "1/2"), ("30", "\N{EN DASH}")]
    assert here[1][2] == "not begun"


def test_what_is_missing_is_said_with_the_command(markdown: str) -> None:
    start = markdown.split("## Best settings", maxsplit=1)[0]
    assert "4 studies, 2 of them complete, over n\\_constituents" in start.replace("n_con", "n\\_con")
    assert "Not complete: sum-100 (1 of 2 trials) and sum-30 (not begun)" in start
    assert "`raysearch resume paper`" in start


def test_commands_name_the_folder_of_studies_where_it_is_another(folder: Path) -> None:
    with hep_style():
        page = to_markdown("Series", content(folder, read_members(folder, folder), "paper --runs other"))
    assert page.count("raysearch resume paper --runs other") == 2
    assert "raysearch report paper --runs other   #" in page
    assert "raysearch dashboard --runs other   #" in page


def test_members_link_to_their_own_reports(markdown: str) -> None:
    assert "[flatten-30](../flatten-30/report/index.html)" in markdown
    assert "[flatten-100]" not in markdown  # it has none


def test_test_figures_of_all_members_stand_side_by_side(markdown: str) -> None:
    part = markdown.split("### AUC, each class")[1].split("###", maxsplit=1)[0]
    rows = rows_of(part)
    assert rows[0][:3] == ["model", "g", "q"]
    assert rows[0][6:] == [*(f"{name}, published" for name in "gqwzt"), "source"]
    assert re.fullmatch(r"0\.\d+ \N{PLUS-MINUS SIGN} 0\.\d+", rows[1][1])
    assert rows[1][6] == "0.9500 \N{PLUS-MINUS SIGN} 0.0001"
    assert rows[1][-1] == PAPER
    assert "All models were applied to the same 500 test jets." in markdown


def test_figures_follow_the_numeric_key_one_line_for_each_form(folder: Path, markdown: str) -> None:
    members = read_members(folder, folder / "report")
    lines = lines_of(
        members, "space.n_constituents", lambda m: m.model.figures.get("val_loss") if m.model else None
    )
    assert [x for x, _ in lines["aggregation = flatten"]] == [30, 100]
    assert [x for x, _ in lines["aggregation = sum"]] == [100]
    assert "figures/val_loss-over-space-n_constituents.svg" in markdown.replace("\\", "")
    assert "figures/auc-over-space-n_constituents.svg" in markdown.replace("\\", "")


def test_lines_for_the_terminal_fit_it(folder: Path) -> None:
    lines = series_lines(folder)
    assert max(map(len, lines)) <= 80
    assert lines[0].split() == [
        "member",
        "trials",
        "val_loss",
        "published",
        "accuracy",
        "AUC",
        "param.",
        "MFLOP",
    ]
    assert lines[1].split()[:2] == ["flatten-100", "2/2"]
    assert lines[1].split()[3] == "0.55"
    assert lines[4].split()[:4] == ["sum-30", "not", "begun", "-"]
    assert lines[5] == f"published: {PAPER}"


def without_classes(recipe: Recipe) -> Recipe:
    """Of a task without curves, since it takes seconds to write those."""
    return replace(recipe, metrics={"test_loss": 0.2}, data={"classes": [], "units": "showers"})


def test_a_series_is_written_as_a_page(tmp_path: Path) -> None:
    recipes = {str(n): without_classes(member(n, "sum")) for n in (30, 50)}
    folder = write_series(tmp_path / "paper", recipes)
    page = build_series_report(folder)
    assert page == folder / "report" / "index.html"
    names = {path.name for path in (folder / "report" / "figures").glob("*.svg")}
    assert names == {"val_loss-over-space-n_constituents.svg"}
    assert "val_loss" in page.read_text()


def test_a_series_of_which_nothing_is_done(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "paper", {"a": member(30, "sum"), "b": member(50, "sum")}, [])
    markdown = to_markdown("Series", content(folder, read_members(folder, folder)))
    assert "2 studies, 0 of them complete" in markdown
    assert markdown.count("not begun") >= 2
    (folder / "series.yaml").write_text("members: 3\n")
    with pytest.raises(StorageError, match="cannot be read"):
        build_series_report(folder)


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two studies of 60 and 120 training jets, one of another test set."""
    place = tmp_path_factory.mktemp("apart")
    small = Recipe(
        name="small", n_trials=1, done=1, epochs=2, n_test=400, data={"n_train": 60}, published=PUBLISHED
    )
    return [
        write_study(place / "small", small),
        write_study(place / "large", replace(small, name="large", data={"n_train": 120}, skill=1.4)),
        write_study(place / "other", replace(small, name="other", test_seed=8)),
    ]


def test_models_stand_side_by_side_with_curves_of_each_class(apart: list[Path]) -> None:
    with hep_style():
        markdown = to_markdown(
            "Comparison", comparison([read_model(folder, apart[0].parent) for folder in apart[:2]])
        )
    rows = rows_of(markdown.split("## Overview")[1].split("\n### ")[0])
    assert [row[0] for row in rows[1:]] == ["small", "large"]
    assert [row[2] for row in rows[1:]] == ["60", "120"]
    assert rows[1][rows[0].index("uncertainty")] == "test set"
    cost = rows_of(markdown.split("### Cost")[1].split("\n## ")[0])
    assert cost[1][cost[0].index("parameters") + 1] == "33,625"
    assert cost[1][-1] == PAPER
    assert all(
        f"figures/roc-{name}.svg" in markdown and f"figures/rejection-{name}.svg" in markdown
        for name in "gqwzt"
    )
    assert "All models were applied to the same 400 test jets." in markdown
    assert "figures/learning-curve.svg" in markdown


def sizes_of_lines(models: list[Model]) -> list[list[int]]:
    with hep_style():
        picture = learning_curves(models)[1]
    assert isinstance(picture, Picture)
    return [[int(size) for size in re.findall(r"(\d+) 0\.\d", line)] for line in picture.alt.split("; ")]


def test_a_learning_curve_joins_what_differs_in_size_alone(apart: list[Path], tmp_path: Path) -> None:
    small, large = (read_model(folder, tmp_path) for folder in apart[:2])
    assert sizes_of_lines([large, small]) == [[60, 120]]
    space = {**JEDINET_SPACE, "n_constituents": 50}
    wider = Recipe(name="wider", n_trials=1, done=1, epochs=2, n_test=400, data={"n_train": 90}, space=space)
    other = read_model(write_study(tmp_path / "wider", wider), tmp_path)
    assert sizes_of_lines([small, other, large]) == [[60, 120], [90]]
    members = [
        read_model(
            write_study(tmp_path / f"{n}", replace(wider, name=f"s/{n}", series="s", data={"n_train": n})),
            tmp_path,
        )
        for n in (30, 60)
    ]
    assert sizes_of_lines(members) == [[30, 60]]
    members[0].history.created.space_file["budget"]["a_later_key"] = None
    assert sizes_of_lines([*members, other]) == [[30, 60], [90]]
    longer = replace(wider, name="longer", n_trials=1, done=1, epochs=3, data={"n_train": 180})
    trained_longer = read_model(write_study(tmp_path / "longer", longer), tmp_path)
    assert learning_curves([other, trained_longer]) == []  # no line of two


def test_three_sizes_with_errors_tell_what_more_data_would_give(tmp_path: Path) -> None:
    folds = Recipe(n_trials=1, done=1, epochs=2, n_test=400, folds=3)
    sizes = {n: replace(folds, name=f"s/{n}", series="s", data={"n_train": n}) for n in (30, 60, 120)}
    models = [read_model(write_study(tmp_path / f"{n}", each), tmp_path) for n, each in sizes.items()]
    with hep_style():
        assert len(learning_curves(models[:2])) == 2  # heading and picture
        _, picture, table = learning_curves(models)
    assert isinstance(picture, Picture)
    assert isinstance(table, Table)
    assert table.head == (
        "",
        "trained on",
        "c",
        "at 2 times as many",
        "at 5 times as many",
        "at 10 times as many",
    )
    assert table.rows[0][1] == "120"
    drawn = np.asarray(picture.drawing.axes[0].lines[-1].get_xdata())
    assert drawn.max() == pytest.approx(1200)


def test_other_test_sets_are_warned_of(apart: list[Path]) -> None:
    models = [read_model(folder, apart[0].parent) for folder in (apart[0], apart[2])]
    with hep_style():
        markdown = to_markdown("Comparison", comparison(models))
    assert "were not applied to the same test set" in markdown
    assert learning_curves(models) == []  # of one number of training jets


def test_a_comparison_is_written_and_spares_what_is_no_report(apart: list[Path], tmp_path: Path) -> None:
    studies = [
        write_study(tmp_path / name, without_classes(Recipe(name=name, n_trials=1, done=1, epochs=2)))
        for name in "ab"
    ]
    page = build_comparison(studies, tmp_path / "out" / "cmp")
    assert page == tmp_path / "out" / "cmp" / "index.html"
    assert "Comparison of a and b" in page.read_text()
    assert build_comparison([studies[0], studies[0]], tmp_path / "out" / "cmp") == page
    own = tmp_path / "own"
    own.mkdir()
    (own / "thesis.tex").write_text("years")
    with pytest.raises(InputError, match="exists and is no report"):
        build_comparison(studies, own)
    with pytest.raises(InputError, match="at least two"):
        build_comparison(studies[:1], tmp_path / "x")
