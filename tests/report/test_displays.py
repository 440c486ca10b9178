"""Event displays: points where they are, in the colours of their particles, truth beside answer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from matplotlib.colors import to_rgb
from report_ledgers import showing_study
from typer.testing import CliRunner

from raysearch.cli.main import app
from raysearch.ledger.history import read_history
from raysearch.metrics.shown import Displays
from raysearch.report.build import build_report
from raysearch.report.shown.displays import LARGEST, draw_displays, mixed
from raysearch.report.style import GUIDE, PALETTE, hep_style
from raysearch.report.test_result import read_result

FIRST, SECOND = (np.array(to_rgb(colour)) for colour in PALETTE[:2])


def displays(found: float = 1.0) -> Displays:
    places = np.array([[1.0, 10.0, 100.0], [2.0, 20.0, 200.0], [3.0, 30.0, 300.0]])
    true = np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]])
    sizes, event = np.array([4.0, 1.0, 0.25]), np.array([0, 0, 1])
    return Displays("events", places, "mm", sizes, "GeV", event, true, found * true[::-1], ("a", "b"))


def test_colours_are_mixed_by_shares() -> None:
    colours = mixed(np.array([[1.0, 0.0], [0.0, 3.0], [0.5, 0.5], [0.0, 0.0], [-1.0, 1.0]]))
    expected = [FIRST, SECOND, (FIRST + SECOND) / 2, to_rgb(GUIDE), SECOND]
    np.testing.assert_allclose(colours, expected)


def test_each_view_has_the_points_of_its_event_truth_beside_answer() -> None:
    with hep_style():
        figure = draw_displays(displays())
    panels = [axes.collections[0] for axes in figure.axes]
    assert len(panels) == 2 * 4
    for row, (z, across) in enumerate([([100, 200], ([1, 2], [10, 20])), ([300], ([3], [30]))]):
        for column in range(4):
            offsets = np.asarray(panels[4 * row + column].get_offsets())
            np.testing.assert_allclose(offsets, np.column_stack([z, across[column // 2]]))
    truth, answer = (panels[column].get_facecolors()[:, :3] for column in (0, 1))
    np.testing.assert_allclose(truth, [FIRST, (FIRST + SECOND) / 2])
    np.testing.assert_allclose(answer, [SECOND, (FIRST + SECOND) / 2])
    assert panels[0].get_sizes().tolist() == [LARGEST, LARGEST / 2]
    titles = [axes.get_title() for axes in figure.axes[:4]]
    assert titles == ["x over z, truth", "x over z, found", "y over z, truth", "y over z, found"]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["particle 1", "particle 2", "4 GeV"]


def test_what_is_nowhere_true_is_called_no_particle() -> None:
    true = np.array([[1.0, 0, 0, 0, 0], [0, 0, 1, 0, 0]])
    found = np.array([[0.5, 0, 0.2, 0.3, 0], [0, 1.0, 0, 0, 0]])
    places, sizes, event = np.ones((2, 3)), np.ones(2), np.zeros(2, int)
    with hep_style():
        figure = draw_displays(Displays("events", places, "mm", sizes, "GeV", event, true, found, ("a",)))
    marks = figure.legends[0].legend_handles
    names = ["particle 1", "particle 3", "matches none, 1", "matches none, 2", "1 GeV"]
    assert [mark.get_label() for mark in marks] == names
    assert [mark.get_color() for mark in marks[:4]] == [PALETTE[n] for n in (0, 2, 1, 3)]


def test_models_that_show_other_events_of_one_test_set_are_not_warned_of(tmp_path: Path) -> None:
    first = displays()
    for name, each in (("a", first), ("b", replace(first, true=first.true[::-1]))):
        showing_study(tmp_path / name, [[each]], "events")
    where = ["--runs", str(tmp_path), "--out", str(tmp_path / "out")]
    found = CliRunner().invoke(app, ["compare", "a", "b", *where])
    assert (found.exit_code, found.stderr) == (0, "")


def test_a_report_shows_them_and_warns_of_shares_that_are_no_numbers(tmp_path: Path) -> None:
    folder = showing_study(tmp_path / "hits", [[displays()]], "events")
    build_report(folder)
    assert (folder / "report/figures/displays-events.svg").is_file()
    assert "true shares beside found ones: a and b" in (folder / "report/report.md").read_text()
    broken = showing_study(tmp_path / "broken", [[displays(np.nan)]], "events")
    result = read_result(broken, read_history(broken))
    assert result.parts == ()
    assert "events: shares that are not finite" in str(result.warnings)
