"""What MLflow should show of a series: one run, the parent of its studies'. A pure function of its folder.

Every member's mirror keeps it, each by turns (see ``delivery``); it is the same for all of them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import yaml

from raysearch.ledger.history import History
from raysearch.ledger.ledger import FILE_NAME, is_held, read_entries
from raysearch.space.series_file import FILE
from raysearch.tracking.points import Point
from raysearch.tracking.view import KEY, RunView, study_points

SERIES = "raysearch.series"


@dataclass(frozen=True)
class _Member:
    """What the series' run shows of one member; ``size`` of the ledger tells whether it is still true."""

    size: int
    state: str
    first_ms: int
    last_ms: int
    points: tuple[Point, ...]


class SeriesView:
    """The run of the series that a study belongs to, read again as its members go on.

    Args:
        folder: of the series.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        content = (folder / FILE).read_bytes()  # written once: it never changes
        self.key = f"series/{folder.name}/{hashlib.sha256(content).hexdigest()[:16]}"
        self._names = list(yaml.safe_load(content)["members"])
        self._members: dict[str, _Member] = {}

    def _read(self, name: str, size: int) -> None:
        entries = read_entries(self.folder / name)
        if not entries:
            return  # killed before its first record was whole
        history = History(entries)
        closed = history.closed.reason if history.closed else "left"
        # One that had finished and was then given more trials has not finished.
        state = closed if closed != "finished" or history.is_complete else "left"
        named = tuple(point._replace(key=f"{point.key}/{name}") for point in study_points(entries))
        self._members[name] = _Member(size, state, history.first_ms, history.last_ms, named)

    def view(self) -> RunView:
        """What MLflow should show now."""
        for name in self._names:
            ledger = self.folder / name / FILE_NAME
            size = ledger.stat().st_size if ledger.is_file() else 0
            # Ledgers only grow: one of the same length is the same, and need not be read again at every poll.
            if size and (name not in self._members or self._members[name].size != size):
                self._read(name, size)
        members = list(self._members.values())
        states = [member.state for member in members]
        goes_on = any(is_held(self.folder / name) for name in self._members)
        is_complete = states.count("finished") == len(self._names)
        ended = "FAILED" if "gave up" in states else "FINISHED" if is_complete else "KILLED"
        return RunView(
            key=self.key,
            parent=None,
            name=self.folder.name,
            status="RUNNING" if goes_on else ended,
            start_ms=min(member.first_ms for member in members),
            end_ms=None if goes_on else max(member.last_ms for member in members),
            tags={
                KEY: self.key,
                SERIES: self.folder.name,
                "studies": f"{states.count('finished')} finished of {len(self._names)}",
                "mlflow.note.content": f"A series of {len(self._names)} studies: {', '.join(self._names)}.",
            },
            points=[point for member in members for point in member.points],
        )


def series_of(folder: Path) -> SeriesView | None:
    """The view of the series that a study's folder lies in, or None."""
    return SeriesView(folder.parent) if (folder.parent / FILE).is_file() else None
