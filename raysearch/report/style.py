"""What all figures share: the HEP style, colours, and files that have the same bytes every time."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import mplhep
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure

# Okabe and Ito, "Color Universal Design" (2008): told apart with any common colour vision
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8c8c8c")
DASHES = ("-", (0, (6, 2)), (0, (2, 1.2)), (0, (7, 2, 1.5, 2)), (0, (4, 1.5, 1, 1.5, 1, 1.5)))
BEST, FINISHED, FAILED, FAINT = PALETTE[1], PALETTE[0], "#404040", "#b8bec6"
GUIDE = "#9a9a9a"  # of lines that are no data: a diagonal, a limit, one
HEP_FONT = "TeX Gyre Heros"


def rc_settings() -> dict[str, Any]:
    """The mplhep ROOT style at the size of a page, with a font that is there."""
    known = {font.name for font in font_manager.fontManager.ttflist}
    own: dict[str, Any] = {
        **{key: value for key, value in mplhep.style.ROOT.items() if key != "figure.figsize"},
        "font.sans-serif": [HEP_FONT if HEP_FONT in known else "DejaVu Sans"],
        "font.size": 13,
        "axes.labelsize": "medium",
        "axes.titlesize": "medium",
        "axes.labelpad": 7,
        "axes.linewidth": 1.1,
        "lines.linewidth": 1.8,
        "xtick.major.size": 6,
        "xtick.minor.size": 3,
        "ytick.major.size": 6,
        "ytick.minor.size": 3,
        "legend.fontsize": "small",
        "svg.hashsalt": "raysearch",
        "svg.fonttype": "path",
    }
    if HEP_FONT not in known:
        own["mathtext.fontset"] = "dejavusans"
    return own


@contextmanager
def hep_style() -> Iterator[None]:
    """Draw in this style inside; matplotlib's own settings are as before afterwards."""
    with mpl.rc_context(rc_settings()):  # type: ignore[arg-type] # the keys are matplotlib's own
        yield


def new_axes(width: float = 8.0, height: float = 4.6) -> tuple[Figure, Axes]:
    """Make a figure (inches) with one pair of axes, without pyplot."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def simulation_label(axes: Axes) -> None:
    """Say above the axes that the data are simulated, as the field's figures do."""
    axes.set_title("Simulation", loc="left", fontweight="bold", fontstyle="italic")


def literal(words: str) -> str:
    """Words as they are, where matplotlib would begin a formula."""
    return words.replace("$", r"\$")


def with_unit(quantity: str, unit: str) -> str:
    """The label of an axis: ``energy [GeV]``."""
    return literal(f"{quantity} [{unit}]" if unit else quantity)


def plain_log(axis: Axis) -> None:
    """Write numbers and not powers along a logarithmic axis: at 1, 2 and 5, of a short one at all ticks."""

    def minor(value: float, _: object) -> str:
        low, high = axis.get_view_interval()
        return f"{value:g}" if high < 4 * low or f"{value:e}"[0] in "25" else ""

    axis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.set_minor_formatter(minor)


def to_bytes(figure: Figure, kind: str) -> bytes:
    """Write a figure as ``svg`` or ``pdf`` without the date, so that equal figures are equal files."""
    buffer = io.BytesIO()
    metadata = {"Date": None} if kind == "svg" else {"CreationDate": None}
    figure.savefig(buffer, format=kind, metadata=metadata)
    figure.set_layout_engine(
        None
    )  # laid out once is enough for both kinds; with an engine matplotlib draws twice
    return buffer.getvalue()
