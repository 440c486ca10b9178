"""What the tests of the doctor's checks share."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from raysearch.doctor.findings import Finding
from raysearch.ledger.ledger import Ledger
from raysearch.ledger.study_records import Opened


def only(findings: Iterable[Finding]) -> Finding:
    (found,) = findings
    return found


def make_study(folder: Path) -> Ledger:
    ledger = Ledger(folder, create=True)
    ledger.append(
        [Opened(session=1, host="here", pid=os.getpid(), slots=2, versions={"torch": "2"}, cpu="x")]
    )
    return ledger


def write_tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root
