"""A table of text for a terminal or a pipe.

Not one of rich's: in a pipe rich takes 80 columns for granted, and would break or cut what scripts read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def aligned(rows: Sequence[Sequence[str]], *, right: bool = True) -> Iterator[str]:
    """Lines of a table, the first column to the left; all others to the right, unless they are no numbers."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    for first, *rest in rows:
        cells = [first.ljust(widths[0])]
        for text, width in zip(rest, widths[1:], strict=True):
            cells.append(text.rjust(width) if right else text.ljust(width))
        yield "  ".join(cells).rstrip()
