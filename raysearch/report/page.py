"""Blocks to one HTML page that needs nothing but itself, by a template of Jinja that escapes everything.

Figures stand in the page as SVG data behind ``<img>``, so that they have an alternative text, cannot run
anything and cannot clash with each other.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

from raysearch.report.blocks import Block, Cell, Link

LONG = 32  # letters of a word, such as a hash, that must be broken to fit a page


def to_html(title: str, blocks: Sequence[Block], figures: Mapping[str, bytes]) -> str:
    """Write the report as one HTML page.

    Args:
        title: of the page.
        blocks: the content.
        figures: SVG file of each picture, by its name.
    """
    folder = files("raysearch.report")
    style = Markup(folder.joinpath("page.css").read_text(encoding="utf-8"))
    environment = Environment(autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True)
    environment.tests |= {"kind": _is_kind, "long": _is_long}
    environment.filters |= {"anchor": anchor, "breakable": _breakable}
    encoded = {name: base64.b64encode(figure).decode("ascii") for name, figure in figures.items()}
    template = environment.from_string(folder.joinpath("page.html.jinja").read_text(encoding="utf-8"))
    template.globals["figures"] = encoded  # for the macros, which do not see what the page is given
    return template.render(title=title, blocks=blocks, style=style)


def anchor(heading: str) -> str:
    """The name by which a part of the page is linked to."""
    return re.sub(r"[^a-z0-9]+", "-", heading.lower()).strip("-")


def _is_kind(value: object, name: str) -> bool:
    return type(value).__name__ == name


def _is_long(cell: Cell) -> bool:
    words = (cell.text if isinstance(cell, Link) else cell).split()
    return max(map(len, words), default=0) > LONG


def _breakable(cell: str) -> Markup:
    """Escape a cell; names may be broken after an underscore."""
    return escape(cell).replace("_", Markup("_<wbr>"))
