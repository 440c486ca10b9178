"""Studies to bundle: a real ledger, and files under the names that a study gives them; nothing is trained."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from toy import create_ledger, finished, opened, toy_space_file

from raysearch.ledger.run_records import Tested
from raysearch.ledger.scanning import seal, unseal
from raysearch.study.series import write_series
from raysearch.study.study import Study


def checkpoint(folder: Path, kind: str, content: bytes) -> Path:
    """Write a checkpoint, named as those of ``training/checkpoint.py`` are."""
    path = folder / f"{kind}-00001-{hashlib.sha256(content).hexdigest()[:32]}.pt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def make_study(folder: Path, *, done: int = 3) -> Path:
    """Make a study of 3 trials, ``done`` of which are committed; the one after them is under way."""
    with create_ledger(folder, trials=3, options={}) as ledger:
        drive(Study(ledger, lambda *_: None), folder, done)
    (folder / "space.yaml").write_text("task: toy\n")
    for path in ("best/model.pt", "best/model.json", "report/index.html", "report/report.md",
                 "report/figures/roc.svg", "pruned/table.json", "pruned/rounds/round-1.pt"):  # fmt: skip
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(f"this is {path}")
    return folder


def drive(study: Study, folder: Path, done: int) -> None:
    study.begin(opened())
    for trial in range(done):
        run = study.next_run()
        assert run is not None
        study.started(run)
        ended = finished(run, 1.0 + trial)  # the first is best
        weights = checkpoint((folder / ended.weights).parent, "best", f"weights {trial}".encode())
        study.end(replace(ended, weights=weights.relative_to(folder).as_posix()))
    if (run := study.next_run()) is not None:
        study.started(run)
        checkpoint(folder / f"trials/{run.trial}/fold-0/attempt-1", "last", b"state")
        return
    (folder / "test").mkdir()
    (folder / "test/predictions-0-0.npz").write_bytes(b"predictions")
    sha256 = hashlib.sha256(b"predictions").hexdigest()
    study.tested(
        Tested(
            trial=0,
            metrics={},
            predictions="test/predictions-0-0.npz",
            predictions_sha256=sha256,
            n_test=1,
        )
    )
    study.close("finished")


def make_series(folder: Path, names: Iterable[str]) -> Path:
    write_series(folder, {name: toy_space_file(trials=3, options={}) for name in (*names, "later")})
    for name in names:
        make_study(folder / name)
    return folder


def tree(folder: Path) -> dict[str, bytes]:
    """All files in a folder, hidden ones too."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def change_record(content: bytes, kind: str, **fields: Any) -> bytes:
    """A ledger with other fields in the records of a kind, and the right checksums."""
    entries = [entry for line in content.splitlines(keepends=True) if (entry := unseal(line))]
    return b"".join(
        seal(replace(entry, record=replace(entry.record, **fields)) if entry.record.kind == kind else entry)
        for entry in entries
    )
