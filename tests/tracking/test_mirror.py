from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from mirrored_studies import (
    START_MS,
    Clock,
    Recipe,
    contents,
    groups,
    interrupted,
    n_runs,
    out_of_order,
    resume,
    write_study,
)
from waiting import FAR_AWAY_S, wait_for

from raysearch.ledger.ledger import Ledger
from raysearch.ledger.run_records import Committed
from raysearch.tracking import mirror
from raysearch.tracking.address import QUIET
from raysearch.tracking.mirror import LOG, Patience, follow, mirror_now, only_mirror, start_mirror

HASTY = Patience(poll_s=0.05, longest_wait_s=0.2, give_up_s=1.0)


@contextmanager
def mirror_process(folder: Path, uri: str) -> Iterator[subprocess.Popen[bytes]]:
    surroundings = os.environ | QUIET | {"MLFLOW_TRACKING_URI": uri}
    process = subprocess.Popen(
        [sys.executable, "-m", "raysearch.tracking.mirror", str(folder)], env=surroundings
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def expected(tmp_path: Path, empty_database: Path) -> Callable[[Path], dict[str, Counter[tuple[Any, ...]]]]:
    """What an undisturbed mirror of a study leaves in the database."""

    def undisturbed(folder: Path) -> dict[str, Counter[tuple[Any, ...]]]:
        other = tmp_path / "undisturbed"
        other.mkdir()
        database = other / "mlflow.db"
        database.write_bytes(empty_database.read_bytes())
        assert mirror_now(folder, f"sqlite:///{database}") == ""
        return contents(database)

    return undisturbed


def test_nothing_doubles_however_often_it_is_mirrored(tmp_path: Path, database: Path, uri: str) -> None:
    folder = write_study(tmp_path / "s", Recipe(folds=3, failed=(1,)))
    assert mirror_now(folder, uri) == ""
    once = contents(database)
    assert sum(once["runs"].values()) == 1 + 3 + 9
    assert sum(count for (_, key, *_), count in once["metrics"].items() if key == "val_loss") == 27
    study = next(key for key, name, *_ in once["runs"] if name == "jedinet-demo")
    parents = {key: parent for key, tag, parent in once["tags"] if tag == "mlflow.parentRunId"}
    assert parents[f"{study}/1"] == study
    assert parents[f"{study}/1/2"] == f"{study}/1"
    assert mirror_now(folder, uri) == ""
    assert contents(database) == once
    assert max(count for table in once.values() for count in table.values()) == 1


def test_mlflow_takes_the_same_batch_twice_as_one(tmp_path: Path, database: Path, uri: str) -> None:
    """What our way of resending relies on: (key, step, time, value) is a metric's identity."""
    from mlflow.entities import Metric
    from mlflow.tracking import MlflowClient

    client = MlflowClient(uri)
    run = client.create_run("0", tags={"raysearch.key": "x"}).info.run_id
    for _ in range(2):
        client.log_batch(run, metrics=[Metric("loss", 0.5, 1000, step) for step in range(3)])
    assert sum(contents(database)["metrics"].values()) == 3


def test_a_study_followed_while_it_runs_ends_as_one_mirrored_at_once(
    tmp_path: Path, database: Path, uri: str, expected: Callable[[Path], object]
) -> None:
    folder = tmp_path / "s"
    with Ledger(folder, create=True, clock=Clock()) as ledger:
        follower: threading.Thread | None = None
        for place, group in enumerate(groups(Recipe(failed=(1,)))):
            ledger.append(group)
            if place == 3:
                follower = threading.Thread(target=follow, args=(folder, uri, HASTY))
                follower.start()
                wait_for(lambda: n_runs(database) == 2)
                (begun,) = [row for row in contents(database)["runs"] if row[1] == "trial 0"]
                assert begun[2] == "RUNNING"
    assert follower is not None
    follower.join(FAR_AWAY_S)
    assert not follower.is_alive()
    assert contents(database) == expected(folder)


def test_a_report_written_after_the_study_was_let_go_is_sent(tmp_path: Path, uri: str) -> None:
    """The driver frees the ledger, then writes the report, then ends."""
    driver = subprocess.Popen(["sleep", "infinity"])
    try:
        folder = write_study(tmp_path / "s", Recipe(pid=driver.pid, host=socket.gethostname()))
        follower = threading.Thread(target=follow, args=(folder, uri, HASTY))
        follower.start()
        wait_for(lambda: list((tmp_path / "mlartifacts").glob("*/artifacts/space.yaml")))
        (folder / "report" / "late.pdf").write_bytes(b"%PDF")
    finally:
        driver.kill()
        driver.wait()
    follower.join(FAR_AWAY_S)
    assert not follower.is_alive()
    assert list((tmp_path / "mlartifacts").glob("*/artifacts/report/late.pdf"))


def test_a_report_that_is_ready_as_its_mirror_ends_is_sent(
    tmp_path: Path, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever wrote it found that mirror still there, and started no other one."""
    folder = write_study(tmp_path / "s")
    followed = mirror._Follower.follow

    def then_the_report_is_ready(self: mirror._Follower) -> tuple[int, str]:
        end = followed(self)
        (folder / "report" / "late.pdf").write_bytes(b"%PDF")
        monkeypatch.setattr(mirror._Follower, "follow", followed)
        return end

    monkeypatch.setattr(mirror._Follower, "follow", then_the_report_is_ready)
    follow(folder, uri, HASTY)
    assert list((tmp_path / "mlartifacts").glob("*/artifacts/report/late.pdf"))


def test_a_resumed_study_gets_new_life(
    tmp_path: Path, database: Path, uri: str, expected: Callable[[Path], object]
) -> None:
    folder = interrupted(tmp_path / "s")
    assert mirror_now(folder, uri) == ""
    assert [row[2] for row in contents(database)["runs"] if row[1] == "trial 1"] == ["KILLED"]
    resume(folder)
    assert mirror_now(folder, uri) == ""
    assert contents(database) == expected(folder)
    assert [row[2] for row in contents(database)["runs"] if row[1] == "trial 1"] == ["FINISHED"]


def test_trials_committed_out_of_order_and_again_are_told_as_they_are(
    tmp_path: Path, database: Path, uri: str
) -> None:
    folder = tmp_path / "s"
    clock = Clock(START_MS + 3_600_000)
    for group in out_of_order(folder):
        with Ledger(folder, clock=clock) as ledger:
            ledger.append(group)
        if any(isinstance(record, Committed) for record in group):
            assert mirror_now(folder, uri) == ""
    assert mirror_now(folder, uri) == ""
    with sqlite3.connect(database) as connection:
        told = dict(connection.execute("select key, value from latest_metrics where key = 'best_value'"))
        again = "(select run_uuid from runs where name = 'trial 1')"
        facts = connection.execute(
            f"select value from latest_metrics where key = 'facts/peak_mb' and run_uuid = {again}"
        ).fetchall()
        tags = dict(connection.execute(f"select key, value from tags where run_uuid = {again}"))
    assert told == {"best_value": pytest.approx(1 / 5)}
    assert facts == [(500.0,)]
    assert (tags["state"], tags["failure"]) == ("finished", "")
    steps = [
        (step, value)
        for (_, key, value, _, step), n in contents(database)["metrics"].items()
        if key == "best_value" and n == 1
    ]
    best = [3 + 1 / 5, 3 + 1 / 5, 1 / 5, 1 / 5, 1 / 5]
    assert sorted(steps) == [(step, pytest.approx(value)) for step, value in enumerate(best)]


@pytest.mark.parametrize(
    "n_known", [pytest.param(1, marks=pytest.mark.slow), 3, pytest.param(8, marks=pytest.mark.slow)]
)
def test_a_killed_mirror_leaves_nothing_twice_and_nothing_out(
    tmp_path: Path, database: Path, uri: str, n_known: int, expected: Callable[[Path], object]
) -> None:
    folder = write_study(tmp_path / "s", Recipe(n_trials=12, done=12, failed=(2,)))
    with mirror_process(folder, uri) as process:
        wait_for(lambda: n_runs(database) >= n_known)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert mirror_now(folder, uri) == ""
    assert contents(database) == expected(folder)


def test_a_run_made_twice_for_a_lost_answer_is_left_once(
    tmp_path: Path, database: Path, uri: str, expected: Callable[[Path], object]
) -> None:
    from mlflow.tracking import MlflowClient

    folder = write_study(tmp_path / "s")
    assert mirror_now(folder, uri) == ""
    client = MlflowClient(uri)
    for run in client.search_runs([client.get_experiment_by_name("jedinet").experiment_id]):
        client.create_run(run.info.experiment_id, run.info.start_time, run.data.tags)
    assert n_runs(database) == 8
    assert mirror_now(folder, uri) == ""
    assert contents(database) == expected(folder)


def test_a_run_the_user_deleted_stays_deleted(tmp_path: Path, database: Path, uri: str) -> None:
    from mlflow.tracking import MlflowClient

    folder = write_study(tmp_path / "s")
    mirror_now(folder, uri)
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("jedinet").experiment_id
    client.delete_run(client.search_runs([experiment], "tags.trial = '1'")[0].info.run_id)
    assert mirror_now(folder, uri) == ""
    assert n_runs(database) == 3


def test_two_studies_of_one_name_do_not_mix(tmp_path: Path, database: Path, uri: str) -> None:
    for place in ("a", "b"):
        folder = write_study(tmp_path / place, Recipe(identity=place * 64))
        assert mirror_now(folder, uri) == ""
    assert n_runs(database) == 8


def test_files_are_artifacts_of_the_study_and_follow_changes(tmp_path: Path, uri: str) -> None:
    folder = write_study(tmp_path / "s")
    (folder / "report" / "link.md").symlink_to("/etc/passwd")
    mirror_now(folder, uri)
    [root] = (tmp_path / "mlartifacts").glob("*/artifacts")
    sent = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    assert sent == ["best/model.json", "best/model.pt", "report/report.md", "space.yaml"]
    (folder / "report" / "report.md").write_text("# Report, made again\n")
    mirror_now(folder, uri)
    assert (root / "report" / "report.md").read_text() == "# Report, made again\n"


def test_files_go_to_no_place_that_a_foreign_experiment_names(
    tmp_path: Path, database: Path, uri: str
) -> None:
    from mlflow.tracking import MlflowClient

    foreign = tmp_path / "elsewhere"
    MlflowClient(uri).create_experiment("jedinet", artifact_location=foreign.as_uri())
    assert "no files sent" in mirror_now(write_study(tmp_path / "s"), uri)
    assert not foreign.exists()
    assert n_runs(database) == 4


def test_a_second_mirror_leaves_at_once(tmp_path: Path, database: Path, uri: str) -> None:
    folder = write_study(tmp_path / "s")
    with only_mirror(folder) as is_mine:
        assert is_mine
        follow(folder, uri, HASTY)
        assert mirror_now(folder, uri) == "its own mirror is at it"
    assert n_runs(database) == 0


def test_a_locked_database_is_waited_for(tmp_path: Path, database: Path, uri: str) -> None:
    folder = write_study(tmp_path / "s")
    with closing(sqlite3.connect(database, isolation_level=None)) as lock:
        lock.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        assert "locked" in mirror_now(folder, uri, timeout_s=5)
        assert time.monotonic() - began < 100  # MLflow itself tries for minutes
        follower = threading.Thread(
            target=follow, args=(folder, uri, Patience(poll_s=0.05, longest_wait_s=0.1))
        )
        follower.start()
        wait_for(lambda: "locked" in (folder / LOG).read_text() if (folder / LOG).exists() else True)
        lock.execute("ROLLBACK")
    follower.join(FAR_AWAY_S)
    assert not follower.is_alive()
    assert n_runs(database) == 4


class _Unwilling(BaseHTTPRequestHandler):
    """A server that answers everything with its own code."""

    code = 500

    def do_GET(self) -> None:
        self.send_response(self.code)
        self.end_headers()

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def unwilling_server(kind: str) -> Iterator[str]:
    if kind == "black hole":
        with closing(socket.create_server(("127.0.0.1", 0), backlog=64)) as listener:
            yield f"http://alice:S3cret@127.0.0.1:{listener.getsockname()[1]}"
        return
    handler = type("Handler", (_Unwilling,), {"code": int(kind)})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://alice:S3cret@127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.parametrize("kind", ["black hole", "500", "429"])
def test_a_dead_server_costs_bounded_time_and_tells_no_password(
    tmp_path: Path, database: Path, uri: str, kind: str
) -> None:
    folder = write_study(tmp_path / "s")
    with unwilling_server(kind) as dead:
        began = time.monotonic()
        problem = mirror_now(folder, dead, timeout_s=2)
        assert time.monotonic() - began < 100  # MLflow itself tries for 246 s
        assert problem
        assert "S3cret" not in problem
    assert mirror_now(folder, uri) == ""  # nothing is lost once there is an MLflow again
    assert n_runs(database) == 4


def test_a_mirror_gives_up_some_time_after_the_study_with_one_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = write_study(tmp_path / "s")
    with unwilling_server("500") as dead:
        follow(folder, dead, HASTY)
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2
    assert told[0].startswith("MLflow did not take everything, trying on: ")
    assert told[1].startswith("gave up, run `raysearch dashboard` later")
    assert not any("S3cret" in line for line in told)


def test_starting_a_mirror_is_not_felt_and_it_delivers_alone(
    tmp_path: Path, database: Path, uri: str
) -> None:
    folder = write_study(tmp_path / "s")
    code = (
        "import sys, time; from pathlib import Path; from raysearch.tracking.mirror import start_mirror\n"
        f"began = time.process_time(); start_mirror(Path({str(folder)!r}), {uri!r})\n"
        "assert time.process_time() - began < 0.5\n"
        "assert not {'mlflow', 'torch', 'ray'} & set(sys.modules)\n"
    )
    subprocess.run(
        [sys.executable, "-c", code], check=True, timeout=FAR_AWAY_S
    )  # the starter is gone, the mirror is not
    wait_for(lambda: n_runs(database) == 4)
    wait_for(lambda: _is_free(folder))
    assert (folder / LOG).read_text() == ""
    assert (folder / LOG).stat().st_mode & 0o777 == 0o600


def _is_free(folder: Path) -> bool:
    with only_mirror(folder) as is_mine:
        return is_mine


def test_the_address_is_not_among_the_arguments(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s")
    with unwilling_server("black hole") as dead:
        start_mirror(folder, dead)
        process = mirror._started[-1]
        try:
            arguments = Path(f"/proc/{process.pid}/cmdline").read_bytes()
            assert b"S3cret" not in arguments
            assert os.getsid(process.pid) == process.pid
        finally:
            process.kill()
            process.wait()
