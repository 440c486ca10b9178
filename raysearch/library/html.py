"""Tables for a notebook; every text is escaped, as names and settings may hold anything."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


def html_table(head: Sequence[str], rows: Iterable[tuple[Sequence[str], str]]) -> str:
    """Write a table.

    Args:
        head: of the columns; none if empty.
        rows: cells and CSS style of each row.
    """
    top = f"<thead><tr>{''.join(f'<th>{escape(each)}</th>' for each in head)}</tr></thead>" if head else ""
    body = "".join(
        f'<tr style="{style}">{"".join(f"<td>{escape(cell)}</td>" for cell in cells)}</tr>'
        for cells, style in rows
    )
    return f"<table>{top}<tbody>{body}</tbody></table>"
