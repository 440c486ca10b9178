"""Build a study's report from its ledger and artifacts, at any moment; one ledger gives one page."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from raysearch.errors import FolderError, StorageError
from raysearch.ledger.history import History, read_history
from raysearch.ledger.ledger import read_entries
from raysearch.report.blocks import Block, Picture
from raysearch.report.final_part import final_evaluation
from raysearch.report.front_part import front_part
from raysearch.report.lineage_part import lineage_part
from raysearch.report.markdown import to_markdown
from raysearch.report.page import to_html
from raysearch.report.provenance import going_on, provenance
from raysearch.report.search_part import search_figures, trials_table
from raysearch.report.style import hep_style, to_bytes
from raysearch.report.test_result import read_result
from raysearch.report.verdict import verdict

FOLDER = "report"
NOT_UTF8 = "backslashreplace"  # bytes of names of files


def build_report(folder: Path) -> Path:
    """Write ``report/`` (``index.html``, ``report.md``, ``figures/``) into a study's folder.

    The ledger is read without taking it, so a search may go on meanwhile. The finished report takes the old
    one's place as a whole; when anything fails, the old one stays.

    Args:
        folder: the study's folder.

    Returns:
        Path of ``index.html``.

    Raises:
        StorageError: the ledger is missing, damaged, or empty.
        FolderError: the report cannot be written.
    """
    if not read_entries(folder):
        raise StorageError(f"{folder}: the ledger is empty, the study has not begun")
    history = read_history(folder)
    with hep_style():
        write_page(folder / FOLDER, f"Study {history.name}", content(folder, history))
    return folder / FOLDER / "index.html"


def write_page(place: Path, title: str, blocks: Sequence[Block]) -> None:
    """Write ``index.html``, ``report.md`` and ``figures/`` into a folder, in place of what was there.

    Raises:
        FolderError: it cannot be written; what was there is left.
    """
    pictures = [block for block in blocks if isinstance(block, Picture)]
    figures = {picture.name: to_bytes(picture.drawing, "svg") for picture in pictures}
    papers = {picture.name: to_bytes(picture.drawing, "pdf") for picture in pictures}
    files = {
        "report.md": to_markdown(title, blocks).encode(errors=NOT_UTF8),
        "index.html": to_html(title, blocks, figures).encode(errors=NOT_UTF8),
    }
    files |= {f"figures/{name}.svg": data for name, data in figures.items()}
    files |= {f"figures/{name}.pdf": data for name, data in papers.items()}
    try:
        _put(place, files)
    except OSError as error:
        raise FolderError(f"{place}: cannot be written: {error.strerror}") from error


def content(folder: Path, history: History) -> list[Block]:
    """Make the whole content of the report, in its order."""
    result = read_result(folder, history)
    return [
        *verdict(history, result),
        *front_part(history),
        *search_figures(history),
        *lineage_part(history),
        *final_evaluation(history, result),
        *trials_table(history),
        *provenance(history),
        *going_on(history),
    ]


def _put(place: Path, files: dict[str, bytes]) -> None:
    """Write all files beside the old report, then change places."""
    with tempfile.TemporaryDirectory(prefix=".report-", dir=place.parent) as scratch:
        new, old = Path(scratch) / "new", Path(scratch) / "old"
        (new / "figures").mkdir(parents=True)
        for name, data in files.items():
            (new / name).write_bytes(data)
        if place.exists():
            place.rename(old)
        try:
            new.rename(place)
        except OSError:
            if old.exists() and not place.exists():
                old.rename(place)
            raise
