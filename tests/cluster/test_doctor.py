"""Each check of `raysearch doctor` on a machine that is well, and on one with the fault that it looks for."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path

import pytest
from test_clusters import head  # noqa: F401 - a fixture

from raysearch.cluster import doctor_machine, doctor_ray, doctor_storage, doctor_studies, environment
from raysearch.cluster.cgroups import usable_cpus
from raysearch.cluster.doctor import Finding, ask_child, examine, exit_code, fault, ok, warning
from raysearch.errors import FolderError, ResourceError
from raysearch.ledger.ledger import FILE_NAME, Ledger
from raysearch.ledger.records import Opened
from raysearch.models.kernels.build import COMPILERS, FLAGS


def only(findings: Iterable[Finding]) -> Finding:
    (found,) = findings
    return found


def make_study(folder: Path) -> Ledger:
    ledger = Ledger(folder, create=True)
    ledger.append(
        [Opened(session=1, host="here", pid=os.getpid(), slots=2, versions={"torch": "2"}, cpu="x")]
    )
    return ledger


def write_tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_a_hanging_check_is_told_and_keeps_no_other_one_waiting() -> None:
    release = threading.Event()

    def hang() -> list[Finding]:
        release.wait()
        return []

    start = time.monotonic()
    found = list(
        examine({"a": lambda: [ok("a", "well")], "hangs": hang, "b": lambda: [ok("b", "well")]}, 0.2)
    )
    release.set()
    assert time.monotonic() - start < 5
    assert [(each.name, each.level) for each in found] == [("a", "ok"), ("hangs", "fault"), ("b", "ok")]
    assert "no answer within 0.2 s" in found[1].found


def test_a_check_that_raises_is_a_fault_of_its_own() -> None:
    def folder() -> list[Finding]:
        raise FolderError("no\nroom")

    def broken() -> list[Finding]:
        raise KeyError("x")

    found = list(examine({"folder": folder, "broken": broken, "c": lambda: [ok("c", "well")]}))
    assert [(each.found, each.exit_code) for each in found] == [
        ("no room", 73),
        ("cannot be looked at: KeyError: 'x'", 69),
        ("well", 0),
    ]


def test_the_heaviest_fault_decides_the_exit_code() -> None:
    assert exit_code([ok("a", ""), warning("b", "", "")]) == 0
    assert exit_code([fault("a", "", "", 74), fault("b", "", ""), fault("c", "", "", 73)]) == 74


def test_a_child_that_dies_or_hangs_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ResourceError, match="ended with code 1: .*No module named raysearch.cluster.none"):
        ask_child("none")
    with pytest.raises(ResourceError, match="no answer within 0.01 s"):
        ask_child("doctor_torch", limit_s=0.01)


def test_versions_hold_here_and_every_wrong_one_is_named() -> None:
    assert only(doctor_machine.versions()).level == "ok"
    wanted = ["torch>=99", "numpy>=1", "no-such-thing>=1", "ray[tune]<2", "pytest>=999; extra == 'test'"]
    found = list(doctor_machine.compare(wanted, ">=4"))
    assert [each.level for each in found] == ["fault"] * 4
    assert [each.advice for each in found] == [
        *(
            "use another Python",
            "pip install 'torch>=99'",
            "pip install 'no-such-thing>=1'",
            "pip install 'ray<2'",
        ),
    ]


@pytest.mark.parametrize(
    "files",
    [
        {"proc/self/cgroup": "0::/job/me\n", "sys/fs/cgroup/job/cpu.max": "50000 100000\n"},
        {
            "proc/self/cgroup": "4:cpu,cpuacct:/me\n0::/\n",
            "sys/fs/cgroup/cpu/me/cpu.cfs_quota_us": "50000\n",
            "sys/fs/cgroup/cpu/me/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
        },
    ],
)
def test_a_containers_share_of_the_cpus(tmp_path: Path, files: dict[str, str]) -> None:
    found = only(doctor_machine.cpus(write_tree(tmp_path, files)))
    assert (found.level, "container gives 0.5" in found.found) == ("warning", True)
    assert usable_cpus(tmp_path) == 1
    assert only(doctor_machine.cpus(tmp_path / "none")).level == "ok"


@pytest.mark.parametrize(("quota", "cpus"), [("max", 3), ("150000", 1), ("200000", 2), ("900000", 3)])
def test_no_more_runs_than_the_container_gives_cpus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota: str, cpus: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2})
    root = write_tree(
        tmp_path, {"proc/self/cgroup": "0::/me\n", "sys/fs/cgroup/me/cpu.max": f"{quota} 100000\n"}
    )
    assert usable_cpus(root) == cpus
    assert only(doctor_machine.cpus(root)).level == "ok"


@pytest.mark.parametrize(
    "group",
    [
        {"memory.max": "1500000000", "memory.current": "1400000000", "memory.stat": "anon 5\ninactive_file 900000000"},
        {
            "memory.limit_in_bytes": "1500000000",
            "memory.usage_in_bytes": "1400000000",
            "memory.stat": "cache 5\ntotal_inactive_file 900000000",
        },
    ],
)  # fmt: skip
def test_a_containers_memory_counts_and_its_caches_are_free(tmp_path: Path, group: dict[str, str]) -> None:
    is_old = "memory.max" not in group
    below = "sys/fs/cgroup/memory" if is_old else "sys/fs/cgroup"
    files = {f"{below}/me/{name}": text for name, text in group.items()}
    files |= {
        "proc/self/cgroup": f"{'7:memory' if is_old else '0:'}:/me\n",
        "proc/meminfo": "MemAvailable: 90000000 kB\n",
    }
    found = only(doctor_machine.memory(write_tree(tmp_path, files)))
    assert (found.level, found.found) == ("warning", "1.0 GB available in this container")
    (tmp_path / "proc/self/cgroup").write_text("")
    assert only(doctor_machine.memory(tmp_path)).found == "92.2 GB available on this machine"


def test_few_processes_in_a_container(tmp_path: Path) -> None:
    group = {
        "sys/fs/cgroup/pids.max": "500",
        "sys/fs/cgroup/pids.current": "100",
        "proc/self/cgroup": "0::/\n",
    }
    assert [
        each.found for each in doctor_machine.limits(write_tree(tmp_path, group)) if each.level == "warning"
    ][-1:] == ["room for 400 more processes and threads"]


def test_shared_memory(tmp_path: Path) -> None:
    assert only(doctor_machine.shared_memory(tmp_path / "none")).level == "warning"
    assert only(doctor_machine.shared_memory(tmp_path)).level == "ok"


@pytest.mark.parametrize(
    ("answer", "level", "words"),
    [
        ({"cuda": None}, "warning", "built without CUDA, but there is an NVIDIA driver"),
        ({"cuda": "13.0"}, "warning", "no GPU to use: torch sees none; CUDA_VISIBLE_DEVICES is ''"),
        ({"cuda": "13.0", "reason": "driver too old"}, "warning", "no GPU to use: driver too old"),
        ({"cuda": "13.0", "gpus": ["H200", "H200"]}, "ok", "2: H200, H200 (CUDA 13.0)"),
    ],
)
def test_what_torch_says_where_there_is_a_driver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: dict[str, object], level: str, words: str
) -> None:
    """Torch's answers are given here: this machine need not have a GPU."""
    whole = {"version": "2.13", "threads": 1, "gpus": [], "reason": "", **answer}
    monkeypatch.setattr(doctor_machine, "DRIVER", write_tree(tmp_path, {"version": "NVRM"}) / "version")
    monkeypatch.setattr(doctor_machine, "ask_child", lambda module: whole)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    gpu = list(doctor_machine.torch_and_gpu())[1]
    assert (gpu.level, words in gpu.found) == (level, True)


def test_the_compiler_must_be_there_and_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if any(map(shutil.which, COMPILERS)):
        assert only(doctor_machine.compiler(COMPILERS, FLAGS)).level == "ok"
    assert only(doctor_machine.compiler(["no-c++"], FLAGS)).advice == "install g++"
    bad = tmp_path / "c++"
    bad.write_text("#!/bin/sh\necho no headers >&2\nexit 1\n")
    bad.chmod(0o700)
    assert "fails: no headers; the torch form" in only(doctor_machine.compiler([str(bad)], FLAGS)).found


def test_a_kernel_folder_that_others_may_enter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not any(map(shutil.which, COMPILERS)):
        pytest.skip("no C++ compiler")
    monkeypatch.setenv("RAYSEARCH_CACHE", str(tmp_path))
    (tmp_path / "kernels").mkdir()
    (tmp_path / "kernels").chmod(0o755)
    assert only(doctor_machine.compiler(COMPILERS, FLAGS)).advice == f"chmod 700 {tmp_path}/kernels"


def test_a_proxy_must_leave_this_machine_out_and_its_password_is_not_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    assert only(doctor_machine.proxies()).level == "ok"
    monkeypatch.setenv("HTTPS_PROXY", "http://me:hunter2@proxy:3128")
    found = only(doctor_machine.proxies())
    assert (found.level, found.advice) == ("warning", "export no_proxy=127.0.0.1,localhost")
    assert "hunter2" not in found.found
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    assert only(doctor_machine.proxies()).level == "ok"


def test_thresholds_are_those_of_a_study() -> None:
    from raysearch.cluster import disk_need, session

    assert doctor_machine.OBJECT_STORE_BYTES == session.OBJECT_STORE_BYTES
    assert doctor_storage.RESERVE_BYTES > disk_need.REPORT_BYTES


def test_a_folder_is_tried_and_nothing_stays(tmp_path: Path) -> None:
    found = only(doctor_storage.studies_folder(tmp_path / "a/runs"))
    assert (found.exit_code, f"to be made in {tmp_path}" in found.found) == (0, True)
    assert list(tmp_path.iterdir()) == []
    tried = doctor_storage._try(tmp_path)
    assert (tried.has_locks, tried.excludes) == (True, True)


def test_a_lock_that_is_not_there_is_seen_as_such(tmp_path: Path) -> None:
    with (tmp_path / "x").open("w") as file:
        assert not doctor_storage._is_locked(file.fileno())


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = only(doctor_storage.studies_folder(tmp_path / "file/runs"))
    assert (found.level, found.exit_code, found.advice) == ("fault", 73, "choose another folder with --runs")
    assert "Not a directory" in found.found


def test_a_folder_in_memory_is_warned_of() -> None:
    shm = Path("/dev/shm")
    if not shm.is_dir() or doctor_storage.filesystem(shm) != "tmpfs":
        pytest.skip("/dev/shm is no tmpfs")
    found = only(doctor_storage.studies_folder(shm))
    assert (found.level, "gone with the machine" in found.found) == ("warning", True)


@pytest.mark.parametrize(
    ("kind", "is_shared"), [("nfs4", True), ("fuse.sshfs", True), ("lustre", True), ("ext4", False)]
)
def test_file_systems_of_a_network_are_known(kind: str, is_shared: bool) -> None:
    assert bool(doctor_storage.SHARED.fullmatch(kind)) is is_shared


def test_the_kernel_says_what_file_system_it_is(tmp_path: Path) -> None:
    assert doctor_storage.filesystem(Path("/proc/self")) == "proc"
    if shutil.which("findmnt"):
        asked = ["findmnt", "--noheadings", "--output", "FSTYPE", "--target", str(tmp_path)]
        told = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()
        assert doctor_storage.filesystem(tmp_path) == told[-1]


def test_ray_sockets_need_a_short_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = tmp_path / ("x" * 60)
    long.mkdir()
    monkeypatch.setenv("RAY_TMPDIR", str(long))
    found = only(doctor_storage.ray_folder())
    assert (found.exit_code, "too long for Ray's sockets" in found.found) == (73, True)
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path / "none"))
    assert only(doctor_storage.ray_folder()).exit_code == 73
    monkeypatch.setenv("RAY_TMPDIR", "/tmp")
    assert "too long" not in only(doctor_storage.ray_folder()).found


def test_data_files(tmp_path: Path) -> None:
    assert only(doctor_storage.data_files(tmp_path / "none")).found.endswith("No such file or directory")
    assert only(doctor_storage.data_files(tmp_path)).level == "fault"
    (tmp_path / "a.h5").write_bytes(b"x" * 2_000_000)
    assert "1 file, 2.0 MB" in only(doctor_storage.data_files(tmp_path)).found


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / ".ray/auth_token"
    path.parent.mkdir(mode=0o700)
    path.touch(mode=0o600)
    path.write_text("s3cret")
    monkeypatch.setattr(environment, "TOKEN", path)
    return path


def test_a_token_that_is_ones_own_is_well(token: Path) -> None:
    assert only(doctor_ray.token(None)) == ok("token", f"{token}, yours alone")


@pytest.mark.parametrize(
    ("mode", "folder_mode", "level", "advice"),
    [
        (0o640, 0o700, "fault", "chmod 600 {token}"),
        (0o604, 0o700, "fault", "chmod 600 {token}"),
        (0o600, 0o770, "fault", "chmod 700 {token.parent}"),
        (0o600, 0o755, "warning", "chmod 700 {token.parent}"),
    ],
)
def test_what_others_may_do_with_the_token(
    token: Path, mode: int, folder_mode: int, level: str, advice: str
) -> None:
    token.chmod(mode)
    token.parent.chmod(folder_mode)
    found = only(doctor_ray.token(None))
    assert (found.level, found.advice) == (level, advice.format(token=token))
    assert "s3cret" not in str(found)


def test_an_empty_token(token: Path) -> None:
    token.write_text("\n")
    assert "holds no token" in only(doctor_ray.token(None)).found


def test_no_token(token: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token.unlink()
    assert only(doctor_ray.token(None)).level == "ok"
    assert "copy it from the head of 10.0.0.1:6379" in only(doctor_ray.token("10.0.0.1:6379")).advice
    (tmp_path / "home").write_text("")
    monkeypatch.setattr(environment, "TOKEN", tmp_path / "home/.ray/auth_token")
    assert only(doctor_ray.token(None)).exit_code == 73
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "other"))
    assert "RAY_AUTH_TOKEN_PATH" in only(doctor_ray.token(None)).advice


def test_a_token_that_is_switched_off(token: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    assert next((each.level, each.advice) for each in doctor_ray.token(None)) == (
        "fault",
        "unset RAY_AUTH_MODE",
    )


def test_a_ray_that_runs_here_is_named(tmp_path: Path) -> None:
    program = tmp_path / "raylet"
    program.symlink_to(sys.executable)
    words = [program, "-c", "print(flush=True); input()"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()  # from here on it has its name
        found = only(doctor_ray.running())
        process.communicate(b"\n")
    assert f"raylet {process.pid} of " in found.found
    assert f"raylet {process.pid} " not in only(doctor_ray.running()).found


def test_ledgers_and_who_holds_them(tmp_path: Path) -> None:
    assert [each.level for each in doctor_studies.ledgers(tmp_path / "none")] == ["ok", "ok"]
    make_study(tmp_path / "free").close()
    with make_study(tmp_path / "busy"):
        whole, locks = doctor_studies.ledgers(tmp_path)
    assert whole.found.startswith(f"2 of 2 studies under {tmp_path} verified")
    assert locks.found.startswith(f"at work on busy by process {os.getpid()} on here since 2")


def test_a_flipped_bit_of_a_ledger_is_found(tmp_path: Path) -> None:
    make_study(tmp_path / "good").close()
    make_study(tmp_path / "bad").close()
    path = tmp_path / "bad" / FILE_NAME
    content = bytearray(path.read_bytes())
    content[20] ^= 8
    path.write_bytes(content)
    broken, counted, _ = doctor_studies.ledgers(tmp_path)
    assert (broken.level, broken.exit_code, counted.level) == ("fault", 74, "ok")
    assert f"{path}: damaged at byte 0" in broken.found
    assert path.read_bytes() == content


def test_ledgers_that_take_too_long_are_left_out(tmp_path: Path) -> None:
    make_study(tmp_path / "a").close()
    found = next(iter(doctor_studies.ledgers(tmp_path, limit_s=-1.0)))
    assert (found.level, "0 of 1" in found.found) == ("warning", True)


def test_a_disk_that_takes_no_more(tmp_path: Path) -> None:
    """A limit on the size of files stands for a full disk, which only root can make."""
    code = (
        "import resource, sys; from pathlib import Path; from raysearch.cluster.doctor_storage import studies_folder\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "(found,) = studies_folder(Path(sys.argv[1])); print(found.exit_code, found.found)"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("74 ")
    assert list(tmp_path.iterdir()) == []


def test_few_open_files() -> None:
    code = (
        "import resource; from raysearch.cluster.doctor_machine import limits\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)); print(*next(limits()).found.split(), next(limits()).level)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "at most 64 open files fault\n"
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[1] != 64


@pytest.mark.ray_cluster
def test_a_cluster_is_counted_with_its_token_and_refused_with_another(
    head: tuple[str, dict[str, str]],  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    address, token = head
    for name, text in token.items():
        monkeypatch.setenv(name, text)
    found = only(doctor_ray.cluster(address))
    assert (found.level, "1 node, 2 CPUs, 0 GPUs" in found.found) == ("ok", True), found
    (tmp_path / "token").write_text("b" * 64)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "token"))
    found = only(doctor_ray.cluster(address))
    assert (found.level, found.exit_code) == ("fault", 69), found
    assert "b" * 64 not in found.found
    print(found)
