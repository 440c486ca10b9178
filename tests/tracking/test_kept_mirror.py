"""A mirror that dies, or whose database is deleted, is replaced: MLflow has all in the end."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest
from mirrored_studies import Recipe, contents, groups, n_runs, write_study
from waiting import FAR_AWAY_S, wait_for

from raysearch import files
from raysearch.ledger.ledger import Ledger
from raysearch.ledger.study_records import Closed
from raysearch.tracking import mirror
from raysearch.tracking.kept import KeptMirror, ensure_mirror
from raysearch.tracking.mirror import mirror_now
from raysearch.tracking.only_one import only_mirror


def is_mirrored(folder: Path) -> bool:
    with only_mirror(folder) as is_free:
        return not is_free


def test_who_asks_whether_one_is_there_keeps_none_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking = (tmp_path / "mirror.lock").open("w")
    files.lock(asking, shared=True)
    monkeypatch.setattr(files.time, "sleep", lambda _: asking.close())
    with only_mirror(tmp_path) as is_mine:
        assert is_mine


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, uri: str) -> list[int]:
    """The processes of all mirrors that are started, with this test's MLflow."""
    pids: list[int] = []
    real = mirror.start_mirror

    def start(folder: Path) -> object:
        process = real(folder, uri)
        pids.append(process.pid)
        return process

    monkeypatch.setattr(mirror, "start_mirror", start)
    return pids


def test_one_that_is_killed_is_replaced_while_the_study_goes_on(
    tmp_path: Path, database: Path, started: list[int]
) -> None:
    with (
        Ledger(tmp_path / "s", create=True) as ledger,
        KeptMirror(poll_s=0.05, head_start_s=FAR_AWAY_S) as kept,
    ):
        for group in groups(Recipe(closed="")):
            ledger.append(group)
        kept.start(ledger.folder)
        assert started == []
        kept.run_begun()
        wait_for(lambda: is_mirrored(ledger.folder))
        os.kill(started[0], signal.SIGKILL)
        wait_for(lambda: len(started) > 1 and is_mirrored(ledger.folder))
        wait_for(lambda: n_runs(database) == 4)
        assert len(started) == 2
        os.kill(started[1], signal.SIGKILL)
        ledger.append([Closed(reason="finished")])
    wait_for(lambda: not is_mirrored(tmp_path / "s") and "FINISHED" in str(contents(database)["runs"]))


def test_a_study_whose_runs_do_not_begin_is_mirrored_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that waits for machines is seen after a while, one that ends at its end."""
    started: list[Path] = []
    monkeypatch.setattr(mirror, "start_mirror", started.append)
    with KeptMirror(head_start_s=0.0) as kept:
        kept.start(tmp_path / "waits")
        wait_for(lambda: started)
    with KeptMirror(head_start_s=FAR_AWAY_S) as kept:
        kept.start(tmp_path / "ends")
    assert [path.name for path in started] == ["waits", "ends"]


def test_a_report_that_is_ready_when_its_mirror_is_gone_is_sent(tmp_path: Path, started: list[int]) -> None:
    folder = write_study(tmp_path / "s")
    for name in ("early.pdf", "late.pdf"):
        (folder / "report" / name).write_bytes(b"%PDF")
        process = ensure_mirror(folder)
        assert process is not None
        process.wait(FAR_AWAY_S)
    assert list((tmp_path / "mlartifacts").glob("*/artifacts/report/late.pdf"))
    with only_mirror(folder):
        assert ensure_mirror(folder) is None, "one is there"
    assert len(started) == 2


@pytest.mark.slow  # it is looked for twice a minute
def test_a_database_that_is_deleted_under_it_is_made_anew_with_all(
    tmp_path: Path, database: Path, empty_database: Path, started: list[int]
) -> None:
    folder, other = write_study(tmp_path / "s"), tmp_path / "other.db"
    shutil.copy(empty_database, other)
    with Ledger(folder), KeptMirror(head_start_s=0) as kept:
        assert mirror_now(folder, f"sqlite:///{other}") == ""
        whole = contents(other)
        kept.start(folder)
        wait_for(lambda: n_runs(database) == 4)  # and something or nothing of what belongs to them
        database.unlink()
        wait_for(lambda: n_runs(database) == 4 and contents(database) == whole)
        assert len(started) == 1, "it takes a new one by itself"
    wait_for(lambda: not is_mirrored(folder))
