"""Which keys of a space file's data section a task looks at: one that it never reads would do nothing."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from raysearch.data.source import DataSource
from raysearch.data.splitting import SPLIT

_READ = "_read"


class WatchedSource(DataSource):
    """A study's data as its task is told of them; remembers which fields were looked at."""

    def __getattribute__(self, name: str) -> Any:  # noqa: ANN401 - any field
        if not name.startswith("__"):
            vars(self).setdefault(_READ, set()).add(name)
        return super().__getattribute__(name)


def watched_source(source: DataSource) -> WatchedSource:
    """Copy a source, unread."""
    copy = WatchedSource(**{field.name: getattr(source, field.name) for field in fields(source)})
    vars(copy)[_READ] = set()
    return copy


def unread_keys(source: DataSource, kind: str) -> list[str]:
    """Tell the keys that are given and were never looked at.

    Args:
        source: after the task has described and loaded the data; of one that was not watched nothing is told.
        kind: name of the task's class.
    """
    if not isinstance(source, WatchedSource):
        return []
    values, default = vars(source), DataSource(None, SPLIT)
    given = [name for name in ("split", "limit") if values[name] != getattr(default, name)]
    if values["folds"] > 1 and values["fold_by"] != default.fold_by:
        given.append("fold_by")
    return [
        f"data.{name}: {kind} never looks at source.{name}, so that it does nothing; leave it out, or have "
        "load look at it"
        for name in given
        if name not in values[_READ]
    ]
