"""Where MLflow is, how it is spoken to, and how to say so without giving passwords away."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

# Read by MLflow 3 on import and on every call. Its own patience (7 tries of 120 s) would hold a mirror up
# for minutes, and its silent second try of "create run" may make two; so one try, and ours around it.
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",
    "MLFLOW_ENABLE_ASYNC_LOGGING": "false",
}


# Whatever of these is set may come back in an error's text, of MLflow or of a store's client.
SECRETS = (
    "MLFLOW_TRACKING_PASSWORD",
    "MLFLOW_TRACKING_TOKEN",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "RAY_AUTH_TOKEN",
)


def tracking_uri(given: str | None = None) -> str:
    """Return ``given``, else ``MLFLOW_TRACKING_URI``, else ``mlflow.db`` in the working directory."""
    return given or os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{Path.cwd() / 'mlflow.db'}"


def is_server(uri: str) -> bool:
    """Whether ``uri`` is an MLflow server rather than a database."""
    return urlsplit(uri).scheme in {"http", "https"}


def sqlite_file(uri: str) -> Path | None:
    """Return the file of an SQLite address, or None for any other."""
    match = re.fullmatch(r"sqlite(?:\+\w+)?:///([^?]+)(?:\?.*)?", uri)
    return Path(match[1]).resolve() if match else None


def database_folder(uri: str) -> Path:
    """Return the folder of an SQLite database; for one on a server the working directory."""
    file = sqlite_file(uri)
    return file.parent if file else Path.cwd()


def artifact_folder(uri: str) -> Path | None:
    """Return the folder for files beside a database; a server decides for itself (None)."""
    return None if is_server(uri) else database_folder(uri) / "mlartifacts"


def public(uri: str) -> str:
    """Return a server's address without user, password and query."""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}".rstrip("/")


def _without_login(match: re.Match[str]) -> str:
    return "://***@" if match[0].startswith("://") else "***@"


def login_of(uri: str) -> dict[str, str]:
    """Return the login in a server's address, as the variables that MLflow reads; the user's own come first.

    MLflow itself sends a login from the address with its calls, but not with the files.
    """
    parts = urlsplit(uri)
    if not (is_server(uri) and parts.username and parts.password) or os.environ.get(
        "MLFLOW_TRACKING_PASSWORD"
    ):
        return {}
    return {
        "MLFLOW_TRACKING_USERNAME": unquote(parts.username),
        "MLFLOW_TRACKING_PASSWORD": unquote(parts.password),
    }


def redact(text: str, uri: str = "") -> str:
    """Take out of a message whatever could be a credential: of ``uri``, the environment or any address."""
    user_and_password = uri.partition("://")[2].rpartition("@")[0]
    password = user_and_password.partition(":")[2]
    secrets = [user_and_password, password, unquote(password)]
    secrets += [os.environ.get(name, "") for name in SECRETS]
    # The longest first: of a secret that holds another one the rest would stay.
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "***")
    text = re.sub(r"://[^\s'\"]*@|[^\s'\"/:@]+:[^\s'\"@]+@", _without_login, text)
    return re.sub(r"(?i)((?:password|passwd|pwd|token|secret)=)[^\s&'\"]+", r"\1***", text)


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for a while."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
