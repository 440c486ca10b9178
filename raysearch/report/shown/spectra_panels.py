"""Spectra as numbers: contents of bins or cells, real beside made, and how far they are apart.

Errors are one sigma of the number of rows. How far two normalised contents p and q are apart is told by the
separation power S = 1/2 sum((p - q)^2 / (p + q)), 0 for equal ones and 1 for such as do not overlap (S.
Diefenbacher et al., arXiv:2009.03796), and by chi^2 over the number of cells. Both are positive for
two samples of one truth, too, so that those of the two halves of the real rows stand beside them: the level
of the simulation against itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from raysearch.errors import InputError
from raysearch.metrics.generation.separation import separation_power
from raysearch.metrics.shown import Spectra

FEWEST = 10  # rows in a bin of the condition; with fewer it shows nothing
MOST_BINS = 40  # of a distribution
CUT = 0.005  # share of the rows on either side of which a distribution's axis may cut off

Floats = np.ndarray


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
        halves: of the first and the second of every two real rows.
        made: of the generator, the mean over its runs.
        n_real: rows that count.
        n_made: of the first run.
        separation: from the real ones, of each run; None for what is no distribution of anything.
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


Read = Callable[[Floats, Floats], Curve]  # rows, and their condition, to contents


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
        everywhere = (first.real, first.over.real)
        made = [(each.made, each.over.made) for each in runs if each.over is not None]
        panel = _panel("", first.over.edges, _means_over(first.over.edges), everywhere, made)
        # means over a condition are a distribution of nothing
        found = [replace(panel, separation=None, separation_itself=None)] if panel else []
    else:
        found = [
            panel
            for place in range(1 if first.over is None else len(first.over.edges) - 1)
            if (panel := _in_bin(runs, beside, place)) is not None
        ]
    if not found:
        raise InputError(f"{first.quantity}: no bin has {FEWEST} rows on either side that are finite")
    return found


def _in_bin(runs: Sequence[Spectra], beside: Sequence[Spectra], place: int) -> Panel | None:
    """A distribution or a profile in one bin of the condition; None with too few rows."""
    first = runs[0]
    real = _usable(first, first.real[_rows(first, place, "real")])
    made = [_usable(each, each.made[_rows(each, place, "made")]) for each in runs]
    if min(len(real), *(len(each) for each in made)) < FEWEST:
        return None
    label = "" if first.over is None else f"{first.over.edges[place]:g} to {first.over.edges[place + 1]:g}"
    if first.over is not None and first.over.unit:
        label += f" {first.over.unit}"
    nowhere = np.empty(0)
    if first.along is not None:
        return _panel(
            label,
            first.along.edges,
            lambda rows, _: _mean(rows),
            (real, nowhere),
            [(m, nowhere) for m in made],
        )
    others = [_usable(each, each.made[_rows(each, place, "made")]) for each in beside]
    edges = distribution_edges(real, np.concatenate([*made, *others]), log=first.log)
    return _panel(label, edges, _shares(edges), (real, nowhere), [(each, nowhere) for each in made])


def _rows(shown: Spectra, place: int, of: str) -> Floats:
    """Which rows are in a bin of the condition, bool (n,); the last bin has its upper edge too."""
    if shown.over is None:
        return np.ones(len(getattr(shown, of)), dtype=bool)
    condition, edges = getattr(shown.over, of), shown.over.edges
    inside = (condition >= edges[place]) & (condition < edges[place + 1])
    return inside | (condition == edges[-1]) if place == len(edges) - 2 else inside


def _usable(shown: Spectra, rows: Floats) -> Floats:
    """Rows that are finite and, of a distribution over logarithms, above 0."""
    values = rows.astype(np.float64)
    known = np.isfinite(values) if values.ndim == 1 else np.isfinite(values).all(axis=1)
    if shown.log and shown.along is None:
        known &= values > 0
    return values[known]


def left_out(shown: Spectra) -> tuple[float, float]:
    """Share of the real and of the made rows that cannot be shown, whatever their condition."""
    counts = [(len(_usable(shown, rows)), len(rows)) for rows in (shown.real, shown.made)]
    real, made = (1 - n / max(of, 1) for n, of in counts)
    return real, made


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

    def read(rows: Floats, _: Floats) -> Curve:
        place = np.clip(np.searchsorted(edges, rows, side="right") - 1, 0, len(edges) - 2)
        share = np.bincount(place, minlength=len(edges) - 1) / len(rows)
        return Curve(share, np.sqrt(share * (1 - share) / len(rows)))  # binomial

    return read


def _means_over(edges: Floats) -> Read:
    """The mean of a quantity in each bin of the condition; NaN with fewer than two rows."""

    def read(rows: Floats, condition: Floats) -> Curve:
        place = np.digitize(condition, edges) - 1
        place[condition == edges[-1]] = len(edges) - 2
        known = np.isfinite(rows)
        means = [_mean(rows[known & (place == number), None]) for number in range(len(edges) - 1)]
        return Curve(
            *(np.concatenate([getattr(each, name) for each in means]) for name in ("value", "error"))
        )

    return read


def _mean(rows: Floats) -> Curve:
    """Mean of each cell over rows (n, cell), with the error of the mean; NaN with fewer than two rows."""
    if len(rows) < 2:
        unknown = np.full(rows.shape[1], np.nan)
        return Curve(unknown, unknown)
    return Curve(rows.mean(axis=0), rows.std(axis=0, ddof=1) / np.sqrt(len(rows)))


def _panel(
    label: str, edges: Floats, read: Read, real: tuple[Floats, Floats], made: Sequence[tuple[Floats, Floats]]
) -> Panel | None:
    """Read real and made rows, each with their condition; None where no cell is known on both sides."""
    simulated, curves = read(*real), [read(*each) for each in made]
    halves = (read(*(each[::2] for each in real)), read(*(each[1::2] for each in real)))
    if not any(np.isfinite(curve.value + simulated.value).any() for curve in curves):
        return None
    apart = [separation(simulated.value, curve.value) for curve in curves]
    known = [each for each in apart if each is not None]
    itself = separation(halves[0].value, halves[1].value)
    # For samples of one truth S goes as 1/n + 1/m: that of the halves is brought to the rows compared.
    n_real, n_made = len(real[0]), len(made[0][0])
    fewer = (1 / n_real + 1 / n_made) / (1 / (n_real - n_real // 2) + 1 / (n_real // 2))
    return Panel(
        label=label,
        edges=edges,
        real=simulated,
        halves=halves,
        made=_over_runs(curves),
        n_real=n_real,
        n_made=n_made,
        separation=tuple(known) if len(known) == len(curves) else None,
        separation_itself=None if itself is None else fewer * itself,
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
