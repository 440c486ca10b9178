"""What `raysearch doctor` says of folders, file systems and data files."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from found import only

from raysearch.doctor import storage


def test_a_folder_is_tried_and_nothing_stays(tmp_path: Path) -> None:
    found = only(storage.studies_folder(tmp_path / "a/runs"))
    assert (found.exit_code, f"to be made in {tmp_path}" in found.found) == (0, True)
    assert list(tmp_path.iterdir()) == []
    tried = storage._try(tmp_path)
    assert (tried.has_locks, tried.excludes) == (True, True)


def test_a_lock_that_is_not_there_is_seen_as_such(tmp_path: Path) -> None:
    with (tmp_path / "x").open("w") as file:
        assert not storage._excludes(file.fileno())


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = only(storage.studies_folder(tmp_path / "file/runs"))
    assert (found.level, found.exit_code, found.advice) == ("fault", 73, "choose another folder with --runs")
    assert "Not a directory" in found.found


def test_a_folder_in_memory_is_warned_of() -> None:
    shm = Path("/dev/shm")
    if not shm.is_dir() or storage.filesystem(shm) != "tmpfs":
        pytest.skip("/dev/shm is no tmpfs")
    found = only(storage.studies_folder(shm))
    assert (found.level, "gone with the machine" in found.found) == ("warning", True)


@pytest.mark.parametrize(
    ("kind", "is_shared"), [("nfs4", True), ("fuse.sshfs", True), ("lustre", True), ("ext4", False)]
)
def test_file_systems_of_a_network_are_known(kind: str, is_shared: bool) -> None:
    assert bool(storage.SHARED.fullmatch(kind)) is is_shared


def test_the_kernel_says_what_file_system_it_is(tmp_path: Path) -> None:
    assert storage.filesystem(Path("/proc/self")) == "proc"
    if shutil.which("findmnt"):
        asked = ["findmnt", "--noheadings", "--output", "FSTYPE", "--target", str(tmp_path)]
        told = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()
        assert storage.filesystem(tmp_path) == told[-1]


def test_ray_sockets_need_a_short_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = tmp_path / ("x" * 60)
    long.mkdir()
    monkeypatch.setenv("RAY_TMPDIR", str(long))
    found = only(storage.ray_folder())
    assert (found.exit_code, "too long for Ray's sockets" in found.found) == (73, True)
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path / "none"))
    assert only(storage.ray_folder()).exit_code == 73
    monkeypatch.setenv("RAY_TMPDIR", "/tmp")
    assert "too long" not in only(storage.ray_folder()).found


def test_data_files(tmp_path: Path) -> None:
    assert only(storage.data_files(tmp_path / "none")).found.endswith("No such file or directory")
    assert only(storage.data_files(tmp_path)).level == "fault"
    (tmp_path / "a.h5").write_bytes(b"x" * 2_000_000)
    assert "1 file, 2.0 MB" in only(storage.data_files(tmp_path)).found


def test_a_disk_that_takes_no_more(tmp_path: Path) -> None:
    """A limit on the size of files stands for a full disk, which only root can make."""
    code = (
        "import resource, sys; from pathlib import Path\n"
        "from raysearch.doctor.storage import studies_folder\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "(found,) = studies_folder(Path(sys.argv[1])); print(found.exit_code, found.found)"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("74 ")
    assert list(tmp_path.iterdir()) == []
