"""Tables and pictures of the spectra of one study."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from raysearch.report.blocks import NONE, PM, Cell, Picture, Table, listing, number
from raysearch.report.shown.part import About
from raysearch.report.shown.spectra_figures import Made, draw_spectra
from raysearch.report.shown.spectra_panels import left_out
from raysearch.report.shown.spectra_quantity import Quantity, terse
from raysearch.report.shown.spectra_rows import has_the_real_conditions

HOW_APART = (
    "Separation power: 1/2 sum((p - q)^2 / (p + q)) of two normalised contents, 0 for equal ones, 1 for "
    "such as do not overlap (arXiv:2009.03796). 'Itself': the same of two halves of the simulation, for as "
    "many rows as are compared: what samples of one truth differ by. Chi2: of the statistical errors, by "
    "cell; cells of one profile follow each other."
)
HEAD = (
    "quantity", "shown as", "in", "rows", "rows made", "separation power", "itself", "largest in",
    "chi2 / cells", "itself",
)  # fmt: skip
WORDS = frozenset({0, 1, 2, 7})  # columns without numbers


def distances(quantities: Sequence[Quantity], about: About) -> Table:
    """How far every quantity is from the simulation's, and that from itself."""
    k = len(about.tests)
    several = f" {PM}: sample sd over {k} {about.word}s." if k > 1 else ""
    caption = f"Means over the bins of the condition. {HOW_APART}{several}"
    rows = tuple(_row(each) for each in quantities)
    return Table(HEAD, rows, caption, frozenset(range(len(HEAD))) - WORDS)


def _row(each: Quantity) -> tuple[Cell, ...]:
    of, panels, apart = each.of, each.panels, each.separation
    condition = NONE if of.over is None else f"{len(panels)} bins of {of.over.quantity}"
    if of.trend and of.over is not None:
        condition = f"bins of {of.over.quantity}"
    worst = max(panels, key=lambda panel: statistics.fmean(panel.separation or (0.0,)))
    return (
        of.quantity,
        f"{each.shown_as}, given" if of.given else each.shown_as,
        condition,
        f"{sum(panel.n_real for panel in panels):,}",
        f"{sum(panel.n_made for panel in panels):,}",
        NONE if apart is None else terse(apart),
        NONE if each.itself is None or apart is None else number(each.itself, 2),
        worst.label if apart is not None and len(panels) > 1 else NONE,
        NONE if of.given else terse(each.chi2),
        NONE if of.given else number(each.chi2_itself, 2),
    )


def spectrum(each: Quantity, made: Sequence[Made], about: About) -> Picture:
    """One quantity as made by one study or more, over the simulation's."""
    of = each.of
    what = "Mean" if of.trend or of.along is not None else "Distribution of the"
    in_bins = "" if of.over is None else f" in bins of {of.over.quantity}"
    beyond = "" if of.trend or of.along is not None else " The outermost bins hold what lies beyond them."
    bands = f" Bands: sample sd over the {about.word}s." if len(each.runs) > 1 else ""
    told = listing(
        [
            f"{panel.label or 'all rows'} {number(statistics.fmean(panel.separation), 2)}"
            for panel in each.panels
            if panel.separation
        ]
    )
    return Picture(
        about.named(f"spectrum-{each.slug}"),
        f"{of.quantity}{in_bins}, generated and simulated." + (f" Separation power: {told}." if told else ""),
        f"{what} {of.quantity}{in_bins}: simulation (grey) and {listing([one.name for one in made])}; "
        "below, the ratio to the simulation, whose own statistical error is the grey band. Bars: one sigma "
        f"of the number of {of.parts.of if of.parts else 'row'}s.{beyond}{bands} Dotted: the ratio of two "
        "halves of the simulation, as samples of one truth differ.",
        draw_spectra(of, made),
    )


def told_of(quantities: Sequence[Quantity]) -> list[str]:
    """Say what else a reader must know of the figures: what was given, what halves are, what is left out."""
    shown = [each.of for each in quantities]
    told = [f"{of.quantity}: given, for {of.given}; left out of all means." for of in shown if of.given]
    for thing in sorted({of.parts.of for of in shown if of.parts}):
        names = listing([of.quantity for of in shown if of.parts and of.parts.of == thing])
        told.append(f"{names}: errors, chi2 and halves are by {thing}.")
    told += [
        f"Every made row has the very {condition} of a real one, and both halves of the simulation have "
        f"nearly the same; samples that are independent differ by more in what follows the {condition}."
        for condition in sorted({_condition_of(each) for each in quantities} - {""})
    ]
    return told + [left for each in quantities if (left := _told_of_left_out(each))]


def _condition_of(each: Quantity) -> str:
    """The condition that made rows have from the real ones; empty where they have their own."""
    return each.of.over.quantity if each.of.over and has_the_real_conditions(each.of) else ""


def _told_of_left_out(each: Quantity) -> str:
    """Say which rows cannot be shown; nothing where all are."""
    real, made = left_out(each.of)
    if not (real or made):
        return ""
    shares = f"{100 * real:.2g} % of the real and {100 * made:.2g} % of the made rows"
    why = "above 0 and finite" if each.of.log and each.of.along is None else "finite"
    return f"{each.of.quantity}: {shares} are not {why}, and are left out."
