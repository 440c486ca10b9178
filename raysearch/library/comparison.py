"""The best models of several studies side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from raysearch.files import owners_only
from raysearch.library.open import folder_of
from raysearch.library.shown_report import ShownReport
from raysearch.study.folders import RUNS, has_begun, is_series
from raysearch.study.series import read_series


@owners_only()
def compare(
    names: Sequence[str | Path], *, out: str | Path | None = None, runs: str | Path = RUNS
) -> ShownReport:
    """Write a report on the best models of studies side by side.

    Args:
        names: of studies, or their folders; a series stands for its members.
        out: folder for the page; by default RUNS/comparison.
        runs: folder that holds the studies.

    Raises:
        InputError: fewer than two studies, no such study, or ``out`` holds something else.
        StorageError: a ledger is damaged.
        FolderError: the report cannot be written.
    """
    from raysearch.report.comparison import build_comparison

    return ShownReport(build_comparison(_studies(names, Path(runs)), Path(out or Path(runs) / "comparison")))


@dataclass(frozen=True)
class Compared:
    """A comparison for a terminal.

    Attributes:
        rows: the main figures: a row for each study below the head, the objective second, last what kind of
            uncertainty they have.
        errors: what the plus-minus is.
        warnings: what keeps figures from being compared.
    """

    rows: list[list[str]]
    errors: str
    warnings: list[str]


def compared(names: Sequence[str | Path], page: Path, runs: Path) -> Compared:
    """Read the main figures of a comparison.

    Args:
        names: as of :func:`compare`.
        page: that it wrote.
        runs: folder that holds the studies.
    """
    from raysearch.report.comparable import comparable_warnings
    from raysearch.report.models import main_figures, read_model, uncertainty, what_errors_are

    models = [read_model(folder, page.parent) for folder in _studies(names, runs)]
    words = main_figures(models)
    rows = [["study", "objective", "best", *(each.long for each in words.values()), "uncertainty"]]
    for model in models:
        objective = model.history.created.objective
        values = [str(model.figures.get(key, "-")) for key in (objective, *words)]
        rows.append([model.history.name, objective, *values, uncertainty(model)])
    return Compared(rows, what_errors_are(models), comparable_warnings(models))


def _studies(names: Sequence[str | Path], runs: Path) -> list[Path]:
    """Folders of studies that have begun, once each."""
    folders: dict[Path, None] = {}
    for name in names:
        folder = folder_of(name, runs)
        members = [folder / member for member in read_series(folder)] if is_series(folder) else [folder]
        folders |= dict.fromkeys(member for member in members if has_begun(member))
    return list(folders)
