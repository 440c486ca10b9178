"""What `raysearch doctor` says of MLflow: databases and servers that are well, and the faults of each."""

from __future__ import annotations

import os
import socket
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from raysearch.errors import FolderError, ResourceError, StorageError
from raysearch.tracking import health
from raysearch.tracking.health import look, newest_schema


@pytest.fixture(autouse=True)
def no_login(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("USERNAME", "PASSWORD", "TOKEN"):
        monkeypatch.delenv(f"MLFLOW_TRACKING_{name}", raising=False)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


def test_a_database_of_the_installed_mlflow_is_well_and_left_as_it_is(uri: str, database: Path) -> None:
    before = database.read_bytes()
    assert look(uri) == f"{database}, schema {newest_schema()[0]}, whole"
    assert database.read_bytes() == before
    assert list(database.parent.iterdir()) == [database]


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    assert "is not there yet" in look(f"sqlite:///{tmp_path}/mlflow.db")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("schema", "age"), [("451aebb31d03", "older"), ("0123456789ab", "newer")])
def test_a_database_of_another_mlflow(uri: str, database: Path, schema: str, age: str) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (schema,))
    with pytest.raises(StorageError, match=f"has schema {schema}, of an {age} MLflow"):
        look(uri)


def test_a_database_in_pieces(uri: str, database: Path) -> None:
    content = bytearray(database.read_bytes())
    database.write_bytes(content[: len(content) // 2])
    with pytest.raises(StorageError, match="damaged"):
        look(uri)
    database.write_bytes(b"no database " * 100)
    with pytest.raises(StorageError, match="is damaged: file is not a database"):
        look(uri)
    database.unlink()
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("CREATE TABLE other (x)")
    with pytest.raises(StorageError, match="is no database of MLflow"):
        look(uri)


def test_a_table_in_pieces(uri: str, database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'params'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    content = bytearray(database.read_bytes())
    content[(page - 1) * size : page * size] = b"x" * size
    database.write_bytes(content)
    with pytest.raises(StorageError, match="is damaged"):
        look(uri)


def test_a_locked_database(uri: str, database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ResourceError, match="locked by another process"):
            look(uri)


def test_a_large_database_is_not_read_through(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "MOST_VERIFIED_BYTES", 10)
    assert look(uri).endswith("MB, too large to verify in seconds")


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_database_that_cannot_be_written(uri: str, database: Path) -> None:
    database.chmod(0o400)
    with pytest.raises(FolderError, match="cannot be read and written"):
        look(uri)


@contextmanager
def answering(
    status: int, body: bytes, headers: dict[str, str] | None = None
) -> Iterator[tuple[str, list[str]]]:
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(f"{self.path} {self.headers.get('Authorization')}")
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}", seen
        finally:
            server.shutdown()
            thread.join()


def test_a_server_that_answers_is_asked_with_the_login() -> None:
    with answering(200, b'{"experiments": []}') as (place, seen):
        assert look(f"http://me:hunter2@{place}").startswith(f"http://{place} answered in ")
    assert seen == ["/api/2.0/mlflow/experiments/search?max_results=1 Basic bWU6aHVudGVyMg=="]


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (401, b"", "wants a login"),
        (403, b"", "refuses this login"),
        (500, b"", "answers with HTTP 500"),
        (200, b"<html>", "is no MLflow server"),
        (200, b"[]", "is no MLflow server"),
    ],
)
def test_a_server_that_is_none_or_refuses(status: int, body: bytes, message: str) -> None:
    with answering(status, body) as (place, _), pytest.raises(ResourceError, match=message) as caught:
        look(f"http://me:hunter2@{place}")
    assert "hunter2" not in str(caught.value)


def test_a_login_follows_no_redirection() -> None:
    with answering(200, b"{}") as (other, seen):
        redirection = answering(302, b"", {"Location": f"http://{other}/"})
        with redirection as (place, _), pytest.raises(ResourceError, match="HTTP 302"):
            look(f"http://me:hunter2@{place}")
    assert seen == []


def test_a_server_that_is_gone_or_silent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        place = f"127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(ResourceError, match=f"http://{place} does not answer: .*timed out"):
            look(f"http://me:hunter2@{place}", limit_s=0.1)
    with pytest.raises(ResourceError, match="does not answer: .*refused") as caught:
        look(f"http://me:hunter2@{place}")
    assert "hunter2" not in str(caught.value)
    with pytest.raises(ResourceError, match=f"postgresql://{place}/x does not answer") as caught:
        look(f"postgresql://me:hunter2@{place}/x")
    assert "hunter2" not in str(caught.value)
