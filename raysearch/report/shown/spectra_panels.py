"""Spectra as numbers: contents of bins or cells, real beside made, and how far they are apart.

Errors are one sigma of the number of rows, or of the things that rows are parts of, such as jets. How far two
normalised contents p and q are apart is told by the separation power S = 1/2 sum((p - q)^2 / (p + q)), 0 for
equal ones and 1 for such as do not overlap (S. Diefenbacher et al., arXiv:2009.03796), and by chi^2 over the
number of cells. Both are positive for two samples of one truth, too, so that those of two halves of the real
rows stand beside them: the level of the simulation against itself. A half has whole things; where made rows
have the very conditions of the real ones, both halves have nearly the same ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from raysearch.errors import InputError
from raysearch.metrics.generation.separation import separation_power
from raysearch.metrics.shown import Spectra
from raysearch.report.shown.spectra_rows import Floats, Rows, Side, has_the_real_conditions

FEWEST = 10  # rows (or things that rows are parts of) in a bin of the condition; with fewer it shows nothing
MOST_BINS = 40  # of a distribution
CUT = 0.005  # share of the rows on either side of which a distribution's axis may cut off


@dataclass(frozen=True)
class Curve:
    """Contents of cells with their errors, (cell,) each; ``spread`` is the sample sd over several models."""

    value: Floats
    error: Floats
    spread: Floats | None = None


@dataclass(frozen=True)
class Panel:
    """A spectrum in one bin of its condition.

    Attributes:
        label: of the bin: ``50 to 100 GeV``; empty where all rows are one.
        edges: of the cells along x, (cell + 1,).
        real: of the simulation.
        halves: of the real rows, see ``Rows.halves``.
        made: of the generator, the mean over its runs.
        n_real: rows that count.
        n_made: of the first run.
        separation: from the real ones, of each run; None for what is no distribution of anything, or was
            given to the generator.
        separation_itself: of the halves, brought to the numbers of rows above.
        chi2: over the number of cells, of each run.
        chi2_itself: of the halves.
    """

    label: str
    edges: Floats
    real: Curve
    halves: tuple[Curve, Curve]
    made: Curve
    n_real: int
    n_made: int
    separation: tuple[float, ...] | None
    separation_itself: float | None
    chi2: tuple[float, ...]
    chi2_itself: float


Read = Callable[[Rows], Curve]


def panels_of(runs: Sequence[Spectra], beside: Sequence[Spectra] = ()) -> list[Panel]:
    """Compare what the models of several runs made with one simulation, in each bin of the condition.

    Args:
        runs: of each run, of one quantity, with the same real rows.
        beside: what others made, that is drawn over the same axes.

    Raises:
        InputError: no bin has enough rows that are finite.
    """
    first = runs[0]
    if first.trend and first.over is not None:
        real, *made = (Rows.of(first, "real"), *(Rows.of(each, "made") for each in runs))
        panel = _panel(first, "", first.over.edges, _means_over(first.over.edges), real, made)
        found = [panel] if panel else []
    else:
        found = [
            panel
            for place in range(1 if first.over is None else len(first.over.edges) - 1)
            if (panel := _in_bin(runs, beside, place)) is not None
        ]
    if not found:
        things = f"{first.parts.of}s with rows" if first.parts else "rows"
        raise InputError(f"{first.quantity}: no bin has {FEWEST} {things} on either side that are finite")
    if first.trend or first.given:
        # means over a condition are a distribution of nothing, and what was given says nothing of a generator
        return [replace(each, separation=None, separation_itself=None) for each in found]
    return found


def _in_bin(runs: Sequence[Spectra], beside: Sequence[Spectra], place: int) -> Panel | None:
    """A distribution or a profile in one bin of the condition; None with too few rows."""
    first = runs[0]
    real, made = _usable(first, "real", place), [_usable(each, "made", place) for each in runs]
    if min(each.n_things for each in (real, *made)) < FEWEST:
        return None
    label = "" if first.over is None else f"{first.over.edges[place]:g} to {first.over.edges[place + 1]:g}"
    if first.over is not None and first.over.unit:
        label += f" {first.over.unit}"
    if first.along is not None:
        return _panel(first, label, first.along.edges, _mean, real, made)
    drawn = [each.values for each in (*made, *(_usable(each, "made", place) for each in beside))]
    edges = distribution_edges(real.values, np.concatenate(drawn), log=first.log)
    return _panel(first, label, edges, _shares(edges), real, made)


def _usable(shown: Spectra, side: Side, place: int | None = None) -> Rows:
    """Rows, of a bin of the condition, that are finite and, of a distribution over logarithms, above 0."""
    rows = Rows.of(shown, side)
    if shown.over is not None and place is not None:
        rows = rows.in_bin(shown.over.edges, place)
    return rows.finite(above_0=shown.log and shown.along is None)


def left_out(shown: Spectra) -> tuple[float, float]:
    """Share of the real and of the made rows that cannot be shown, whatever their condition."""
    return _share_left_out(shown, "real"), _share_left_out(shown, "made")


def _share_left_out(shown: Spectra, side: Side) -> float:
    return 1 - len(_usable(shown, side)) / max(len(Rows.of(shown, side)), 1)


def distribution_edges(real: Floats, made: Floats, *, log: bool) -> Floats:
    """Edges of bins for two samples: those of the real one's width, and of the made one's near it.

    A generator that is far off must not press the simulation into one bin: made values count for the axis up
    to one width of the real distribution beyond its ends. Whole numbers get bins around them.

    Args:
        real: (n,), finite.
        made: (m,), finite.
        log: bins of one width in the logarithm; all values are above 0.
    """
    scale = np.log if log else np.asarray
    inner = [np.quantile(scale(values), (CUT, 1 - CUT)) for values in (real, made)]
    (low, high), (low_made, high_made) = inner
    width = high - low
    low, high = max(min(low, low_made), low - width), min(max(high, high_made), high + width)
    n_bins = int(np.clip(2 * np.cbrt(len(real)), 8, MOST_BINS))  # Rice's rule
    if not log and (real == np.round(real)).all():
        step = max(1, int(np.ceil((high - low + 1) / MOST_BINS)))
        return np.arange(np.floor(low) - 0.5, np.ceil(high) + step, step)
    if high <= low:
        low, high = low - 0.5, low + 0.5
    edges = np.linspace(low, high, n_bins + 1)
    return np.exp(edges) if log else edges


def _shares(edges: Floats) -> Read:
    """Which share of rows is in each bin; the outermost ones hold what lies beyond them."""

    def read(rows: Rows) -> Curve:
        n_bins = len(edges) - 1
        place = np.clip(np.searchsorted(edges, rows.values, side="right") - 1, 0, n_bins - 1)
        share = np.bincount(place, minlength=n_bins) / len(rows)
        # Of c rows of one thing, which has n, in a bin of share p: the sum of (c - p n)^2 over things. Where
        # each row is a thing of its own that is binomial.
        thing = rows.things
        pairs, c = np.unique(thing * n_bins + place, return_counts=True)
        n = np.bincount(thing)
        squares, products = (
            np.bincount(pairs % n_bins, weights, n_bins) for weights in (c**2, c * n[pairs // n_bins])
        )
        variance = squares - 2 * share * products + share**2 * (n**2).sum()
        return Curve(share, np.sqrt(variance.clip(0)) / len(rows))

    return read


def _means_over(edges: Floats) -> Read:
    """The mean of a quantity in each bin of the condition; NaN with fewer than two rows."""

    def read(rows: Rows) -> Curve:
        known = rows.finite(above_0=False)
        means = [
            _mean(replace(inside, values=inside.values[:, None]))
            for place in range(len(edges) - 1)
            for inside in [known.in_bin(edges, place)]
        ]
        return Curve(
            *(np.concatenate([getattr(each, name) for each in means]) for name in ("value", "error"))
        )

    return read


def _mean(rows: Rows) -> Curve:
    """Mean of each cell over rows (n, cell), with its error by thing; NaN with fewer than two things."""
    n = rows.n_things
    if n < 2:
        unknown = np.full(rows.values.shape[1], np.nan)
        return Curve(unknown, unknown)
    mean = rows.values.mean(axis=0)
    off = np.zeros((n, len(mean)))
    np.add.at(off, rows.things, rows.values - mean)
    return Curve(mean, np.sqrt(n / (n - 1) * (off**2).sum(axis=0)) / len(rows))


def _panel(
    of: Spectra, label: str, edges: Floats, read: Read, real: Rows, made: Sequence[Rows]
) -> Panel | None:
    """Read real and made rows; None where no cell is known on both sides."""
    simulated, curves = read(real), [read(each) for each in made]
    parted = real.halves(like_conditions=has_the_real_conditions(of))
    first, second = parted
    halves = (read(first), read(second))
    if not any(np.isfinite(curve.value + simulated.value).any() for curve in curves):
        return None
    apart = [separation(simulated.value, curve.value) for curve in curves]
    known = [each for each in apart if each is not None]
    itself = separation(halves[0].value, halves[1].value)
    # For samples of one truth S goes as 1/n + 1/m of independent things: that of the halves is brought to
    # the numbers compared.
    compared, halved = (
        sum(1 / each.n_things for each in pair) for pair in ((real, made[0]), (first, second))
    )
    return Panel(
        label=label,
        edges=edges,
        real=simulated,
        halves=halves,
        made=_over_runs(curves),
        n_real=len(real),
        n_made=len(made[0]),
        separation=tuple(known) if len(known) == len(curves) else None,
        separation_itself=None if itself is None else compared / halved * itself,
        chi2=tuple(chi2_per_cell(simulated, curve) for curve in curves),
        chi2_itself=chi2_per_cell(*halves),
    )


def _over_runs(curves: Sequence[Curve]) -> Curve:
    """The mean over several models with its spread, and the statistical error of one."""
    if len(curves) == 1:
        return curves[0]
    values = np.stack([curve.value for curve in curves])
    error = np.stack([curve.error for curve in curves]).mean(axis=0)
    return Curve(values.mean(axis=0), error, values.std(axis=0, ddof=1))


def separation(one: Floats, other: Floats) -> float | None:
    """Separation power of two contents (cell,), each taken as a distribution.

    Returns:
        None where one is no distribution: with cells that are negative or unknown, or all of them 0.
    """
    try:
        return separation_power(one, other)
    except InputError:
        return None


def chi2_per_cell(one: Curve, other: Curve) -> float:
    """Squared differences over their variances, by cell that has one; NaN where none has."""
    variance = one.error**2 + other.error**2
    known = variance > 0
    if not known.any():
        return float("nan")
    return float(np.mean((one.value - other.value)[known] ** 2 / variance[known]))
