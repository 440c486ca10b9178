"""What is found about studies: ledgers that are damaged, and who is at work on which study."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from raysearch.doctor.findings import Finding, fault, ok, warning
from raysearch.errors import StorageError
from raysearch.ledger.entries import Entry
from raysearch.ledger.ledger import FILE_NAME, is_held, read_entries
from raysearch.ledger.study_records import Opened
from raysearch.study.folders import name_of, studies

LIMIT_S = 15.0


def ledgers(runs: Path, limit_s: float = LIMIT_S) -> Iterator[Finding]:
    """Verify every record of the studies under a folder, the latest changed study first.

    Args:
        runs: folder of studies; it need not be there.
        limit_s: how long to go on with further studies.
    """
    # The latest are the ones that somebody waits for.
    folders = sorted(studies(runs), key=lambda each: (each / FILE_NAME).stat().st_mtime, reverse=True)
    deadline = time.monotonic() + limit_s
    held, n_bytes, n_read = [], 0, 0
    for folder in folders:
        if time.monotonic() > deadline:
            break
        n_read += 1
        try:
            entries = read_entries(folder)
        except StorageError as error:
            copy = "restore it from a copy (raysearch bundle makes one); the other studies are not touched"
            yield fault("ledgers", str(error), copy, error.exit_code)
            continue
        n_bytes += (folder / FILE_NAME).stat().st_size
        if is_held(folder):
            held.append(f"{name_of(folder)} by {_holder(entries)}")
    counted = f"{n_read} of {len(folders)} studies under {runs} verified, {n_bytes / 1e6:.1f} MB"
    if n_read < len(folders):
        yield warning(
            "ledgers", f"{counted}; the rest would take too long", "name a smaller folder with --runs"
        )
    else:
        yield ok("ledgers", counted)
    yield ok("locks", f"at work on {'; '.join(held)}" if held else "nobody is at work on a study")


def _holder(entries: list[Entry]) -> str:
    """Who opened a study last, as the ledger has it."""
    opened = [(entry.time_ms, entry.record) for entry in entries if isinstance(entry.record, Opened)]
    if not opened:
        return "a process that is just beginning"
    time_ms, record = opened[-1]
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(time_ms / 1e3))
    return f"process {record.pid} on {record.host} since {since}"
