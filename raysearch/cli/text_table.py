"""A table of text for a terminal or a pipe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lines of a table, the first column to the left and all others to the right."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    for first, *rest in rows:
        cells = [
            first.ljust(widths[0]),
            *(text.rjust(width) for text, width in zip(rest, widths[1:], strict=True)),
        ]
        yield "  ".join(cells).rstrip()
