"""Each check of this machine: well where it is well, and a fault or warning where it is not."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from found import only, write_tree

from raysearch.doctor import machine, storage
from raysearch.launch.cgroups import usable_cpus
from raysearch.models.kernels.build import COMPILERS, FLAGS


def test_versions_hold_here_and_every_wrong_one_is_named() -> None:
    assert only(machine.versions()).level == "ok"
    wanted = ["torch>=99", "numpy>=1", "no-such-thing>=1", "ray[tune]<2", "pytest>=999; extra == 'test'"]
    found = list(machine.compare(wanted, ">=4"))
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
    found = only(machine.cpus(write_tree(tmp_path, files)))
    assert (found.level, "container gives 0.5" in found.found) == ("warning", True)
    assert usable_cpus(tmp_path) == 1
    assert only(machine.cpus(tmp_path / "none")).level == "ok"


@pytest.mark.parametrize(("quota", "cpus"), [("max", 3), ("150000", 1), ("200000", 2), ("900000", 3)])
def test_no_more_runs_than_the_container_gives_cpus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota: str, cpus: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2})
    root = write_tree(
        tmp_path, {"proc/self/cgroup": "0::/me\n", "sys/fs/cgroup/me/cpu.max": f"{quota} 100000\n"}
    )
    assert usable_cpus(root) == cpus
    assert only(machine.cpus(root)).level == "ok"


@pytest.mark.parametrize(
    "group",
    [
        {
            "memory.max": "1500000000",
            "memory.current": "1400000000",
            "memory.stat": "anon 5\ninactive_file 900000000",
        },
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
    found = only(machine.memory(write_tree(tmp_path, files)))
    assert (found.level, found.found) == ("warning", "1.0 GB available in this container")
    (tmp_path / "proc/self/cgroup").write_text("")
    assert only(machine.memory(tmp_path)).found == "92.2 GB available on this machine"


def test_few_processes_in_a_container(tmp_path: Path) -> None:
    group = {
        "sys/fs/cgroup/pids.max": "500",
        "sys/fs/cgroup/pids.current": "100",
        "proc/self/cgroup": "0::/\n",
    }
    assert [each.found for each in machine.limits(write_tree(tmp_path, group)) if each.level == "warning"][
        -1:
    ] == ["room for 400 more processes and threads"]


def test_shared_memory(tmp_path: Path) -> None:
    assert only(machine.shared_memory(tmp_path / "none")).level == "warning"
    assert only(machine.shared_memory(tmp_path)).level == "ok"


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
    monkeypatch.setattr(machine, "DRIVER", write_tree(tmp_path, {"version": "NVRM"}) / "version")
    monkeypatch.setattr(machine, "ask_child", lambda module: whole)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    gpu = list(machine.torch_and_gpu())[1]
    assert (gpu.level, words in gpu.found) == (level, True)


def test_the_compiler_must_be_there_and_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if any(map(shutil.which, COMPILERS)):
        assert only(machine.compiler(COMPILERS, FLAGS)).level == "ok"
    assert only(machine.compiler(["no-c++"], FLAGS)).advice == "install g++"
    bad = tmp_path / "c++"
    bad.write_text("#!/bin/sh\necho no headers >&2\nexit 1\n")
    bad.chmod(0o700)
    assert "fails: no headers; the torch form" in only(machine.compiler([str(bad)], FLAGS)).found


def test_a_kernel_folder_that_others_may_enter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not any(map(shutil.which, COMPILERS)):
        pytest.skip("no C++ compiler")
    monkeypatch.setenv("RAYSEARCH_CACHE", str(tmp_path))
    (tmp_path / "kernels").mkdir()
    (tmp_path / "kernels").chmod(0o755)
    assert only(machine.compiler(COMPILERS, FLAGS)).advice == f"chmod 700 {tmp_path}/kernels"


def test_a_proxy_must_leave_this_machine_out_and_its_password_is_not_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    assert only(machine.proxies()).level == "ok"
    monkeypatch.setenv("HTTPS_PROXY", "http://me:hunter2@proxy:3128")
    found = only(machine.proxies())
    assert (found.level, found.advice) == ("warning", "export no_proxy=127.0.0.1,localhost")
    assert "hunter2" not in found.found
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    assert only(machine.proxies()).level == "ok"


def test_thresholds_are_those_of_a_study() -> None:
    from raysearch.cluster import child_ray
    from raysearch.launch import disk_need

    assert machine.OBJECT_STORE_BYTES == child_ray.OBJECT_STORE_BYTES
    assert storage.RESERVE_BYTES > disk_need.REPORT_BYTES


def test_few_open_files() -> None:
    code = (
        "import resource; from raysearch.doctor.machine import limits\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))\n"
        "print(*next(limits()).found.split(), next(limits()).level)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "at most 64 open files fault\n"
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[1] != 64
