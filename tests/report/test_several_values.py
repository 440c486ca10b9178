"""Trials that show several values, of one type or of more; and tasks that the report has never heard of."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from report_ledgers import CLASSES, Recipe, draw_estimates, draw_predictions, write_study
from typer.testing import CliRunner

from raysearch.cli.main import app
from raysearch.ledger import run_records
from raysearch.ledger.history import read_history
from raysearch.ledger.ledger import Ledger
from raysearch.library.comparison import compared
from raysearch.metrics.shown import Against, Estimates, Scores, Shown, calorimeter_energy, pack
from raysearch.report.build import build_report, content
from raysearch.report.comparison import build_comparison
from raysearch.report.markdown import to_markdown
from raysearch.report.shown import PARTS
from raysearch.report.shown.estimates import EstimatesPart
from raysearch.report.shown.scores import ScoresPart
from raysearch.report.style import hep_style
from raysearch.report.test_result import read_result

N = 1500


def study(folder: Path, shown: Sequence[Shown], **kept: np.ndarray) -> Path:
    """A study of a task of which the report knows what it shows, and nothing else."""
    write_study(folder, Recipe(name=folder.name, n_trials=1, done=1, tested=0, data={"classes": None}))
    file = pack(shown, **kept)
    (folder / "test").mkdir()
    (folder / "test/predictions-0-0.npz").write_bytes(file)
    with Ledger(folder) as ledger:
        ledger.append([
            run_records.Tested(
                trial=0, metrics={"test_loss": 0.5, "test_purity": 0.8}, n_test=N,
                predictions="test/predictions-0-0.npz", predictions_sha256=hashlib.sha256(file).hexdigest(),
            )
        ])  # fmt: skip
    return folder


def scores(seed: int) -> Scores:
    found = draw_predictions(N, seed=seed)
    return Scores(found["labels"], found["scores"], CLASSES)


def fractions() -> Estimates:
    """Numbers without a unit, a plain estimate or a claim."""
    rng = np.random.default_rng(1)
    true = rng.uniform(0.05, 1, N)
    return Estimates("energy fraction", "", true, true + 0.02 * rng.normal(size=N))


@pytest.fixture(scope="module")
def markdown(tmp_path_factory: pytest.TempPathFactory) -> str:
    found = draw_estimates(N, 0, 0.4)
    energy = calorimeter_energy(found["targets"], found["outputs"], found["calibrated"])
    folder = study(tmp_path_factory.mktemp("several") / "hits", [scores(1), fractions(), scores(2), energy])
    build_report(folder)
    return (folder / "report/report.md").read_text()


def test_each_value_has_figures_of_its_own_names(markdown: str) -> None:
    for name in (
        "roc",
        "roc-2",
        "confusion",
        "confusion-2",
        "estimated-energy-fraction",
        "estimated-energy-2",
    ):
        assert markdown.count(f"(figures/{name}.svg)") == 1
    headings = [line for line in markdown.splitlines() if line.startswith("### Estimated")]
    assert headings == ["### Estimated energy fraction", "### Estimated energy"]


def test_the_verdict_tells_of_every_value(markdown: str) -> None:
    start = markdown.split("## Best settings", maxsplit=1)[0]
    assert start.count("its accuracy is") == 2
    for quantity in ("energy fraction", "energy"):
        assert start.count(f"its relative error of the {quantity} is") == 1
    assert start.count("that of the calibrated energy sum is") == 1  # fractions have no plain estimate


def test_numbers_without_a_unit_are_not_fitted_as_energies(markdown: str) -> None:
    part = markdown.split("### Estimated energy fraction")[1].split("### ", maxsplit=1)[0]
    assert "stochastic term" not in part
    assert "calibrated" not in part
    assert "3DGAN" not in part
    assert "| true energy fraction |" in part
    assert "[]" not in part


def test_figures_of_a_second_value_have_its_place_in_their_names(tmp_path: Path) -> None:
    folder = study(tmp_path / "hits", [scores(1), scores(2)])
    result = read_result(folder, read_history(folder))
    first, second = result.of(ScoresPart)
    assert result.figures["auc"] == first.auc
    assert result.figures["auc-2"] == second.auc
    assert first.auc != second.auc


def test_a_task_that_shows_nothing_has_its_metrics(tmp_path: Path) -> None:
    folder = study(tmp_path / "own", [], outputs=np.ones(N))
    history = read_history(folder)
    result = read_result(folder, history)
    assert (result.parts, result.warnings) == ((), ())
    with hep_style():
        page = to_markdown("Study", content(folder, history))
    assert "On 1,500 test examples: test_loss = 0.5 and test_purity = 0.8." in page
    assert "| test_purity | 0.8 |" in page
    build_comparison([folder, study(tmp_path / "other", [])], tmp_path / "out")
    assert "test_purity" in (tmp_path / "out/report.md").read_text()


def test_values_that_cannot_be_evaluated_do_not_take_the_others_along(tmp_path: Path) -> None:
    negative = Estimates("charge", "e", np.full(N, -1.0), np.ones(N))
    folder = study(tmp_path / "hits", [scores(1), negative])
    result = read_result(folder, read_history(folder))
    assert (len(result.of(ScoresPart)), result.of(EstimatesPart)) == (1, [])
    assert "cannot be evaluated (values of charge must be finite, true ones above 0)" in str(result.warnings)


def test_every_type_of_value_has_a_part() -> None:
    assert set(PARTS) == set(Shown.__args__)


def showers(seed: int, most: int = 2) -> list[Estimates]:
    """Energies of the showers of events, of which the last has N // 3 alone."""
    rng = np.random.default_rng(seed)
    found = []
    for place in range(most):
        true = np.random.default_rng(place).uniform(10, 100, N if place + 1 < most else N // 3)
        estimated = true * (1 + 0.1 * (place + 1) * rng.normal(size=len(true)))
        found.append(Estimates(f"energy of shower {place + 1}", "GeV", true, estimated, plain=0.5 * true))
    return found


def test_the_headline_names_each_quantity_and_how_many_rows_have_it(tmp_path: Path) -> None:
    folder = study(tmp_path / "hits", showers(1))
    with hep_style():
        page = to_markdown("Study", content(folder, read_history(folder)))
    assert "its relative error of the energy of shower 1 is (8." in page
    assert "its relative error of the energy of shower 2 (500 have it) is (1" in page
    first, second = read_result(folder, read_history(folder)).of(EstimatesPart)
    assert [tile[0] for tile in first.headline().tiles] == [
        "relative error, energy of shower 1",
        "plain estimate",
    ]
    assert second.headline().tiles[0][2] == "500 of 1,500 examples"


def test_a_comparison_shows_every_value_with_its_quantity_and_the_tasks_own_metrics(tmp_path: Path) -> None:
    more = study(tmp_path / "more", showers(1, most=3))
    fewer, other = study(tmp_path / "fewer", showers(2)), study(tmp_path / "other", [fractions()])
    build_comparison([fewer, more, other], tmp_path / "out")
    page = (tmp_path / "out/report.md").read_text()
    for place in (1, 2, 3):
        assert f"relative error, energy of shower {place} |" in page
        assert f"### Relative error over energy of shower {place}" in page
    assert "### Relative error over energy fraction" in page
    assert len(set(re.findall(r"\(figures/(relative-error[^.]*)", page))) == 4
    assert "| test_purity | 0.8 | 0.8 | 0.8 |" in page
    head, *rows = compared(["fewer", "more", "other"], tmp_path / "out/index.html", tmp_path).rows
    table = {row[0]: dict(zip(head, row, strict=True)) for row in rows}
    second = "relative error, energy of shower 2"
    figures = {
        name: read_result(each, read_history(each)).figures
        for name, each in [("fewer", fewer), ("more", more)]
    }
    for name, found in figures.items():
        assert table[name][second] == str(found["relative_error-2"])
    assert table["fewer"]["relative error, energy of shower 3"] == "-"
    assert table["other"][second] == "-", "its first value is of another quantity"
    assert table["other"]["relative error, energy fraction"] != "-"


def test_estimates_are_shown_over_another_quantity_where_one_is_given(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    true, share = rng.uniform(10, 100, N), rng.uniform(0, 1, N) ** 2
    estimated = true * (1 + share + 0.1 * rng.normal(size=N))
    for values in (share, np.zeros(N)):
        against = Against("overlap", "", values, "the share that is not its own")
        energy = Estimates("energy", "GeV", true, estimated, plain=0.5 * true, against=against)
        folder = study(tmp_path / f"{values.max() > 0}", [energy])
        with hep_style():
            page = to_markdown("Study", content(folder, read_history(folder)))
        # Of a quantity that is the same of all there is nothing to draw.
        assert ("energy over overlap, which is the share that is not its own." in page) == bool(values.any())


def test_values_of_one_quantity_alone_are_compared_under_their_plain_names(tmp_path: Path) -> None:
    folders = [study(tmp_path / name, [fractions()]) for name in ("a", "b")]
    build_comparison(folders, tmp_path / "out")
    head, *_ = compared(["a", "b"], tmp_path / "out/index.html", tmp_path).rows
    assert head[3:6] == ["relative error", "bias", "resolution"]


def test_a_terminal_is_told_what_errors_are_and_that_test_sets_differ(tmp_path: Path) -> None:
    for name in ("same", "again"):
        study(tmp_path / name, [fractions()])
    true = np.linspace(0.1, 1, N)
    study(tmp_path / "moved", [Estimates("energy fraction", "", true, true + 0.01)])
    runner, runs = CliRunner(), ["--runs", str(tmp_path), "--out", str(tmp_path / "out")]
    alike = runner.invoke(app, ["compare", "same", "again", *runs])
    apart = runner.invoke(app, ["compare", "same", "moved", *runs])
    assert (alike.exit_code, apart.exit_code) == (0, 0)
    assert "'test set': one model" in alike.stdout
    assert alike.stdout.splitlines()[0].split()[-1] == "uncertainty"
    assert alike.stdout.splitlines()[1].endswith("test set")
    assert alike.stderr == ""
    assert apart.stderr.startswith("warning: The models were not applied to the same test set")
    assert len(apart.stderr.splitlines()) == 1


@pytest.mark.parametrize("of_a_calorimeter", [True, False])
def test_a_fit_that_does_not_describe_the_bins_is_told(tmp_path: Path, of_a_calorimeter: bool) -> None:
    rng = np.random.default_rng(3)
    true = rng.uniform(10, 100, N)
    sigma = 0.4 / np.sqrt(true) if of_a_calorimeter else 0.003 * true
    energy = Estimates("energy", "GeV", true, true * (1 + sigma * rng.normal(size=N)))
    folder = study(tmp_path / "hits", [energy])
    with hep_style():
        page = to_markdown("Study", content(folder, read_history(folder)))
    assert ("The fit does not describe the bins" in page) == (not of_a_calorimeter)
