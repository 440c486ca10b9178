"""The login of our MLflow server, against the real server."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from mirrored_studies import write_study
from waiting import FAR_AWAY_S

from raysearch.errors import FolderError, ResourceError
from raysearch.ledger.ledger import FILE_NAME as LEDGER
from raysearch.tracking import server
from raysearch.tracking.health import look
from raysearch.tracking.login import FILE_NAME, Login, login_in
from raysearch.tracking.mirror import LOG, mirror_now
from raysearch.tracking.server import HOST


def test_a_password_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    umask = os.umask(0)
    try:
        made = login_in(tmp_path)
    finally:
        os.umask(umask)
    assert made.file == tmp_path / FILE_NAME
    assert made.file.stat().st_mode & 0o777 == 0o600
    assert len(made.password) >= 22
    assert made.password not in repr(made)
    assert login_in(tmp_path) == made
    made.file.unlink()
    assert login_in(tmp_path).password != made.password


@pytest.mark.parametrize(
    ("text", "mode"), [("x" * 40, 0o640), ("x" * 40, 0o604), ("admin", 0o600), ("", 0o600)]
)
def test_a_password_that_is_none_is_refused(tmp_path: Path, text: str, mode: int) -> None:
    file = tmp_path / FILE_NAME
    file.write_text(text)
    file.chmod(mode)
    with pytest.raises(ResourceError, match="delete it"):
        login_in(tmp_path)


def test_the_password_is_read_through_no_link(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("x" * 40)
    (tmp_path / FILE_NAME).symlink_to(tmp_path / "other")
    with pytest.raises(FolderError, match="cannot be used"):
        login_in(tmp_path)


@dataclass
class Guarded:
    """A running server with a login."""

    port: int
    login: Login
    pid: int
    uri: str  # of its database

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.port}"

    def processes(self) -> list[int]:
        """The command's and the server's, which are a session of their own."""
        rows = subprocess.run(
            ["ps", "-eo", "pid=,ppid=,sid="], capture_output=True, text=True, check=True
        ).stdout.splitlines()  # fmt: skip
        found = [tuple(map(int, row.split())) for row in rows]
        children = [pid for pid, parent, _ in found if parent == self.pid]
        return [self.pid, *(pid for pid, _, session in found if session in children)]

    def ask(self, method: str, path: str, password: str | None = None) -> int:
        """Return the status of the answer."""
        headers = {"Content-Type": "application/json"}
        if password is not None:
            headers["Authorization"] = "Basic " + b64encode(f"{self.login.user}:{password}".encode()).decode()
        with closing(http.client.HTTPConnection(HOST, self.port, timeout=FAR_AWAY_S)) as connection:
            connection.request(method, path, "{}" if method != "GET" else None, headers)
            return connection.getresponse().status


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "mlflow.db").write_bytes(empty_database.read_bytes())
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    with subprocess.Popen(
        [sys.executable, "-m", "raysearch.cli.main", "dashboard", "--login"],
        cwd=folder, env=kept | {"PYTHONUNBUFFERED": "1"}, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(3)]
        assert said[2] == f"log in as raysearch with the password in {folder / FILE_NAME}\n"
        port = int(re.search(r":(\d+) until Ctrl-C", said[1])[1])
        yield Guarded(port, login_in(folder), process.pid, f"sqlite:///{folder / 'mlflow.db'}")
        process.terminate()
        assert process.wait(60) == 0
        assert login_in(folder).password not in process.stdout.read()


ROUTES = """
import json, os
from mlflow.server import app as flask_app
from mlflow.server.auth import create_app

def native(routes, prefix=""):
    for route in routes:
        if hasattr(route, "original_router"):
            yield from native(route.original_router.routes, prefix + route.include_context.prefix)
        elif getattr(route, "methods", None):
            yield prefix + route.path, sorted(route.methods)

app = create_app()
flask = [(rule.rule, sorted(rule.methods - {"OPTIONS", "HEAD"})) for rule in flask_app.url_map.iter_rules()]
print("\\n" + json.dumps([*native(app.routes), *flask]))
"""
OPEN = re.compile(r"/health|/static-files/.*|/(ajax-)?api/3\.0/mlflow/server-info")


@pytest.mark.slow
def test_no_route_answers_a_stranger(guarded: Guarded, tmp_path: Path) -> None:
    """The list of routes is the server's own: a route that a newer MLflow brings is in it."""
    env = server._environment(guarded.uri) | server._login_environment(guarded.login, tmp_path)
    listed = subprocess.run(
        [sys.executable, "-c", ROUTES],
        env=env | {"_MLFLOW_SGI_NAME": "uvicorn"},
        capture_output=True,
        check=True,
    )
    routes = [
        (re.sub(r"[<{][^>}]*[>}]", "x", path), methods)
        for path, methods in json.loads(listed.stdout.split(b"\n")[-2])
    ]
    paths = {path for path, _ in routes}
    assert len(paths) > 300
    families = (
        "/graphql",
        "/gateway/",
        "/v1/traces",
        "/ajax-api/3.0/jobs",
        "/get-artifact",
        "/api/",
    )
    assert [name for name in families if not any(path.startswith(name) for path in paths)] == []
    answers = {
        (method, path): guarded.ask(method, path)
        for path, methods in routes
        if not OPEN.fullmatch(path)
        for method in methods
    }
    assert {route: code for route, code in answers.items() if code != 401} == {}


@pytest.mark.slow
def test_only_the_password_opens(guarded: Guarded) -> None:
    path = "/api/2.0/mlflow/experiments/get?experiment_id=0"
    assert [
        guarded.ask("GET", path, password) for password in ("", "password1234", guarded.login.password)
    ] == [*(401, 401, 200)]
    below = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in guarded.processes()]
    assert len(below) >= 3
    assert not [arguments for arguments in below if guarded.login.password.encode() in arguments]


@pytest.mark.slow
@pytest.mark.parametrize("in_address", [False, True])
def test_a_mirror_logs_in_and_tells_nobody(
    guarded: Guarded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_address: bool
) -> None:
    folder = write_study(tmp_path / "s")
    refused = mirror_now(folder, guarded.address)
    assert refused
    with pytest.raises(ResourceError, match="wants a login: MLFLOW_TRACKING_USERNAME"):
        look(guarded.address)
    address = guarded.address
    if in_address:
        address = address.replace("://", f"://{guarded.login.user}:{guarded.login.password}@")
    else:
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", guarded.login.user)
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", guarded.login.password)
    assert mirror_now(folder, address) == ""
    assert "answered" in look(address)
    assert guarded.login.password not in (folder / LEDGER).read_text() + refused
    assert not (folder / LOG).exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "place", ["file:///etc", "mlflow-artifacts:/../..", "mlflow-artifacts:/%2e%2e/%2e%2e"]
)
def test_files_go_nowhere_that_a_foreign_experiment_names(
    guarded: Guarded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    from mirrored_studies import Recipe
    from mlflow.tracking import MlflowClient

    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", guarded.login.user)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", guarded.login.password)
    name = "foreign" + re.sub(r"\W", "", place)
    MlflowClient(guarded.address).create_experiment(name, artifact_location=place)
    before = set(Path("/etc").iterdir())
    said = mirror_now(write_study(tmp_path / "s", Recipe(task=name)), guarded.address)
    assert said.startswith("no files sent: MLflow wants them in ")
    assert set(Path("/etc").iterdir()) == before
