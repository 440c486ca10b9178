"""The content of a report as values, written once and rendered twice (Markdown and HTML, see ``page``).

Texts are plain: the renderers escape everything, since names and messages come from users.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from matplotlib.figure import Figure as Drawing

PM = "\N{PLUS-MINUS SIGN}"
NONE = "\N{EN DASH}"


@dataclass(frozen=True)
class Mono:
    """A piece of text set in fixed width: a file, a command, a hash."""

    text: str


@dataclass(frozen=True)
class Link:
    """A link to another page, by its path from this one."""

    text: str
    path: str


Part = str | Mono | Link
Parts = tuple[Part, ...]
Cell = str | Link


@dataclass(frozen=True)
class Heading:
    """A heading; level 2 opens a part of the page."""

    text: str
    level: int = 2


@dataclass(frozen=True)
class Text:
    """A paragraph; ``warning`` sets it apart as something the reader must know."""

    parts: Parts
    warning: bool = False


@dataclass(frozen=True)
class Tiles:
    """The few key figures: (label, value, detail) each."""

    tiles: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Table:
    """A table; ``marked`` rows are shown as the important ones, ``numbers`` are right-aligned columns."""

    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: str = ""
    numbers: frozenset[int] = frozenset()
    marked: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Picture:
    """A figure: its file name without suffix, the drawing, and the text for those who cannot see it."""

    name: str
    alt: str
    caption: str
    drawing: Drawing = field(compare=False)


@dataclass(frozen=True)
class Code:
    """Lines to copy; long ones are ``folded`` away under their title."""

    lines: str
    folded: str = ""


Block = Heading | Text | Tiles | Table | Picture | Code


def text(*parts: Part) -> Text:
    """Make a paragraph."""
    return Text(parts)


def warning(*parts: Part) -> Text:
    """Make a paragraph that is set apart."""
    return Text(parts, warning=True)


def number(value: object, digits: int = 4) -> str:
    """Write a value for people: floats with ``digits`` significant digits, all else as it is."""
    if value is None:
        return NONE
    if isinstance(value, float):
        return NONE if math.isnan(value) else f"{value:.{digits}g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)


def with_error(value: float, error: float) -> str:
    """Write a value with its error, both to the error's second digit: ``0.7312`` and ``0.0044``."""
    if not math.isfinite(error):
        return number(value)
    if error == 0:
        return f"{number(value)} {PM} 0"  # models that agree to the last bit: the reader should see it
    digits = max(0, 1 - math.floor(math.log10(error)))
    return f"{value:.{digits}f} {PM} {error:.{digits}f}"


def duration(seconds: float) -> str:
    """Write a time span: ``48 s``, ``3 min 20 s``, ``2 h 05 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def date(time_ms: int) -> str:
    """Write a ledger's time in UTC."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(time_ms / 1000))


def listing(words: Sequence[str]) -> str:
    """Join words: ``a, b and c``."""
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1] if words else ""


def count(n: int, noun: str) -> str:
    """Write a count with its noun: ``1 trial``, ``12 trials``."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"
