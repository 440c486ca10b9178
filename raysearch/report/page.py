"""Blocks to Markdown and to one HTML page that needs nothing but itself.

Everything from the study is escaped in both. Figures stand in the page as SVG data behind ``<img>``, so
that they have an alternative text, cannot run anything and cannot clash with each other.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Mapping, Sequence
from functools import singledispatch
from importlib.resources import files
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


def to_html(title: str, blocks: Sequence[Block], figures: Mapping[str, bytes]) -> str:
    """Write the report as one HTML page.

    Args:
        title: of the page.
        blocks: the content.
        figures: SVG file of each picture, by its name.
    """
    style = files("raysearch.report").joinpath("page.css").read_text(encoding="utf-8")
    parts = [block for block in blocks if isinstance(block, Heading) and block.level == 2]
    links = " ".join(f'<a href="#{_anchor(part.text)}">{html.escape(part.text)}</a>' for part in parts)
    body = "\n".join(_html_block(block, figures) for block in blocks)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n"
        f'<h1>{html.escape(title)}</h1>\n<nav aria-label="Parts">{links}</nav>\n{body}\n</main>\n</body>\n</html>\n'
    )


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


def _part_html(part: Part) -> str:
    if isinstance(part, Mono):
        return f"<code>{html.escape(part.text)}</code>"
    if isinstance(part, Link):
        return f'<a href="{html.escape(quote(part.path))}">{html.escape(part.text)}</a>'
    return html.escape(part)


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


def _html_block(block: Block, figures: Mapping[str, bytes]) -> str:
    if isinstance(block, Picture):
        data = base64.b64encode(figures[block.name]).decode("ascii")
        return (
            f'<figure id="figure-{html.escape(block.name)}"><img alt="{html.escape(block.alt)}" '
            f'src="data:image/svg+xml;base64,{data}">'
            f"<figcaption>{html.escape(block.caption)}</figcaption></figure>"
        )
    return _html(block)


def _anchor(heading: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", heading.lower()).strip("-")


@singledispatch
def _html(block: object) -> str:
    raise TypeError(f"no HTML for {type(block).__name__}")


@_html.register
def _(block: Heading) -> str:
    mark = f' id="{_anchor(block.text)}"' if block.level == 2 else ""
    return f"<h{block.level}{mark}>{html.escape(block.text)}</h{block.level}>"


@_html.register
def _(block: Text) -> str:
    content = "".join(map(_part_html, block.parts))
    return f'<p class="note"><strong>Note.</strong> {content}</p>' if block.warning else f"<p>{content}</p>"


@_html.register
def _(block: Tiles) -> str:
    tiles = "".join(
        f"<div><dt>{html.escape(label)}</dt><dd><b>{html.escape(value)}</b> <span>{html.escape(detail)}</span></dd></div>"
        for label, value, detail in block.tiles
    )
    return f'<dl class="tiles">{tiles}</dl>'


@_html.register
def _(block: Table) -> str:
    def cells(row: Sequence[Cell], tag: str) -> str:
        classes = [
            "n" if place in block.numbers else "long" if _is_long(cell) else ""
            for place, cell in enumerate(row)
        ]
        kinds = [f' class="{name}"' if name else "" for name in classes]
        return "".join(
            f"<{tag}{kind}>{_breakable(cell)}</{tag}>" for kind, cell in zip(kinds, row, strict=True)
        )

    rows = "\n".join(
        f"<tr{' class=marked' if place in block.marked else ''}>{cells(row, 'td')}</tr>"
        for place, row in enumerate(block.rows)
    )
    caption = f"<caption>{html.escape(block.caption)}</caption>" if block.caption else ""
    head = f"<thead><tr>{cells(block.head, 'th')}</tr></thead>\n" if any(block.head) else ""
    label = html.escape(block.caption or "table")
    return (
        f'<div class="wide" role="region" aria-label="{label}" tabindex="0"><table>{caption}'
        f"{head}<tbody>{rows}</tbody></table></div>"
    )


def _is_long(cell: Cell) -> bool:
    """Whether a cell holds a word, such as a hash, that must be broken to fit a page."""
    return max(map(len, _words(cell).split()), default=0) > 32


def _breakable(cell: Cell) -> str:
    """Escape a cell; names may be broken after an underscore."""
    if isinstance(cell, Link):
        return _part_html(cell)
    return html.escape(cell).replace("_", "_<wbr>")


@_html.register
def _(block: Code) -> str:
    lines = f'<pre tabindex="0">{html.escape(block.lines)}</pre>'
    return (
        f"<details><summary>{html.escape(block.folded)}</summary>{lines}</details>" if block.folded else lines
    )
