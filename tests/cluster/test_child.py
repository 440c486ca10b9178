"""What could take a process down is asked in a child: one that dies or hangs; a cluster with its token."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from heads import running_head

from raysearch.cluster.child import ask_child
from raysearch.doctor import ray_here
from raysearch.errors import ResourceError


def test_a_child_that_dies_or_hangs_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ResourceError, match="ended with code 1: .*No module named raysearch.cluster.none"):
        ask_child("none")
    with pytest.raises(ResourceError, match="no answer within 0.01 s"):
        ask_child("child_torch", limit_s=0.01)


@pytest.fixture
def head() -> Iterator[tuple[str, dict[str, str]]]:
    """The address and the token of a cluster that somebody else started."""
    with running_head() as started:
        yield started


@pytest.mark.ray_cluster
def test_a_cluster_is_counted_with_its_token_and_refused_with_another(
    head: tuple[str, dict[str, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    address, token = head
    for name, text in token.items():
        monkeypatch.setenv(name, text)
    (found,) = ray_here.cluster(address)
    assert (found.level, "1 node, 2 CPUs, 0 GPUs" in found.found) == ("ok", True), found
    (tmp_path / "token").write_text("b" * 64)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "token"))
    (found,) = ray_here.cluster(address)
    assert (found.level, found.exit_code) == ("fault", 69), found
    assert "b" * 64 not in found.found
    print(found)
