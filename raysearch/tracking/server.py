"""The MLflow server that ``raysearch dashboard`` runs: on this machine alone, and able to do little.

It listens on the loopback, answers to no other host name (a page in the user's browser could otherwise
reach it by a name that points here), and runs no jobs, scorers or gateway. Without a login whoever has
an account on this machine can read and change what it shows. The studies' ledgers are out of its reach.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

from raysearch.errors import ResourceError
from raysearch.tracking.address import artifact_folder, redact
from raysearch.tracking.login import Login

HOST = "127.0.0.1"
DEFAULT_PORT = 5000
START_S = 120.0
# Jobs, scorers and gateway have had holes through which requests ran code; nothing of raysearch needs them,
# and none of the processes that MLflow would start for them.
_SWITCHES = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_SERVER_ENABLE_CUSTOM_SCORERS": "false",
    "MLFLOW_SERVER_JOB_ENABLE_PERIODIC_TASKS": "false",
    "MLFLOW_ENABLE_AI_GATEWAY": "false",
    "MLFLOW_ENABLE_REMOTE_ASSISTANT": "false",
}


def choose_port(wanted: int | None) -> int:
    """Return ``wanted`` or, when the user named none, the first free port from 5000 on.

    Raises:
        ResourceError: the port the user named is taken, or a hundred are.
    """
    if wanted is not None:
        if not _is_free(wanted):
            raise ResourceError(
                f"--port {wanted}: cannot be listened on (taken, or not allowed); name another one"
            )
        return wanted
    for port in range(DEFAULT_PORT, DEFAULT_PORT + 100):
        if _is_free(port):
            return port
    raise ResourceError(f"ports {DEFAULT_PORT} to {DEFAULT_PORT + 99} are all taken; name one with --port")


@contextmanager
def running_server(uri: str, port: int, login: Login | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Run MLflow's server over the database ``uri`` until the block ends, and nothing of it after that.

    With a ``login`` it answers to nobody else. Its list of users is as short-lived as the server, so that the
    login's file alone says what the password is.

    Raises:
        ResourceError: it ended by itself or did not answer within two minutes.
    """
    with ExitStack() as stack:
        output = stack.enter_context(tempfile.TemporaryFile())
        environment = _environment(uri)
        if login is not None:
            users = stack.enter_context(tempfile.TemporaryDirectory(prefix="raysearch-mlflow-"))
            environment |= _login_environment(login, Path(users))
        process = subprocess.Popen(
            _command(port, has_login=login is not None),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,  # Ctrl-C comes to us alone, and the group is ended as one
        )
        try:
            _wait_until_it_answers(process, port, uri, output)
            yield process
        finally:
            _end(process)


def _command(port: int, *, has_login: bool) -> list[str]:
    # Named one by one: MLflow's default lets names such as 10.evil.example through, being patterns for
    # private addresses.
    names = f"localhost:{port},{HOST}:{port}"
    options = ["--host", HOST, "--port", str(port), "--workers", "1", "--allowed-hosts", names]
    if has_login:
        options += ["--app-name", "basic-auth"]
    return [
        sys.executable,
        "-m",
        "mlflow",
        "server",
        *options,
        "--uvicorn-opts",
        "--log-level warning --timeout-graceful-shutdown 2",
    ]


def _environment(uri: str) -> dict[str, str]:
    """Surroundings without the user's MLFLOW_* switches; the address is here, for it may hold a password."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "_MLFLOW_"))}
    kept |= {name: value for name, value in os.environ.items() if name.startswith("MLFLOW_S3_")}
    return kept | _SWITCHES | {
        "MLFLOW_BACKEND_STORE_URI": uri,
        "MLFLOW_ARTIFACTS_DESTINATION": str(artifact_folder(uri)),
    }  # fmt: skip


def _login_environment(login: Login, users: Path) -> dict[str, str]:
    """What MLflow's basic-auth app reads; the password is here and in ``login.file``, and in no argument."""
    settings = users / "basic_auth.ini"
    # Unless it remembers a password for a minute, it hashes it anew for every request, for half a second.
    lines = ["[mlflow]", "default_permission = NO_PERMISSIONS", "auth_cache_ttl_seconds = 60"]
    settings.write_text(
        "\n".join([*lines, f"database_uri = sqlite:///{users / 'users.db'}"]), encoding="utf-8"
    )
    return {
        "MLFLOW_AUTH_CONFIG_PATH": str(settings),
        "MLFLOW_AUTH_ADMIN_USERNAME": login.user,
        "MLFLOW_AUTH_ADMIN_PASSWORD": login.password,
        "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.token_urlsafe(),
        "MLFLOW_BASIC_AUTH_FAIL_CLOSED": "true",
    }


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # A server that has just ended does not block its port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _wait_until_it_answers(process: subprocess.Popen[bytes], port: int, uri: str, output: IO[bytes]) -> None:
    deadline = time.monotonic() + START_S
    # Without proxies: one for everything would be asked for this machine's own loopback.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with opener.open(f"http://{HOST}:{port}/health", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    output.seek(0)
    words = redact(output.read().decode(errors="replace").strip()[-800:], uri)
    raise ResourceError(f"the MLflow server did not start on port {port}. It said:\n{words}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the server's whole process group, first kindly."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        pass
    finally:
        # Also when the first process has ended: its workers may not have, and they hold the port.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
