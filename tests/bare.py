"""Studies without what takes longer than they do and has tests of its own: the mirror, and drawn figures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from matplotlib.figure import Figure

from raysearch.report.style import to_bytes


@contextmanager
def bare(drawn: bool = False) -> Iterator[None]:
    """Nothing is mirrored to MLflow; figures of reports are files without a drawing, unless wanted."""
    with (
        patch("raysearch.tracking.mirror.start_mirror", lambda folder: None),
        patch("raysearch.report.build.to_bytes", to_bytes if drawn else _not_drawn),
    ):
        yield


def _not_drawn(figure: Figure, kind: str) -> bytes:
    return b"<svg/>"
