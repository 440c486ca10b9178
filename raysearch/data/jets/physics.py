"""What jets of a detector or a generator cannot be: padded with numbers, off the mass shell, in other units.

Files can be whole, of the right shape and finite, and still hold no physics. What no jet can be is refused,
what may be meant is told, both before the first run.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from raysearch.data.faults import FaultyValues
from raysearch.data.jets.columns import Columns
from raysearch.data.jets.layout import CONSTITUENTS, DNN_COLUMNS, FEATURES, JET_COLUMNS, JETS, MOMENTA
from raysearch.data.spread import Quantities
from raysearch.errors import InputError
from raysearch.seeds import generator

TOLERANCE = 1e-2  # of energy and momentum, which half precision rounds to 1e-3
MANY = 0.1  # of the constituents with less energy than momentum: columns are others than they are said to be
FEW = 0.01
ENOUGH = 50  # jets, to tell whether two things go together
STRANGE = 0.5  # of the spread between jets and any others' constituents; in good files it is a hundredth
MEDIAN_PT_GEV = (1.0, 20_000.0)  # of jets at any collider, from the least to the largest planned
OFF = 30.0  # times; units differ by factors of 1,000
FILLS = (-99.0, -999.0, -9999.0, -99999.0)  # that stand for values which there are not
PT, JET_PT = FEATURES.index("j1_pt"), JET_COLUMNS.index("j_pt")

PT_NAME, NUMBER_NAME = "pT of a jet in GeV", "constituents of a jet"

Floats = NDArray[np.float64]


class JetPhysics:
    """Looks at the jets of one file, piece by piece.

    Args:
        file: its path.
        name: what warnings call it, which are kept for files of this content, wherever they are.
        columns: what it holds.
    """

    def __init__(self, file: Path, name: str, columns: Columns) -> None:
        self._file, self._odd, self._columns = file, FaultyValues(Path(name)), columns
        self._name, self._slow = name, FaultyValues(file)
        self._n_slow = self._n_constituents = self._n_other_pt = 0
        self._pt: list[Floats] = []  # of jets with constituents
        self._jet_pt: list[Floats] = []
        self._is_whole: list[NDArray[np.bool_]] = []  # with room left for more constituents
        self._n_empty = 0
        self._low, self._high = np.full(len(MOMENTA), np.inf), np.full(len(MOMENTA), -np.inf)
        self._energy_over_momentum: list[float] = []

    def look(self, values: FaultyValues, start: int, constituents: Floats, jets: Floats) -> NDArray[np.bool_]:
        """Look at some jets.

        Args:
            values: where to note what is refused.
            start: the first one's place in the file.
            constituents: (jet, constituent, 16 or 4).
            jets: (jet, 59).

        Returns:
            (jet, constituent), which are padding that is not 0.
        """
        momenta, where = constituents[..., : len(MOMENTA)], f"{CONSTITUENTS}[{{}}]"
        padded = note_padding(values, momenta, start)
        with np.errstate(all="ignore"):  # what is not finite is told by who reads the file
            momentum = np.linalg.norm(momenta[..., :3], axis=-1)
        there = (momentum > 0) & np.isfinite(momentum) & ~padded
        slow = there & (momenta[..., 3] < momentum * (1 - TOLERANCE))
        self._slow.note("constituents with less energy than momentum", slow, start, where)
        self._n_slow += int(slow.sum())
        self._n_constituents += int(there.sum())
        if there.any():
            some = momenta[there]
            self._low, self._high = np.minimum(self._low, some.min(0)), np.maximum(self._high, some.max(0))
            self._energy_over_momentum.append(float(np.median(momenta[there][:, 3] / momentum[there])))
        if not self._columns.derived:
            self._look_at_features(constituents, there | padded, there, start)
        pt, number = jet_pt(momenta), there.sum(axis=1)
        self._pt.append(pt[number > 0])
        self._jet_pt.append(jets[number > 0, JET_PT])
        self._is_whole.append(number[number > 0] < self._columns.width)
        self._n_empty += int((number == 0).sum())
        for fill in FILLS:
            for column in np.flatnonzero((jets == fill).any(axis=0)):
                kind = f"values {fill:g} of {JET_COLUMNS[column]}, which seem to stand for none"
                self._odd.note(kind, (jets == fill)[:, column], start, f"{JETS}[{{}}]")
        return padded

    def _look_at_features(
        self, constituents: Floats, known: NDArray[np.bool_], there: NDArray[np.bool_], start: int
    ) -> None:
        filled = ~known & (constituents != 0).any(axis=-1)
        self._odd.note(
            "constituents without momentum but with other features", filled, start, f"{CONSTITUENTS}[{{}}]"
        )
        pt = np.hypot(constituents[..., 0], constituents[..., 1])
        self._n_other_pt += int((there & (np.abs(constituents[..., PT] - pt) > FEW * pt)).sum())

    def refused(self) -> Iterator[str]:
        """Tell what no jets can be, after the last of them."""
        if self._n_slow > MANY * self._n_constituents:
            yield from (f"{told}; are px, py, pz and e where their names say?" for told in self._slow.told())

    def warned(self) -> Iterator[str]:
        """Tell what is odd, after the last jet."""
        if 0 < self._n_slow <= MANY * self._n_constituents:
            yield from (f"{self._name}: {told.partition(': ')[2]}" for told in self._slow.told())
        if self._n_empty:
            jets = "jets" if self._n_empty > 1 else "jet"
            yield f"{self._name}: {self._n_empty:,} {jets} without constituents"
        if self._n_other_pt > FEW * self._n_constituents:
            yield f"{self._name}: j1_pt is not sqrt(px^2 + py^2) for {self._n_other_pt:,} constituents"
        for name, low, high in zip(MOMENTA, self._low.tolist(), self._high.tolist(), strict=True):
            if low == high and self._n_constituents > 1:
                yield f"{self._name}: {name} is {low:g} for all constituents"
        yield from self._units()
        yield from self._odd.told()

    def _units(self) -> Iterator[str]:
        """Tell what seems to be in other units: networks that standardise may learn from it all the same."""
        pt, jet_pt = (np.concatenate(each) for each in (self._pt, self._jet_pt))
        if not len(pt):
            return
        median, low, high = float(np.median(pt)), *MEDIAN_PT_GEV
        if not low <= median <= high:
            yield (
                f"{self._name}: the median pT of the jets is {median:.3g} GeV, if momenta are in GeV as they "
                f"must be; are they in {'MeV' if median > high else 'TeV'}?"
            )
        if (ratio := float(np.median(self._energy_over_momentum))) > OFF:
            yield (
                f"{self._name}: energies of constituents are {ratio:.3g} times their momenta at the median; "
                "are both in GeV?"
            )
        if not 1 / OFF < (ratio := float(np.median(jet_pt)) / median) < OFF and np.any(jet_pt):
            yield f"{self._name}: j_pt is {ratio:.3g} times the pT of the constituents; are both in GeV?"
            return
        with np.errstate(all="ignore"):  # what is no number is told by who reads the file
            apart = np.abs(np.log(jet_pt / pt / ratio))
        if n_apart := int(np.sum(apart[jet_pt > 0] > np.log(OFF))):
            yield (
                f"{self._name}: j_pt of {n_apart:,} of {len(pt):,} jets is over {OFF:g} times off the pT of "
                "their constituents; are all of them in GeV?"
            )
        if self._are_strangers(apart):
            yield (
                f"{self._name}: j_pt goes with the constituents of a jet hardly better than with those of "
                f"another one; are the rows of {JETS} (with the classes) and of {CONSTITUENTS} in one order, "
                "and px, py, pz where their names say?"
            )

    def _are_strangers(self, apart: Floats) -> bool:
        """Whether jets and constituents of one row have no more to do with each other than of any two.

        Args:
            apart: |log| of a jet's own pT over that of its constituents, less what is common, (jet,).
        """
        # Only where all constituents are there: of the hardest few the sum is another quantity.
        whole = np.concatenate(self._is_whole) & np.isfinite(apart)
        pt, jet_pt = (np.concatenate(each)[whole] for each in (self._pt, self._jet_pt))
        if len(pt) < ENOUGH:
            return False
        mixed = np.log(jet_pt / generator(0, "data/strangers").permutation(pt))
        least = float(np.median(np.abs(mixed - np.median(mixed))))
        return float(np.median(apart[whole])) > STRANGE * least > 0 and float(np.ptp(jet_pt)) > 0


def note_padding(values: FaultyValues, momenta: Floats, start: int) -> NDArray[np.bool_]:
    """Note constituents that stand for none but are not 0, such as -999 in px, py, pz and e alike.

    Args:
        values: where to note them.
        momenta: (jet, constituent, 4).
        start: the first jet's place in the file.

    Returns:
        (jet, constituent), which these are.
    """
    first = momenta[..., 0]
    # No particle has px = py = pz = e, as its energy would be below its momentum.
    alike = (momenta == first[..., None]).all(axis=-1) & (first != 0)
    missing = np.asarray(np.isnan(momenta).all(axis=-1))
    for fill in np.unique(first[alike])[:3].tolist():
        note = f"constituents padded with {fill:g} where 0 is needed (x[(x == {fill:g}).all(axis=-1)] = 0)"
        values.note(note, alike & (first == fill), start, f"{CONSTITUENTS}[{{}}]")
    note = "constituents padded with nan where 0 is needed (x[numpy.isnan(x).all(axis=-1)] = 0)"
    values.note(note, missing, start, f"{CONSTITUENTS}[{{}}]")
    return alike | missing


def require_no_padding(momenta: Floats, start: int, file: Path) -> None:
    """Refuse constituents that stand for none but are not 0; see :func:`note_padding`.

    Raises:
        InputError: there are some.
    """
    values = FaultyValues(file)
    note_padding(values, momenta, start)
    if told := values.told():
        raise InputError(*told)


def jet_pt(momenta: Floats) -> Floats:
    """The pT (jet,) of the sum of constituents (jet, constituent, 4)."""
    return np.hypot(momenta[..., 0].sum(axis=1), momenta[..., 1].sum(axis=1))


def of_constituents(momenta: Floats) -> Quantities:
    """Quantities of jets that have constituents, by which data are compared."""
    number = (np.hypot(momenta[..., 0], momenta[..., 1]) > 0).sum(axis=1)
    return {PT_NAME: jet_pt(momenta)[number > 0], NUMBER_NAME: number[number > 0]}


def of_columns(quantities: NDArray[np.floating]) -> Quantities:
    """Quantities of jets, of their columns ``layout.DNN_COLUMNS``."""
    names = [JET_COLUMNS[column] for column in DNN_COLUMNS]
    return {name: quantities[:, place] for place, name in enumerate(names)}
