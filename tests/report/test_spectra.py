"""Spectra against samples whose truth is known: contents, errors, distances; figures and pages."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from report_ledgers import showing_study

from raysearch.errors import InputError
from raysearch.ledger.history import read_history
from raysearch.metrics.shown import Condition, Coordinate, Pictures, Shown, Spectra
from raysearch.report.blocks import Picture
from raysearch.report.build import build_report, content
from raysearch.report.comparison import build_comparison
from raysearch.report.markdown import to_markdown
from raysearch.report.shown.pictures import draw_pictures
from raysearch.report.shown.spectra import SpectraPart
from raysearch.report.shown.spectra_figures import ITSELF, REAL, Made, draw_spectra
from raysearch.report.shown.spectra_panels import (
    chi2_per_cell,
    distribution_edges,
    left_out,
    panels_of,
    separation,
)
from raysearch.report.style import hep_style, to_bytes
from raysearch.report.test_result import read_result

EDGES = np.array([0.0, 100.0, 500.0])


def rows(n: int, seed: int, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Energies (n,) of 1 to 500 GeV, and a number (n,) that follows them."""
    rng = np.random.default_rng(seed)
    energy = rng.uniform(1, 500, n)
    return energy, rng.normal(0.01 * energy + shift, 1.0)


def number(n: int = 2000, shift: float = 0.0, seed: int = 2, first: int = 1, **how: object) -> Spectra:
    (over_real, real), (over_made, made) = rows(n, first), rows(n, seed, shift)
    over = Condition("energy", "GeV", over_real, over_made, EDGES)
    return Spectra("depth", "layers", real, made, **({"over": over} | how))  # type: ignore[arg-type]


def profile(n: int = 1000, scale: float = 1.0, seed: int = 2) -> Spectra:
    shape = np.exp(-((np.arange(12) - 5) ** 2) / 8)
    real, made = (np.random.default_rng(s).gamma(4, 0.25, (n, 12)) * shape for s in (1, seed))
    return Spectra("energy", "GeV", real, scale * made, along=Coordinate("layer", "", np.arange(13) - 0.5))


def test_a_distribution_is_shown_in_each_bin_of_the_condition() -> None:
    shown = number()
    first, second = panels_of([shown])
    assert (first.label, second.label) == ("0 to 100 GeV", "100 to 500 GeV")
    assert shown.over is not None
    assert first.n_real == np.sum(shown.over.real < 100)
    assert first.real.value.sum() == pytest.approx(1)
    assert first.made.value.sum() == pytest.approx(1)  # outermost bins hold what lies beyond
    share = first.real.value[5]
    assert first.real.error[5] == pytest.approx(np.sqrt(share * (1 - share) / first.n_real))


def test_a_profile_has_the_mean_of_each_cell_and_its_error() -> None:
    shown = profile(scale=1.2)
    (panel,) = panels_of([shown])
    assert panel.label == ""
    np.testing.assert_allclose(panel.real.value, shown.real.mean(axis=0))
    np.testing.assert_allclose(panel.made.error, shown.made.std(axis=0, ddof=1) / np.sqrt(1000))


def test_a_trend_has_means_over_the_bins_of_the_condition() -> None:
    shown = number(trend=True)
    (panel,) = panels_of([shown])
    assert shown.over is not None
    low = shown.over.made < 100
    assert panel.made.value[0] == pytest.approx(shown.made[low].mean())
    assert panel.made.error[0] == pytest.approx(shown.made[low].std(ddof=1) / np.sqrt(low.sum()))
    assert (panel.separation, panel.separation_itself) == (None, None)  # means are no distribution


def test_separation_power_by_hand() -> None:
    assert separation(np.array([1.0, 1.0]), np.array([2.0, 2.0])) == 0
    assert separation(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == 1
    expected = 0.5 * ((0.5 - 0.25) ** 2 / 0.75 + (0.5 - 0.75) ** 2 / 1.25)
    assert separation(np.array([1.0, 1.0]), np.array([1.0, 3.0])) == pytest.approx(expected)
    assert separation(np.array([1.0, -1.0]), np.array([1.0, 3.0])) is None
    assert separation(np.zeros(2), np.ones(2)) is None


def test_a_perfect_generator_is_as_far_from_the_simulation_as_that_is_from_itself() -> None:
    panels = [panel for seed in range(30) for panel in panels_of([number(seed=seed, first=100 + seed)])]
    apart = np.mean([panel.separation for panel in panels])
    itself = np.mean([panel.separation_itself for panel in panels])
    assert apart == pytest.approx(itself, rel=0.15)
    assert np.mean([panel.chi2 for panel in panels]) == pytest.approx(1, abs=0.15)
    (bad, _) = panels_of([number(shift=1.0)])
    assert bad.separation is not None
    assert bad.separation[0] > 5 * itself
    assert bad.chi2[0] > 3


def test_chi2_is_over_the_cells_that_have_an_error() -> None:
    (panel,) = panels_of([profile()])
    assert chi2_per_cell(panel.real, panel.real) == 0
    expected = np.mean(
        (panel.real.value - panel.made.value) ** 2 / (panel.real.error**2 + panel.made.error**2)
    )
    assert panel.chi2[0] == pytest.approx(expected)


def test_runs_are_a_mean_with_a_band_and_the_error_of_one() -> None:
    runs = [profile(scale=scale, seed=place) for place, scale in enumerate((0.9, 1.0, 1.2), start=2)]
    (panel,) = panels_of(runs)
    values = np.stack([run.made.mean(axis=0) for run in runs])
    np.testing.assert_allclose(panel.made.value, values.mean(axis=0))
    assert panel.made.spread is not None
    np.testing.assert_allclose(panel.made.spread, values.std(axis=0, ddof=1))
    assert len(panel.chi2) == 3


def test_rows_that_cannot_be_shown_are_left_out_and_counted() -> None:
    real, made = np.abs(rows(1000, 1)[1]) + 0.1, np.abs(rows(1000, 2)[1]) + 0.1
    made[:100], made[100:150] = np.nan, -1
    shown = Spectra("energy", "GeV", real, made, log=True)
    (panel,) = panels_of([shown])
    assert panel.n_made == 850
    assert left_out(shown) == pytest.approx((0, 0.15))
    assert np.allclose(np.diff(np.log(panel.edges), 2), 0)
    with pytest.raises(InputError, match="energy: no bin has 10 rows"):
        panels_of([Spectra("energy", "GeV", real, np.full(1000, np.nan))])


def test_the_axis_is_the_simulations_and_whole_numbers_stand_in_the_middle_of_bins() -> None:
    real = np.random.default_rng(1).normal(0, 1, 5000)
    edges = distribution_edges(real, real + 1e6, log=False)
    assert edges[0] < -2
    assert edges[-1] < 10  # a generator that is far off does not press the simulation into one bin
    whole = np.random.default_rng(1).integers(3, 9, 5000).astype(float)
    assert distribution_edges(whole, whole, log=False).tolist() == [2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5]
    assert len(distribution_edges(np.full(50, 7.3), np.full(50, 7.3), log=False)) > 2


def test_the_figure_has_a_ratio_below_each_panel_with_units_and_one_legend_clear_of_the_data() -> None:
    shown = number(shift=0.3)
    with hep_style():
        figure = draw_spectra(shown, [Made("generator", panels_of([shown]))])
        assert to_bytes(figure, "svg").startswith(b"<?xml")
    assert len(figure.axes) == 4
    upper, _, lower, _ = figure.axes
    assert upper.get_ylabel() == "share of rows"
    assert (lower.get_xlabel(), lower.get_ylabel()) == ("depth [layers]", "ratio")
    assert upper.get_title(loc="right") == "0 to 100 GeV"
    assert upper.get_legend() is None
    (legend,) = figure.legends
    assert {text.get_text() for text in legend.get_texts()} == {"generator", REAL, ITSELF}


def test_axes_say_what_profiles_and_trends_are_means_of() -> None:
    with hep_style():
        of_profile = draw_spectra(profile(), [Made("g", panels_of([profile()]))]).axes
        trend = number(trend=True)
        of_trend = draw_spectra(trend, [Made("g", panels_of([trend]))]).axes
    assert (of_profile[0].get_ylabel(), of_profile[1].get_xlabel()) == ("mean energy [GeV]", "layer")
    assert (of_trend[0].get_ylabel(), of_trend[1].get_xlabel()) == ("mean depth [layers]", "energy [GeV]")


def values(run: int = 0, shift: float = 0.2) -> list[Shown]:
    images = np.random.default_rng(5).random((3, 5, 7))
    made = np.random.default_rng(run).random((3, 5, 7))
    return [
        number(shift=shift, seed=10 + run),
        number(shift=shift, seed=10 + run, trend=True),
        profile(scale=1.1, seed=20 + run),
        Pictures("showers", "GeV", images, made, ("10 GeV", "50 GeV", "90 GeV"), "layer", "x [mm]", log=True),
        Pictures(
            "correlations", "", 2 * images[:1, :, :5] - 1, images[:1, :, :5], ("all",), names=tuple("abcde")
        ),
    ]


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = showing_study(tmp_path_factory.mktemp("generator") / "gan", [values()])
    build_report(folder)
    return folder


def test_a_report_has_spectra_and_pictures_of_a_task_it_has_never_heard_of(single: Path) -> None:
    markdown = (single / "report/report.md").read_text()
    names = [path.stem for path in sorted((single / "report/figures").glob("*.svg"))]
    assert {
        "spectrum-depth",
        "spectrum-depth-2",
        "spectrum-energy",
        "pictures-showers",
        "pictures-correlations-2",
    } <= set(names)
    assert len(names) == len(set(names))
    assert (
        "On 2,000 test showers that no training and no choice saw, the mean separation power of its 2 spectra"
        in markdown
    )
    assert "### Spectra" in markdown
    assert "| depth | distribution | 2 bins of energy | 2,000 | 2,000 |" in markdown
    assert "| depth | means | bins of energy |" in markdown
    assert "| energy | profile | \N{EN DASH} |" in markdown
    assert "Showers of the simulation and of the generator (above and below)" in markdown
    html = (single / "report/index.html").read_text()
    assert html.count("<figure") == len(names)


def test_figures_of_a_generator_have_the_simulations_level_beside_them(single: Path) -> None:
    result = read_result(single, read_history(single))
    (part,) = result.of(SpectraPart)
    of_panels = [panel.separation[0] for each in part.quantities for panel in each.panels if panel.separation]
    assert result.figures["separation"].value == pytest.approx(np.mean(of_panels))
    assert 0 < result.figures["separation_itself"].value < result.figures["separation"].value
    assert result.figures["separation_energy"].value == pytest.approx(of_panels[-1])


def test_several_runs_have_a_spread_and_are_warned_of_when_alike(tmp_path: Path) -> None:
    folder = showing_study(tmp_path / "gan", [values(run) for run in range(3)])
    history = read_history(folder)
    result = read_result(folder, history)
    assert result.figures["separation"].error is not None
    with hep_style():
        markdown = to_markdown("Study", content(folder, history))
    assert "mean of 3 repeats" in markdown
    assert "The generator is that of the first of 3 repeats." in markdown
    assert "predict the same" not in markdown
    alike = showing_study(tmp_path / "alike", [values()] * 3)
    warnings = read_result(alike, read_history(alike)).warnings
    assert any("All 3 repeats predict the same" in str(each) for each in warnings)


def test_runs_that_show_other_values_are_not_combined(tmp_path: Path) -> None:
    folder = showing_study(tmp_path / "gan", [values(), values()[1:]])
    result = read_result(folder, read_history(folder))
    assert result.parts == ()
    assert "is of another test set" in str(result.warnings)


def test_pictures_of_what_each_run_was_trained_on_are_shown_beside_the_rest(tmp_path: Path) -> None:
    def run(number: int) -> list[Shown]:
        own = np.random.default_rng(number).random((2, 4, 4))
        return [*values(number), Pictures("trained on", "", own, own, ("a", "b"), origins=("digits", "rec"))]

    folder = showing_study(tmp_path / "vae", [run(0), run(1)])
    result = read_result(folder, read_history(folder))
    assert "another test set" not in str(result.warnings)
    assert len(result.parts) == 4
    assert result.figures["separation"].error is not None  # over both runs


def test_generators_on_one_simulation_are_drawn_together(tmp_path: Path, single: Path) -> None:
    other = showing_study(tmp_path / "better", [values(1, shift=0.0)])
    build_comparison([single, other], tmp_path / "out")
    markdown = (tmp_path / "out/report.md").read_text()
    assert "| separation power | gan | better | simulation from itself |" in markdown
    assert (tmp_path / "out/figures/spectrum-depth.svg").is_file()
    assert markdown.count("## Test set") == 1  # pictures have nothing to compare


def test_quantities_without_enough_rows_are_said_so(tmp_path: Path) -> None:
    empty = Spectra("angle", "rad", np.ones(2000), np.full(2000, np.nan))
    folder = showing_study(tmp_path / "gan", [[values()[0], empty]])
    history = read_history(folder)
    with hep_style():
        markdown = to_markdown("Study", content(folder, history))
    assert "Not shown: angle: no bin has 10 rows on either side that are finite." in markdown
    alone = showing_study(tmp_path / "alone", [[empty]])
    result = read_result(alone, read_history(alone))
    assert result.parts == ()
    assert "cannot be evaluated (angle: no bin has 10 rows" in str(result.warnings)


def test_pictures_share_one_scale_and_a_single_pair_stands_side_by_side() -> None:
    shown = [each for each in values() if isinstance(each, Pictures)]
    with hep_style():
        several, single_pair = (draw_pictures(each) for each in shown)
    images = [axes.images[0] for axes in several.axes if axes.images]
    assert len(images) == 6
    assert len({(image.norm.vmin, image.norm.vmax) for image in images}) == 1
    left, right = [axes for axes in single_pair.axes if axes.images]
    assert (left.get_title(), right.get_title()) == ("simulation", "generator")
    assert [label.get_text() for label in left.get_yticklabels()] == list("abcde")
    assert left.images[0].norm.vmin == -left.images[0].norm.vmax  # values of both signs


def test_pictures_of_something_else_say_what_it_is() -> None:
    images = np.ones((2, 3, 3))
    digits = Pictures("some", "", images, images, ("a", "b"), y="y", origins=("digits", "reconstruction"))
    with hep_style():
        figure = draw_pictures(digits)
    named = {axes.get_ylabel() for axes in figure.axes if axes.images and axes.get_ylabel()}
    assert named == {"digits\ny", "reconstruction\ny"}


def test_pictures_without_a_finite_value_are_warned_of(tmp_path: Path) -> None:
    nothing = Pictures("showers", "", np.full((1, 2, 2), np.nan), np.ones((1, 2, 2)), ("a",))
    folder = showing_study(tmp_path / "gan", [[nothing]])
    result = read_result(folder, read_history(folder))
    assert result.parts == ()
    assert "showers: no value is finite" in str(result.warnings)


def test_every_picture_of_a_page_has_a_name_of_its_own(single: Path) -> None:
    with hep_style():
        blocks = content(single, read_history(single))
    names = [block.name for block in blocks if isinstance(block, Picture)]
    assert len(names) == len(set(names))
