"""The whole report, from ledgers with real records: what a reader relies on at every stage of a study."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from report_ledgers import CLASSES, JEDINET_SPACE, Recipe, draw_predictions, write_study

from raysearch.errors import FolderError, StorageError
from raysearch.ledger.history import History
from raysearch.ledger.ledger import Ledger, read_entries
from raysearch.metrics.classification import auc
from raysearch.report.blocks import Picture, text
from raysearch.report.build import build_report, content, write_page
from raysearch.report.markdown import to_markdown
from raysearch.report.page import to_html
from raysearch.report.provenance import going_on, provenance
from raysearch.report.shown.described import units
from raysearch.report.style import hep_style

FAILED = {3: ("nonfinite", "loss is nan at step 40"), 8: ("error", "RuntimeError: <script>alert(1)</script>")}
PLOTS = [
    "confusion",
    "importance",
    "learning-curves",
    "objective",
    "parallel-coordinates",
    "rejection",
    "roc",
]


def report_of(folder: Path) -> tuple[str, str]:
    """HTML and Markdown of a study, without writing the figures, which takes most of the time."""
    history = History(read_entries(folder))
    with hep_style():
        blocks = content(folder, history)
    figures = {block.name: b"" for block in blocks if isinstance(block, Picture)}
    return to_html("Study", blocks, figures), to_markdown("Study", blocks)


def section(markdown: str, title: str) -> str:
    return re.split(r"^#+ ", markdown.split(f" {title}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    recipe = Recipe(failed=FAILED, resumed_after=6, demonstration_of="jedinet", data={"sqrt_s_tev": 13})
    folder = write_study(tmp_path_factory.mktemp("studies") / "jedinet-demo", recipe)
    build_report(folder)
    return folder


@pytest.fixture(scope="module")
def page(finished: Path) -> str:
    return (finished / "report/index.html").read_text()


@pytest.fixture(scope="module")
def markdown(finished: Path) -> str:
    return (finished / "report/report.md").read_text()


def test_every_plot_is_there_as_svg_and_pdf(finished: Path) -> None:
    assert sorted(path.stem for path in (finished / "report/figures").glob("*.svg")) == PLOTS
    assert sorted(path.stem for path in (finished / "report/figures").glob("*.pdf")) == PLOTS
    assert not list(finished.glob(".report-*"))


def test_same_ledger_same_bytes(finished: Path) -> None:
    def written() -> dict[str, bytes]:
        files = (path for path in (finished / "report").rglob("*") if path.is_file())
        return {str(path.relative_to(finished)): path.read_bytes() for path in files}

    before = written()
    build_report(finished)
    assert written() == before


def test_verdict_names_best_trial_value_settings_and_test_figures(finished: Path, markdown: str) -> None:
    history = History(read_entries(finished))
    best = min((t for t in history.trials if t.value is not None), key=lambda t: t.value)
    verdict = markdown.split("\n\n")[1]
    assert "12 of 12 trials done: 10 finished, 2 failed" in verdict
    assert f"The best is trial {best.number} with val_loss = {best.value:.4g} (lower is better)" in verdict
    assert f"hidden = {best.settings['hidden']}, " in verdict
    arrays = draw_predictions(2000)
    accuracy = np.mean(arrays["scores"].argmax(1) == arrays["labels"])
    error = np.sqrt(accuracy * (1 - accuracy) / 2000)
    assert f"On 2,000 test jets that no training and no choice saw, its accuracy is {accuracy:.4f}" in verdict
    assert f"{accuracy:.4f} \N{PLUS-MINUS SIGN} {error:.4f}" in verdict


def test_demonstration_is_said_before_any_figure_with_the_command_for_the_physics(markdown: str) -> None:
    note = markdown.split("## Best settings", maxsplit=1)[0]
    assert "This study is a demonstration" in note
    assert "6,000 for training, 2,000 for validation and 2,000 for test" in note
    assert "at most 8 epochs" in note
    assert "n_constituents = 30" in note
    assert "`raysearch tune jedinet`" in note


def test_best_settings_tell_searched_from_held(markdown: str) -> None:
    table = section(markdown, "Best settings")
    assert re.search(r"\| hidden \| \d+ \| searched \| 5 to 50 \|", table)
    assert re.search(r"\| activation_object \| \w+ \| searched \| relu \\\| elu \\\| selu \|", table)
    assert re.search(r"\| learning_rate \| [\d.]+ \| searched \| 0.0001 to 0.01, log \|", table)
    assert "| n_constituents | 30 | held |" in table


def test_working_points_agree_with_the_metrics(markdown: str) -> None:
    arrays = draw_predictions(2000)
    rows = [line for line in section(markdown, "ROC curves").splitlines() if re.match(r"\| [gqwzt] \|", line)]
    assert [row[2] for row in rows] == list(CLASSES)
    for place, row in enumerate(rows):
        is_signal = arrays["labels"] == place
        expected = auc(arrays["scores"][:, place].astype(float), is_signal)
        assert float(row.split("|")[3].split()[0]) == pytest.approx(expected, abs=6e-5)
        assert int(row.split("|")[2].replace(",", "")) == is_signal.sum()


def test_all_trials_are_listed_and_failures_have_their_messages(markdown: str) -> None:
    rows = [line for line in section(markdown, "All trials").splitlines() if re.match(r"\| \**\d+", line)]
    assert len(rows) == 12
    assert sum("failed" in row for row in rows) == 2
    assert rows[3].startswith("| 3 | failed | \N{EN DASH} |")
    assert "| 3 | 0 | 1 | nonfinite | loss is nan at step 40 |" in section(markdown, "Failures")


def test_markup_in_names_and_messages_is_inert(tmp_path: Path) -> None:
    evil = "<img src=x onerror=alert(1)>"
    space = {**JEDINET_SPACE, "activation_object": {"type": "choice", "values": [evil, "`|*[a](http://x)"]}}
    recipe = Recipe(
        name=f"a{evil}",
        space=space,
        failed={0: ("error", "<script>alert(1)</script>")},
        demonstration_of=evil,
    )
    html, markdown = report_of(write_study(tmp_path / "study", recipe))
    assert "<script" not in html
    assert "<img src=x" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    outside_code = re.sub(r"```.*?```", "", markdown, flags=re.DOTALL)
    outside_code = re.sub(r"`[^`\n]*`", "", outside_code)
    assert "<script" not in outside_code
    assert "<img" not in outside_code
    assert "](http" not in outside_code.replace(r"\]", "")


def test_page_needs_nothing_but_itself(page: str) -> None:
    assert not re.findall(r"<(?:script|link|iframe|object|embed)\b", page)
    assert not re.findall(r"""(?:src|href)="(?!data:image/svg|#)""", page)
    assert "@import" not in page
    assert "url(" not in page


def test_every_image_has_an_alternative_text_and_markdown_links_to_files(
    finished: Path, page: str, markdown: str
) -> None:
    alternatives = re.findall(r'<img alt="([^"]+)"', page)
    assert len(alternatives) == len(re.findall("<img", page)) == len(PLOTS)
    links = re.findall(r"\]\((figures/[^)]+)\)", markdown)
    assert len(links) == 2 * len(PLOTS)
    assert all((finished / "report" / link).is_file() for link in links)


def test_provenance_says_what_decides_the_results_and_who_ran_it(finished: Path, markdown: str) -> None:
    history = History(read_entries(finished))
    provenance = markdown.split("## Provenance")[1]
    for told in (
        history.created.data["files"]["jets-30p.h5"], history.created.identity, history.hash,
        "n_startup_trials: 5",
        "deterministic, window 4", "| seed | 7 |", "| split by | event |", "Some CPU @ 3 GHz",
        "| torch | 2.13.0 |", "Resumed 1 time.", "done again: 1.", "| test set used | 1 time |",
        "training 6,000, validation 2,000, test 2,000",
    ):  # fmt: skip
        assert told in provenance


def test_commands_to_go_on(finished: Path) -> None:
    lines = going_on(History(read_entries(finished)))[1].lines  # type: ignore[union-attr]
    assert "raysearch resume jedinet-demo --trials +12" in lines
    assert "raysearch report jedinet-demo" in lines
    assert "raysearch dashboard" in lines


def test_folds_are_shown_as_mean_and_spread(tmp_path: Path) -> None:
    folder = write_study(
        tmp_path / "study", Recipe(n_trials=5, done=5, folds=3, failed={1: ("lost", "gone")})
    )
    _, markdown = report_of(folder)
    best = History(read_entries(folder)).best
    assert best is not None
    values = [run.ended.value for run in best.runs if run.ended]
    expected = f"{np.mean(values):.4f} \N{PLUS-MINUS SIGN} {np.std(values, ddof=1):.4f}"
    assert f"val_loss = {expected}" in markdown.split("\n\n")[1]
    assert "sd over 3 folds" in markdown.split("\n\n")[1]
    assert f"| **{expected}** | **24** |" in section(markdown, "All trials")
    assert section(markdown, "Failures").count("| lost | gone |") == 3


def test_study_without_a_finished_trial(tmp_path: Path) -> None:
    html, markdown = report_of(write_study(tmp_path / "a", Recipe(done=0, tested=0)))
    assert "No trial has finished yet" in markdown
    assert "<figure" not in html
    assert "raysearch resume jedinet-demo   # finish" in markdown


def test_study_whose_trials_all_failed(tmp_path: Path) -> None:
    recipe = Recipe(done=2, failed={0: ("error", "bad"), 1: ("error", "bad")})
    _, markdown = report_of(write_study(tmp_path / "a", recipe))
    assert "2 of 12 trials done: 0 finished, 2 failed" in markdown
    assert "Every trial so far failed" in markdown
    assert "figures/objective.svg" in markdown


def test_study_before_its_test_says_so_and_few_trials_have_no_importance(tmp_path: Path) -> None:
    _, markdown = report_of(write_study(tmp_path / "a", Recipe(done=3, tested=0)))
    assert "The test set has not been looked at" in markdown
    assert "Importance needs at least 4 finished trials; there are 3." in markdown
    assert "test set used | never" in markdown


@pytest.mark.parametrize("harm", ["gone", "changed"])
def test_predictions_that_are_not_the_recorded_ones_are_not_used(tmp_path: Path, harm: str) -> None:
    folder = write_study(tmp_path / "a", Recipe(n_trials=4, done=4))
    (predictions,) = (folder / "test").iterdir()
    if harm == "gone":
        predictions.unlink()
    else:
        predictions.write_bytes(predictions.read_bytes() + b"x")
    _, markdown = report_of(folder)
    assert f"test/{predictions.name} {'cannot be read' if harm == 'gone' else 'is not the file'}" in markdown
    assert "figures/roc.svg" not in markdown
    assert "| test_loss | 0.7411 |" in markdown


def test_more_than_one_look_at_the_test_set_is_admitted(tmp_path: Path) -> None:
    _, markdown = report_of(write_study(tmp_path / "a", Recipe(n_trials=4, done=4, tested=2)))
    assert "The test set was looked at 2 times" in markdown
    assert "no choice saw" not in markdown


def test_test_figures_of_a_trial_that_is_no_longer_the_best(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "a", Recipe(n_trials=1, done=1))
    donor = write_study(tmp_path / "b", Recipe(done=12))
    later = [entry.record for entry in read_entries(donor) if getattr(entry.record, "trial", 0) > 0]
    with Ledger(folder) as ledger:
        ledger.append([record for record in later if record.kind != "tested"])
    assert History(read_entries(folder)).best.number != 0  # type: ignore[union-attr]
    _, markdown = report_of(folder)
    assert "The test figures are those of trial 0; trial" in markdown


def test_task_that_does_not_classify(tmp_path: Path) -> None:
    recipe = Recipe(
        n_trials=4,
        done=4,
        metrics={"test_loss": 0.2, "test_resolution": 0.11},
        data={"classes": [], "units": "showers"},
    )
    _, markdown = report_of(write_study(tmp_path / "a", recipe))
    assert "On 2,000 test showers: test_loss = 0.2 and test_resolution = 0.11." in markdown
    assert "ROC" not in markdown


def test_objective_to_maximise(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "a", Recipe(n_trials=6, done=6, maximise=True))
    _, markdown = report_of(folder)
    history = History(read_entries(folder))
    best = max(history.trials, key=lambda trial: trial.value or 0)
    assert f"The best is trial {best.number} with val_auc = {best.value:.4g} (higher is better)" in markdown


def test_report_that_cannot_be_written_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_study(tmp_path / "a", Recipe(done=0, tested=0))
    before = build_report(folder).read_bytes()
    real = Path.rename

    def refuse(self: Path, target: Path) -> Path:
        if self.name == "new":
            raise OSError(28, "No space left on device")
        return real(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(FolderError, match="No space left"):
        build_report(folder)
    assert (folder / "report/index.html").read_bytes() == before


def test_ledger_without_a_study(tmp_path: Path) -> None:
    Ledger(tmp_path / "a", create=True).close()
    with pytest.raises(StorageError, match="empty"):
        build_report(tmp_path / "a")
    with pytest.raises(StorageError, match="cannot be read"):
        build_report(tmp_path / "none")


def test_predictions_without_one_of_the_classes_are_told_of(tmp_path: Path) -> None:
    _, markdown = report_of(write_study(tmp_path / "a", Recipe(n_trials=4, done=4, n_test=4)))
    assert "cannot be evaluated (labels: class" in markdown
    assert "figures/roc.svg" not in markdown


def test_source_is_that_of_the_space_file_where_the_task_does_not_say(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "a", Recipe(done=0, tested=0, data={"path": None}))
    assert "| source | the sample that ships with raysearch |" in report_of(folder)[1]
    history = History(read_entries(folder))
    del history.created.data["path"]
    history.created.space_file["data"]["path"] = "jets/mine"
    table = provenance(history)[2]
    assert table.rows[0] == ("source", "jets/mine")  # type: ignore[union-attr]


def test_names_that_are_no_utf_8_harm_no_report(tmp_path: Path) -> None:
    name = b"nu\xff".decode(errors="surrogateescape")
    write_page(tmp_path / "report", f"Study {name}", [text(f"data in {name}")])
    for page in ("report.md", "index.html"):
        assert "udcff" in (tmp_path / "report" / page).read_text(encoding="utf-8")


def test_rows_of_other_classes_than_jets_are_no_jets() -> None:
    assert units({"classes": ["g", "q", "w", "z", "t"]}) == "jets"
    assert units({"classes": ["background", "signal"]}) == "examples"


def test_figures_that_the_tasks_own_metrics_do_not_agree_with_are_told(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s", Recipe())

    def is_told() -> bool:
        page = to_markdown("Study", content(folder, History(read_entries(folder))))
        return "from what the task shows, but test_accuracy = 0.2 from its metrics: they are of other" in page

    assert not is_told()
    tested, _ = History(read_entries(folder)).tests[-1]
    with Ledger(folder) as ledger:
        ledger.append([replace(tested, metrics={"test_accuracy": 0.2})])
    assert is_told()
