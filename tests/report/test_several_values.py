"""Trials that show several values, of one type or of more; and tasks that the report has never heard of."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from report_ledgers import CLASSES, Recipe, draw_estimates, draw_predictions, write_study

from raysearch.ledger import run_records
from raysearch.ledger.history import read_history
from raysearch.ledger.ledger import Ledger
from raysearch.metrics.shown import Estimates, Scores, Shown, calorimeter_energy, pack
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
    assert start.count("its relative error is") == 2
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
