"""The file that `ray up` takes: Ray's own checks accept it as it stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config

CLUSTER_YAML = Path(__file__).parents[2] / "cluster.yaml"


@pytest.fixture
def config() -> dict[str, Any]:
    return yaml.safe_load(CLUSTER_YAML.read_text(encoding="utf-8"))


def test_rays_schema_accepts_it(config: dict[str, Any]) -> None:
    validate_config(prepare_config(config))


def test_rays_schema_refuses_a_key_it_does_not_know(config: dict[str, Any]) -> None:
    """The test above can fail."""
    with pytest.raises(Exception, match="headstart"):
        validate_config(prepare_config({**config, "headstart": 1}))


def test_no_machine_listens_without_a_token(config: dict[str, Any]) -> None:
    starts = [*config["head_start_ray_commands"], *config["worker_start_ray_commands"]]
    starts = [command for command in starts if "ray start" in command]
    assert starts
    assert all("RAY_AUTH_MODE=token" in command for command in starts)
    assert any("auth_token" in path for path in config["file_mounts"])
