from __future__ import annotations

from pathlib import Path

import pytest

from raysearch.tracking.address import artifact_folder, login_of, public, redact, sqlite_file, tracking_uri


def test_address_is_the_argument_else_the_environment_else_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert tracking_uri() == f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow:5000")
    assert tracking_uri() == "http://mlflow:5000"
    assert tracking_uri("sqlite:////x.db") == "sqlite:////x.db"


def test_files_lie_beside_the_database_or_where_the_server_says() -> None:
    assert artifact_folder("sqlite:////data/mlflow.db") == Path("/data/mlartifacts")
    assert artifact_folder("postgresql://db/mlflow") == Path.cwd() / "mlartifacts"
    assert artifact_folder("https://mlflow") is None
    assert sqlite_file("sqlite:////data/my studies/mlflow.db?timeout=3") == Path("/data/my studies/mlflow.db")
    assert sqlite_file("postgresql://db/mlflow") is None


@pytest.mark.parametrize(
    "uri",
    [
        "http://alice:S3cret@mlflow:5000",
        "https://alice:S3cret@mlflow/path?x=1",
        "postgresql://alice:S3cret@db:5432/mlflow",
        "postgresql+psycopg2://db/mlflow?user=alice&password=S3cret",
        "mysql://alice:S3cret%40x@db/mlflow",
        "http://alice:S3cret@with@at@mlflow",
    ],
)
def test_no_credential_survives(uri: str) -> None:
    texts = [f"cannot reach {uri}: refused", f"user alice:S3cret rejected at '{uri}'", f"{uri!r}\n{uri}"]
    for text in texts:
        said = redact(text, uri)
        assert "S3cret" not in said.replace("alice:S3cret rejected", "")
        assert uri not in said
    assert "S3cret" not in public(uri)


def test_a_token_of_the_environment_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "t0ken")
    assert redact("401 for t0ken", "https://mlflow") == "401 for ***"
    assert redact("no such table: runs", "sqlite:///mlflow.db") == "no such table: runs"


def test_a_login_in_the_address_is_mlflows_unless_the_user_named_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    address = "https://alice:S3%40cret@mlflow"
    names = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")
    for name in names:
        monkeypatch.delenv(name, raising=False)
    assert login_of(address) == dict(zip(names, ("alice", "S3@cret"), strict=True))
    assert login_of("https://mlflow") == login_of("postgresql://alice:S3cret@db/mlflow") == {}
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "other")
    assert login_of(address) == {}


def test_public_address_keeps_host_and_path() -> None:
    assert public("https://alice:S3cret@mlflow:5000/tracking/") == "https://mlflow:5000/tracking"
