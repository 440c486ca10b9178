"""What a check of files found, kept in the cache, so that a second start reads no value twice."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

from raysearch import __version__
from raysearch.data.files import sums
from raysearch.data.kinds import KINDS
from raysearch.data.paths import DataPath
from raysearch.data.prepared import cache_folder
from raysearch.data.summary import FileSummary

CHECKS = 6  # raised whenever a check finds more than before: what was found then is read again
OF_FILES = ("files", "sha256")  # of a summary: what is told anew at each start


def checked(kind: str, path: DataPath) -> FileSummary:
    """Check files, or recall what this version of raysearch found in files of the same content.

    Their content is hashed (:func:`raysearch.data.files.content_sha256`); believed is that what a check found
    in that content it would find again. Who doubts that reads every value by ``raysearch data check``.
    Faults are never kept: files that are refused are read again.

    Args:
        kind: of ``KINDS``.
        path: as the kind's ``files`` takes it.

    Raises:
        InputError: with every fault of the files.
    """
    files = KINDS[kind].files(path)
    try:
        sums_now = sums(files)
    except OSError:  # a file that cannot be read: the check says so in the words of its kind
        return KINDS[kind].check(path)
    return _checked(kind, path, tuple(files), tuple(sums_now.items()))


@lru_cache(maxsize=1)
def _checked(
    kind: str, path: DataPath, files: tuple[Path, ...], sums_now: tuple[tuple[str, str], ...]
) -> FileSummary:
    """Look once for all studies of a series, unless a file changes meanwhile."""
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):  # no cache, or it holds no summary
        memo = json.loads(_memo(kind, sums_now).read_text("utf-8"))
        if memo["sha256"] == _sum(memo["values"]):
            known = {name: _frozen(value) for name, value in dict(memo["values"]).items()}
            return KINDS[kind].summary(files=files, sha256=dict(sums_now), **known)
    found = KINDS[kind].check(path)
    if found.sha256 == dict(sums_now):  # nothing was written to them meanwhile
        with contextlib.suppress(OSError):
            _keep(_memo(kind, sums_now), found)
    return found


def _memo(kind: str, sums_now: tuple[tuple[str, str], ...]) -> Path:
    """Name the file that keeps what was found; names are part of it, since their order is that of examples.

    Raises:
        OSError: there is no cache.
    """
    identity = json.dumps([kind, __version__, CHECKS, sums_now])
    return cache_folder() / f"check-{hashlib.sha256(identity.encode()).hexdigest()[:32]}.json"


def _keep(memo: Path, found: FileSummary) -> None:
    """Write under another name, then rename, so that no reader sees half of it."""
    values = {name: value for name, value in vars(found).items() if name not in OF_FILES}
    handle, part = tempfile.mkstemp(prefix=f".{memo.name}.", dir=memo.parent)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump({"values": values, "sha256": _sum(values)}, file)
    Path(part).replace(memo)


def _sum(values: object) -> str:
    """What tells that a memo was damaged: a digit of it would look like any other."""
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()


def _frozen(value: Any) -> Any:  # noqa: ANN401 - any plain value
    """Sequences of a summary are tuples, which JSON does not know."""
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
