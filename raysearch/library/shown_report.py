"""A report that was written, and its figures in a notebook."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """One figure of a report, an SVG file; the same lies beside it as PDF, for papers."""

    path: Path

    def _repr_svg_(self) -> str:
        """The drawing, for a notebook."""
        return self.path.read_text(encoding="utf-8")


@dataclass(frozen=True)
class ShownReport:
    """A report; ``path`` is its page, to be opened in a browser."""

    path: Path

    @property
    def figures(self) -> dict[str, Figure]:
        """Its figures by name."""
        files = sorted((self.path.parent / "figures").glob("*.svg"))
        return {file.stem: Figure(file) for file in files}

    def _repr_html_(self) -> str:
        """Where it lies, and all of its figures, for a notebook."""
        drawn = "".join(
            f"<figure><figcaption>{escape(name)}</figcaption>{figure._repr_svg_()}</figure>"
            for name, figure in self.figures.items()
        )
        return f"<p>{escape(str(self.path))}</p>{drawn}"
