"""Blocks to Markdown, GitHub's, with links to ``figures/``. Everything from the study is escaped."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from functools import singledispatch
from urllib.parse import quote

from raysearch.report.blocks import (
    Block,
    Cell,
    Code,
    Heading,
    Link,
    Mono,
    Part,
    Parts,
    Picture,
    Table,
    Text,
    Tiles,
)

_MARKDOWN_SPECIAL = re.compile(r"([\\`*\[\]|])")


def to_markdown(title: str, blocks: Sequence[Block]) -> str:
    """Write the report as Markdown (GitHub's), with links to ``figures/``."""
    return "\n\n".join([f"# {_plain(title)}", *map(_markdown, blocks)]) + "\n"


def _plain(content: str) -> str:
    """Escape for Markdown: no markup, no HTML, one line."""
    escaped = html.escape(" ".join(content.split()), quote=False)
    return _MARKDOWN_SPECIAL.sub(r"\\\1", escaped)


def _mono_markdown(content: str) -> str:
    fence = "`" * (max(map(len, re.findall("`+", content)), default=0) + 1)
    return f"{fence} {content} {fence}" if "`" in content else f"`{content}`"


def _inline_markdown(parts: Parts) -> str:
    return "".join(map(_part_markdown, parts))


def _part_markdown(part: Part) -> str:
    if isinstance(part, Mono):
        return _mono_markdown(part.text)
    if isinstance(part, Link):
        return f"[{_plain(part.text)}]({quote(part.path)})"
    return _plain_inside(part)


def _words(cell: Cell) -> str:
    """What a cell says."""
    return cell.text if isinstance(cell, Link) else cell


def _plain_inside(part: str) -> str:
    """Escape a piece of a paragraph, keeping the blanks at its ends."""
    before, after = part[: len(part) - len(part.lstrip())], part[len(part.rstrip()) :]
    return f"{before}{_plain(part)}{after}" if part.strip() else part


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


@singledispatch
def _markdown(block: object) -> str:
    raise TypeError(f"no Markdown for {type(block).__name__}")


@_markdown.register
def _(block: Heading) -> str:
    return f"{'#' * block.level} {_plain(block.text)}"


@_markdown.register
def _(block: Text) -> str:
    content = _inline_markdown(block.parts)
    return f"> **Note:** {content}" if block.warning else content


@_markdown.register
def _(block: Tiles) -> str:
    rows = [
        _row([_plain(label), f"**{_plain(value)}**", _plain(detail)]) for label, value, detail in block.tiles
    ]
    return "\n".join([_row(["", "", ""]), _row(["---"] * 3), *rows])


def _cell(cell: Cell) -> str:
    return _part_markdown(cell) if isinstance(cell, Link) else _plain(cell)


@_markdown.register
def _(block: Table) -> str:
    rule = ["---:" if place in block.numbers else "---" for place in range(len(block.head))]
    rows = [
        _row(
            [
                f"**{_cell(cell)}**" if place in block.marked and _words(cell).strip() else _cell(cell)
                for cell in row
            ]
        )
        for place, row in enumerate(block.rows)
    ]
    table = "\n".join([_row([_plain(cell) for cell in block.head]), _row(rule), *rows])
    return f"{table}\n\n{_plain(block.caption)}" if block.caption else table


@_markdown.register
def _(block: Picture) -> str:
    path = f"figures/{block.name}"
    return f"![{_plain(block.alt)}]({path}.svg)\n\n{_plain(block.caption)} ([PDF]({path}.pdf))"


@_markdown.register
def _(block: Code) -> str:
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", block.lines)), default=0))
    title = f"{_plain(block.folded)}:\n\n" if block.folded else ""
    return f"{title}{fence}\n{block.lines}\n{fence}"
