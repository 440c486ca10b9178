"""Whether MLflow can be used at an address: looked at in seconds, read-only, without MLflow's slow import.

A database is opened with SQLite's own library. Its schema must be the newest of the installed MLflow, which
refuses any other: the one of its migrations (``mlflow/store/db_migrations/versions``) on which no other is
based. A server is asked for one experiment with the user's credentials, which go nowhere else: redirections
are not followed.
"""

from __future__ import annotations

import base64
import http.client
import importlib.util
import json
import os
import re
import socket
import sqlite3
import ssl
import time
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote, urlsplit

from raysearch.errors import FolderError, ResourceError, StorageError
from raysearch.tracking.address import is_server, login_of, public, redact, sqlite_file

ANSWER_S = 5.0
# Not /health, which answers to anybody: a server that wants a login must be asked for what needs it.
_QUESTION = "/api/2.0/mlflow/experiments/search?max_results=1"
_MOST_BYTES = 1_000_000  # whatever listens there, its answer must end
MOST_VERIFIED_BYTES = 200_000_000  # quick_check reads every page


def look(uri: str, limit_s: float = ANSWER_S) -> str:
    """Say what there is at MLflow's tracking address.

    Args:
        uri: of a server or a database.
        limit_s: how long a server may stay silent.

    Raises:
        ResourceError: no server answers, it refuses, or the database is locked.
        FolderError: the database cannot be written.
        StorageError: the database is damaged, or of another version of MLflow.
    """
    if is_server(uri):
        return _server(uri, limit_s)
    file = sqlite_file(uri)
    return _other(uri, limit_s) if file is None else _database(file)


def newest_schema() -> tuple[str, set[str]]:
    """Name the newest schema of the installed MLflow, and all that it knows.

    Raises:
        ResourceError: MLflow is not installed, or its migrations cannot be found.
    """
    # By the text of the migrations. Alembic's ScriptDirectory would say the same, but runs every one of them,
    # and with them imports MLflow: 4.5 s where this takes 0.07 s, for a command that is to answer in seconds.
    package = importlib.util.find_spec("mlflow")
    root = Path(package.origin).parent if package and package.origin else Path()
    known, older = set(), set()
    for path in (root / "store/db_migrations/versions").glob("*.py"):
        text = path.read_text(encoding="utf-8")
        known |= set(re.findall(r"^revision\b.*?=\s*[\"'](\w+)", text, re.MULTILINE))
        for line in re.findall(r"^down_revision\b.*?=(.*)", text, re.MULTILINE):
            older |= set(re.findall(r"[\"'](\w+)[\"']", line))
    if len(newest := known - older) != 1:
        raise ResourceError("the installed MLflow's schema cannot be told; install it again")
    return newest.pop(), known


def _database(file: Path) -> str:
    folder = file.parent
    if not file.exists():
        if not os.access(folder, os.W_OK):
            raise FolderError(f"{file} is not there, and {folder} cannot be written")
        return f"{file} is not there yet; the first study makes it"
    if not os.access(file, os.R_OK | os.W_OK):
        raise FolderError(f"{file} cannot be read and written")
    n_bytes = file.stat().st_size
    verified, is_whole = f"{n_bytes / 1e6:.0f} MB, too large to verify in seconds", True
    try:
        with closing(
            sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True, timeout=1.0)
        ) as connection:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
            # The table in which Alembic keeps the schema's version.
            found = (
                connection.execute("SELECT version_num FROM alembic_version").fetchone() if tables else None
            )
            if n_bytes < MOST_VERIFIED_BYTES:  # last: a wrong schema is told without reading all of it
                is_whole = connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
                verified = "whole"
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise ResourceError(f"{file} is locked by another process") from error
        raise StorageError(f"{file} is no database of MLflow: {error}") from error
    except sqlite3.DatabaseError as error:
        raise StorageError(f"{file} is damaged: {error}") from error
    if not is_whole:
        raise StorageError(f"{file} is damaged")
    return f"{file}, {_schema(file, found[0] if found else None)}, {verified}"


def _schema(file: Path, found: str | None) -> str:
    if found is None:
        return "still empty"
    newest, known = newest_schema()
    if found == newest:
        return f"schema {found}"
    age = "older" if found in known else "newer"
    raise StorageError(f"{file} has schema {found}, of an {age} MLflow; the installed one wants {newest}")


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follow no redirection: the credentials would go with it."""

    def redirect_request(self, *_: Any) -> None:
        """Make no request of it, so that it becomes an error."""
        return


def _server(uri: str, limit_s: float) -> str:
    address = public(uri)
    opener = urllib.request.build_opener(_Stay(), urllib.request.HTTPSHandler(context=_certificates()))
    request = urllib.request.Request(address + _QUESTION, headers=_credentials(uri))
    start = time.monotonic()
    # One question and one answer: MLflow's own client would try again for minutes.
    try:
        with opener.open(request, timeout=limit_s) as answer:
            content = json.loads(answer.read(_MOST_BYTES))
    except urllib.error.HTTPError as error:
        _refused(address, error.code)
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise ResourceError(redact(f"{address} does not answer: {reason}", uri)) from error
    except ValueError as error:
        raise ResourceError(f"{address} answers, but is no MLflow server") from error
    if not isinstance(content, dict):
        raise ResourceError(f"{address} answers, but is no MLflow server")
    return f"{address} answered in {time.monotonic() - start:.2f} s"


def _refused(address: str, code: int) -> NoReturn:
    reason = {
        401: "wants a login: MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD",
        403: "refuses this login, or this name for it (its --allowed-hosts)",
        404: "is no MLflow server",
    }.get(code, f"answers with HTTP {code}")
    raise ResourceError(f"{address} {reason}")


def _certificates() -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=os.environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH") or None)
    if os.environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in {"true", "1"}:  # as MLflow would
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _credentials(uri: str) -> dict[str, str]:
    """The header that MLflow would send: from the environment, or from the address."""
    known = os.environ | login_of(uri)
    user, password = known.get("MLFLOW_TRACKING_USERNAME"), known.get("MLFLOW_TRACKING_PASSWORD")
    if user and password:
        return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}
    token = os.environ.get("MLFLOW_TRACKING_TOKEN")
    return {"Authorization": f"Bearer {token}"} if token else {}


def _other(uri: str, limit_s: float) -> str:
    """A database server: whether its port answers, without a login."""
    parts = urlsplit(uri)
    try:
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ResourceError(redact(f"{public(uri)}: {error}", uri)) from error
    if not host or not port:
        return f"{public(uri)}, not looked at"
    try:
        socket.create_connection((host, port), timeout=limit_s).close()
    except OSError as error:
        raise ResourceError(f"{public(uri)} does not answer: {error.strerror or error}") from error
    return f"{public(uri)} answers; no login was tried"
