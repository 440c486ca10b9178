"""Durable files: the order of sync and rename is what a crash leaves, and a lock ends with its holder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from raysearch import files
from raysearch.errors import StorageError


def what_is_done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Write down each sync and each rename, in their order."""
    done: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def synced(handle: int) -> None:
        path = Path(f"/proc/self/fd/{handle}").readlink()
        done.append("sync folder" if path.is_dir() else "sync file")
        fsync(handle)

    def renamed(self: Path, target: Path) -> Path:
        done.append("rename")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", renamed)
    return done


def test_content_is_on_disk_before_the_name_and_the_name_before_the_return(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = what_is_done(monkeypatch)
    files.write_durably(tmp_path / "new" / "a", b"content")
    assert done == ["sync file", "rename", "sync folder"]
    assert {path.name: path.read_bytes() for path in (tmp_path / "new").iterdir()} == {"a": b"content"}


def test_a_write_that_fails_leaves_what_was_there_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    files.write_durably(path, b"before")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match=r"a: cannot be written: No space left on device"):
        files.write_durably(path, b"after")
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {"a": b"before"}


HOLD = """
import sys
from raysearch import files
file = open(sys.argv[1])
files.lock(file)
print("held", flush=True)
sys.stdin.read()
"""


def test_a_lock_keeps_others_out_until_its_holder_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.touch()
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with path.open() as file:
        with pytest.raises(BlockingIOError):
            files.lock(file, shared=True)
        holder.kill()
        holder.communicate()
        files.lock(file)


def test_who_looks_for_a_moment_keeps_nobody_from_taking_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    path.touch()
    looker = path.open()
    files.lock(looker, shared=True)
    monkeypatch.setattr(files.time, "sleep", lambda _: looker.close())
    with path.open() as file:
        files.take(file)
        assert files.is_locked(path)
        with path.open() as other, pytest.raises(BlockingIOError):
            files.take(other)
    assert not files.is_locked(path)
    assert not files.is_locked(tmp_path / "not there")


def test_many_may_share_a_lock(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.touch()
    with path.open() as one, path.open() as two, path.open() as three:
        files.lock(one, shared=True)
        files.lock(two.fileno(), shared=True)
        with pytest.raises(BlockingIOError):
            files.lock(three)
