"""The values that a task may show, each of which has a room in the report. Arrays are NumPy's, by example.

Values are checked for what they are (shapes, kinds of numbers), not for what they say: a network that gives
NaN is something to be told of in the report, not a reason to lose its run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from raysearch.errors import InputError
from raysearch.metrics.shown.checks import need_one_length, need_plain, take, take_array, take_edges
from raysearch.metrics.shown.displays import Displays

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores by class: of taggers, of the classification of hits.

    Attributes:
        labels: number of the true class, int (row,).
        scores: (row, class), higher for what is more likely that class; of a softmax, probabilities.
        classes: names of the classes.

    Raises:
        InputError: other shapes or kinds of values.
    """

    labels: Array
    scores: Array
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        need_plain(self)
        take(self, "classes", tuple(map(str, self.classes)))
        take_array(self, "labels", ("row",), kinds="iu")
        take_array(self, "scores", ("row", "class"))
        need_one_length(self, "row", "labels", "scores")
        if self.scores.shape[1] != len(self.classes):
            raise InputError(f"Scores.scores: of shape {self.scores.shape} for {len(self.classes)} classes")


@dataclass(frozen=True, eq=False)
class Against:
    """Another quantity of the rows that are estimated, by which estimates may be better or worse.

    Attributes:
        quantity: its name, as an axis has it.
        unit: of it; empty for none.
        values: of each row, (row,).
        told: what it is, the end of a sentence that begins with its name and "is".
    """

    quantity: str
    unit: str
    values: Array
    told: str

    def __post_init__(self) -> None:
        need_plain(self)
        take_array(self, "values", ("row",))


@dataclass(frozen=True, eq=False)
class Estimates:
    """Estimates of a quantity, such as an energy, beside its true values and a plain estimate.

    Attributes:
        quantity: its name, as axes and headings have it: ``energy``.
        unit: such as ``GeV``; empty for a number without one.
        true: (row,), in the unit; the report's relative errors need them above 0.
        estimated: by the network, (row,), in the unit.
        plain: by the plainest way there is, which a network has to beat, (row,); None where there is no such
            thing.
        plain_name: of the plain estimate, for legends.
        plain_told: how it is made, the end of a sentence that begins with its name and "is".
        claim: below which relative error somebody says to stay over the whole range; drawn and checked bin by
            bin.
        claimed_by: who says so, the begin of a sentence that ends with the claim.
        against: in whose bins bias and resolution are shown too; None: in those of the true value alone.

    Raises:
        InputError: other shapes or kinds of values.
    """

    quantity: str
    unit: str
    true: Array
    estimated: Array
    plain: Array | None = None
    plain_name: str = "plain estimate"
    plain_told: str = ""
    claim: float | None = None
    claimed_by: str = ""
    against: Against | None = None

    def __post_init__(self) -> None:
        need_plain(self)
        names = ("true", "estimated", *(() if self.plain is None else ("plain",)))
        for name in names:
            take_array(self, name, ("row",))
        need_one_length(self, "row", *names)
        if self.against is not None and len(self.against.values) != len(self.true):
            told = f"of {len(self.against.values)} rows, but there are {len(self.true)}"
            raise InputError(f"Estimates.against: {told}")


@dataclass(frozen=True, eq=False)
class Condition:
    """What rows are asked for, such as the energy of the particle that makes a shower, and its bins.

    Attributes:
        quantity: its name.
        unit: of it; empty for none.
        real: (n,), of each real row.
        made: (m,), of each made one.
        edges: of the bins, rising, (bin + 1,); a bin has its lower edge, the last one the upper too.
    """

    quantity: str
    unit: str
    real: Array
    made: Array
    edges: Array

    def __post_init__(self) -> None:
        need_plain(self)
        take_array(self, "real", ("n",))
        take_array(self, "made", ("m",))
        take_edges(self)


@dataclass(frozen=True, eq=False)
class Coordinate:
    """Where the cells of a profile lie: layers, distances, energies.

    Attributes:
        quantity: its name.
        unit: of it; empty for none.
        edges: of the cells, rising, (cell + 1,).
        log: whether the axis is logarithmic.
    """

    quantity: str
    unit: str
    edges: Array
    log: bool = False

    def __post_init__(self) -> None:
        need_plain(self)
        take_edges(self)


@dataclass(frozen=True, eq=False)
class Parts:
    """What rows are parts of: particles of jets. Rows of one jet are not independent, jets are.

    Attributes:
        of: what, one of it: ``jet``.
        real: its number, of each real row, int (n,).
        made: of each made one, int (m,).
    """

    of: str
    real: Array
    made: Array

    def __post_init__(self) -> None:
        need_plain(self)
        take_array(self, "real", ("n",), kinds="iu")
        take_array(self, "made", ("m",), kinds="iu")


@dataclass(frozen=True, eq=False)
class Spectra:
    """A quantity as a simulation has it (real), and as a generator makes it (made).

    Of one number a row the report shows distributions, in each bin of ``over``; with ``trend`` means over the
    bins of ``over`` instead. Of a profile a row (``along``) it shows mean profiles. Below stands the ratio
    made / real, and the level of the simulation against itself, from the two halves of ``real``. Keep arrays
    small: numbers, and profiles of tens of cells, not whole showers.

    Attributes:
        quantity: its name, as axes and headings have it.
        unit: of it; empty for none.
        real: (n,) or (n, cell).
        made: (m,) or (m, cell).
        over: the condition; None: all rows are shown as one bin.
        along: where the cells of a profile lie; None for one number a row.
        log: values spread over decades; the axis of the quantity is logarithmic.
        trend: of one number a row: means over the bins of ``over`` instead of distributions.
        parts: what rows are parts of; None: every row is independent of the others.
        given: why made rows have this quantity from the real ones, the end of a sentence; it is shown, but no
            figure of the generator is made of it. Empty: the generator makes it.

    Raises:
        InputError: shapes that do not fit together, or other kinds of values.
    """

    quantity: str
    unit: str
    real: Array
    made: Array
    over: Condition | None = None
    along: Coordinate | None = None
    log: bool = False
    trend: bool = False
    parts: Parts | None = None
    given: str = ""

    def __post_init__(self) -> None:
        need_plain(self)
        cells = () if self.along is None else ("cell",)
        take_array(self, "real", ("n", *cells))
        take_array(self, "made", ("m", *cells))
        if self.along is not None:
            for name in ("real", "made"):
                width = getattr(self, name).shape[1]
                if width != len(self.along.edges) - 1:
                    told = f"{width} cells for {len(self.along.edges) - 1} between the edges"
                    raise InputError(f"Spectra.{name}: has {told} of along, in {self.quantity}")
        for beside in ("over", "parts"):
            self._need_one_for_each_row(beside)
        if self.trend and (self.over is None or self.along is not None):
            raise InputError(f"Spectra.trend: needs over and one number a row, in {self.quantity}")

    def _need_one_for_each_row(self, beside: str) -> None:
        for name in ("real", "made"):
            rows, given = len(getattr(self, name)), getattr(getattr(self, beside), name, None)
            if given is not None and rows != len(given):
                told = f"{len(given)} values for {rows} rows"
                raise InputError(f"Spectra.{beside}.{name}: {told}, in {self.quantity}")


@dataclass(frozen=True, eq=False)
class Pictures:
    """A few examples, real ones above made ones: showers summed over an axis, or two tables of correlations.

    Attributes:
        title: what they show.
        unit: of the values, for the colour bar; empty for none.
        real: (picture, row, column).
        made: (picture, row, column), of the same shape.
        captions: one for each pair.
        x: name of the axis along a picture's rows, with its unit: ``layer``, ``x [mm]``.
        y: name of the other one.
        log: values spread over decades; colours are logarithmic.
        names: of rows and columns, of square tables; empty for pictures, whose axes have numbers.
        origins: what real ones and made ones are called.

    Raises:
        InputError: shapes that do not fit together, or other kinds of values.
    """

    title: str
    unit: str
    real: Array
    made: Array
    captions: tuple[str, ...]
    x: str = ""
    y: str = ""
    log: bool = False
    names: tuple[str, ...] = ()
    origins: tuple[str, ...] = ("simulation", "generator")

    def __post_init__(self) -> None:
        need_plain(self)
        for name in ("captions", "names", "origins"):
            take(self, name, tuple(map(str, getattr(self, name))))
        for name in ("real", "made"):
            take_array(self, name, ("picture", "row", "column"))
        if self.real.shape != self.made.shape or not self.real.size:
            told = f"needs the shape of real, and at least one, got {self.real.shape} and {self.made.shape}"
            raise InputError(f"Pictures.made: {told}")
        if len(self.captions) != len(self.real):
            raise InputError(f"Pictures.captions: {len(self.captions)} for {len(self.real)} pictures")
        if self.names and {len(self.names)} != set(self.real.shape[1:]):
            raise InputError(f"Pictures.names: {len(self.names)} for pictures of {self.real.shape[1:]}")
        if len(self.origins) != 2:
            raise InputError(f"Pictures.origins: needs two, of real and of made, got {self.origins}")


Shown = Scores | Estimates | Spectra | Pictures | Displays


def calorimeter_energy(true: Array, estimated: Array, calibrated: Array) -> Estimates:
    """Make the estimates of a calorimeter's energy, with what the 3DGAN paper says of its own.

    Args:
        true: energies in GeV, (shower,).
        estimated: by the network, GeV (shower,).
        calibrated: by the straight line through the sum of all cells
            (``raysearch.metrics.regression.Calibration``).
    """
    return Estimates(
        "energy",
        "GeV",
        true,
        estimated,
        calibrated,
        plain_name="energy sum, calibrated",
        plain_told="E = a sum + b over all cells, fitted to the training data",
        claim=0.10,
        claimed_by="The 3DGAN paper says of its genetic algorithm",
    )
