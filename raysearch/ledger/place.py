"""Where a study lies, and where it lay: whether it is the one of its ledger, was moved, or is a copy of it.

``Opened`` says in which folder, on which machine and in which file (its inode) a ledger was taken up. In
another folder it is a copy if the original is still there, else it was moved and goes on as the same. From
another machine nobody can look: there the same file is shared storage, and any other one a copy, since the
original may go on.
"""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Sequence
from pathlib import Path

from raysearch.ledger.copied import Copied
from raysearch.ledger.entries import Entry
from raysearch.ledger.ledger import FILE_NAME
from raysearch.ledger.study_records import Created, Opened


def name_in(folder: Path, created: Created) -> str:
    """What a study is called in a folder: as that, in a series SERIES/MEMBER."""
    there = folder.resolve()
    return f"{there.parent.name}/{there.name}" if created.series else there.name


def inode_of(folder: Path) -> int:
    """What tells a ledger's file from copies of it."""
    return (folder / FILE_NAME).stat().st_ino


def copied_from(folder: Path, entries: Sequence[Entry]) -> str:
    """The folder of the study that this one is a copy of, and not known to be yet; else nothing."""
    opened = [entry.record for entry in entries if isinstance(entry.record, Opened)]
    if not opened or not isinstance(entries[0].record, Created):
        return ""
    here, last = folder.resolve(), opened[-1]
    # A ledger of before this was recorded: under the name that it was given, beside this one.
    known = Path(last.folder) if last.folder else here.parent / Path(entries[0].record.study).name
    if last.folder and last.host != socket.gethostname():
        return "" if last.inode == inode_of(here) else str(known)
    if known == here or not _is_alike(known / FILE_NAME, here / FILE_NAME):
        return ""  # in its place, restored there, or moved
    return str(known)


def as_copy(folder: Path, entries: Sequence[Entry], original: str) -> Copied:
    """The record that gives a copy an identity of its own."""
    created = entries[0].record
    assert isinstance(created, Created)
    return Copied(id=uuid.uuid4().hex, name=name_in(folder, created), original=original)


def _is_alike(one: Path, other: Path) -> bool:
    """Whether two ledgers, and not the same file, begin with the same record."""
    try:
        if os.path.samefile(one, other):  # noqa: PTH121 - the like of Path follows no error of its own
            return False
        with one.open("rb") as first, other.open("rb") as second:
            return first.readline() == second.readline()
    except OSError:
        return False
