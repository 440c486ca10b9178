"""A series of studies that is opened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raysearch.files import owners_only
from raysearch.library.html import html_table
from raysearch.library.opened_study import OpenedStudy
from raysearch.library.shown_report import ShownReport
from raysearch.study.folders import as_typed, has_begun
from raysearch.study.series import read_series

if TYPE_CHECKING:
    from raysearch.library.watching import Show, Watcher


class OpenedSeries(Mapping[str, OpenedStudy]):
    """A series: the studies that have begun, by member, in the order they run.

    Args:
        folder: of the series.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = folder.name

    @property
    def members(self) -> list[str]:
        """Names of all members, those among them that have not begun.

        Raises:
            StorageError: ``series.yaml`` is damaged.
        """
        return list(read_series(self.folder))

    def __iter__(self) -> Iterator[str]:
        return (member for member in self.members if has_begun(self.folder / member))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __getitem__(self, member: str) -> OpenedStudy:
        if member not in list(iter(self)):
            raise KeyError(member)
        return OpenedStudy(self.folder / member)

    @owners_only()
    def report(self) -> ShownReport:
        """Make the series' report again."""
        from raysearch.report.series_report import build_series_report

        return ShownReport(build_series_report(self.folder, as_typed(self.folder)))

    def resume(self, *, show: Show | Watcher = "auto", **wishes: Any) -> OpenedSeries:
        """Go on with it; arguments of :func:`raysearch.resume`."""
        from raysearch.library.resume import resume

        resume(self.folder, show=show, **wishes)
        return self

    def __repr__(self) -> str:
        return f"<series {self.name}: {', '.join(self.members)}>"

    def _repr_html_(self) -> str:
        """A line for each study, for a notebook."""
        rows = [([name, *study.standing()], "") for name, study in self.items()]
        return html_table(("study", "state", "trials", "objective", "best"), rows)
