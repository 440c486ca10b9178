"""The environment that Ray is given: with a token on, wherever Ray itself would find one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from raysearch.cluster import environment
from raysearch.cluster.environment import prepare_environment
from raysearch.errors import ResourceError

ADDRESS = "10.0.0.1:6379"


@pytest.fixture
def tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without tokens; what is set is undone."""
    monkeypatch.setattr(os, "environ", {**os.environ})
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        os.environ.pop(name, None)
    monkeypatch.setattr(environment, "TOKEN", tmp_path / "auth_token")
    return tmp_path


@pytest.mark.parametrize(
    ("file", "variables"),
    [
        ("auth_token", {}),
        ("other", {"RAY_AUTH_TOKEN_PATH": "other"}),
        (None, {"RAY_AUTH_TOKEN": "s3cret"}),
    ],
)
def test_a_cluster_is_asked_with_the_token_that_ray_finds(
    tokens: Path, file: str | None, variables: dict[str, str]
) -> None:
    if file is not None:
        (tokens / file).write_text("s3cret")
    os.environ.update(
        {name: str(tokens / text) if name.endswith("PATH") else text for name, text in variables.items()}
    )
    prepare_environment(ADDRESS)
    assert os.environ["RAY_AUTH_MODE"] == "token"


def test_without_a_token_none_is_asked_for(tokens: Path) -> None:
    prepare_environment(ADDRESS)
    assert "RAY_AUTH_MODE" not in os.environ
    (tokens / "auth_token").write_text("s3cret")
    os.environ["RAY_AUTH_TOKEN_PATH"] = str(tokens / "elsewhere")  # Ray would not look at its own place then
    prepare_environment(ADDRESS)
    assert "RAY_AUTH_MODE" not in os.environ


@pytest.mark.usefixtures("tokens")
def test_a_token_switched_off_is_refused() -> None:
    os.environ["RAY_AUTH_MODE"] = "disabled"
    with pytest.raises(ResourceError, match="unset it"):
        prepare_environment(None)
