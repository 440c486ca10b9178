"""What is found about this machine: versions, CPUs, memory, limits, torch and GPU, compiler, proxies."""

from __future__ import annotations

import math
import os
import platform
import resource
import shlex
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from raysearch.cache import cache_root
from raysearch.cluster.child import ask_child
from raysearch.doctor.findings import Finding, fault, ok, warning
from raysearch.errors import ResourceError
from raysearch.launch.cgroups import cpu_quota, memory_room, processes_room, usable_cpus

PACKAGE = "raysearch"
LOW_MEMORY_BYTES = 2 * 1024**3
OBJECT_STORE_BYTES = 256 * 1024**2  # as child_ray.py asks of Ray; a test holds them equal
FEW_FILES, TOO_FEW_FILES = 4096, 256  # Ray warns below the first
FEW_PROCESSES = 1000  # threads count too, and a Ray of two workers has hundreds
COMPILER_S = 10.0
SHOWN = ("ray", "torch", "mlflow", "h5py")
PROXIES = ("http_proxy", "https_proxy", "all_proxy")
DRIVER = Path("/proc/driver/nvidia/version")


def versions() -> Iterator[Finding]:
    """Compare Python and the installed packages with what raysearch's own metadata ask for."""
    try:
        distribution = metadata.distribution(PACKAGE)
    except metadata.PackageNotFoundError:
        yield warning(
            "versions",
            "raysearch is not installed, it runs from a folder",
            "pip install -e . in its checkout",
        )
        return
    yield from compare(distribution.requires or [], distribution.metadata["Requires-Python"] or "")


def compare(requirements: Sequence[str], python: str) -> Iterator[Finding]:
    """Compare with requirements.

    Args:
        requirements: of packages, as in a package's metadata; those of extras are not looked at.
        python: versions of Python that are allowed.
    """
    bad = []
    if not SpecifierSet(python).contains(platform.python_version(), prereleases=True):
        bad.append(
            fault("versions", f"Python {platform.python_version()} is not {python}", "use another Python")
        )
    for wanted in map(Requirement, requirements):
        # Of an extra, or for another system or Python.
        if wanted.marker and not wanted.marker.evaluate({"extra": ""}):
            continue
        plain = f"{wanted.name}{wanted.specifier}"
        try:
            found = metadata.version(wanted.name)
        except metadata.PackageNotFoundError:
            bad.append(
                fault("versions", f"{wanted.name} is not installed", f"pip install {shlex.quote(plain)}")
            )
            continue
        if not wanted.specifier.contains(found, prereleases=True):
            text = f"{wanted.name} {found} is not {wanted.specifier}"
            bad.append(fault("versions", text, f"pip install {shlex.quote(plain)}"))
    if bad:
        yield from bad
        return
    shown = ", ".join(f"{name} {metadata.version(name)}" for name in SHOWN)
    yield ok(
        "versions", f"Python {platform.python_version()}, {PACKAGE} {metadata.version(PACKAGE)}, {shown}"
    )


def cpus(root: Path = Path("/")) -> Iterator[Finding]:
    """Count the CPUs that a study fills with runs, and look at the share that this process's cgroup gives."""
    quota, usable = cpu_quota(root), usable_cpus(root)
    text = f"{usable} of {os.cpu_count()} usable, load {os.getloadavg()[0]:.1f}"
    if quota is not None and quota <= usable:
        text += f"; the container gives {quota:g}"
    if quota is not None and quota < 1:
        yield warning("cpus", text, "every run gets less than one CPU: give the container a whole one")
    else:
        yield ok("cpus", text)


def memory(root: Path = Path("/")) -> Iterator[Finding]:
    """Look at the memory that can still be had, on the machine and in this process's cgroups."""
    lines = (root / "proc/meminfo").read_text().splitlines()
    facts = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines if line.endswith("kB")}
    # Not MemFree: file caches make way.
    available, where = facts["MemAvailable"], "on this machine"
    room = memory_room(root)
    if room is not None and room < available:
        available, where = room, "in this container"
    text = f"{available / 1e9:.1f} GB available {where}"
    if available < LOW_MEMORY_BYTES:
        yield warning("memory", text, "end other programs, or run fewer at once: larger resources.cpus")
    else:
        yield ok("memory", text)


def limits(root: Path = Path("/")) -> Iterator[Finding]:
    """Look at how many files may be open (Ray raises the soft limit to the hard one) and processes run."""
    # The hard limit: Ray raises the soft one to it by itself.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    n_files = math.inf if hard == resource.RLIM_INFINITY else hard
    text = f"at most {n_files:g} open files"
    if n_files < TOO_FEW_FILES:
        yield fault("limits", text, f"raise it: ulimit -Hn {FEW_FILES}, or ask the administrator")
    elif n_files < FEW_FILES:
        yield warning(
            "limits", text, f"raise it to {FEW_FILES} or more: ulimit -Hn, or ask the administrator"
        )
    else:
        yield ok("limits", text)
    room = processes_room(root)
    limit = resource.getrlimit(resource.RLIMIT_NPROC)[0]
    if os.getuid() and limit != resource.RLIM_INFINITY:  # root has no such limit
        room = min(room, limit - _own_threads())
    text = "no limit of processes" if math.isinf(room) else f"room for {room:g} more processes and threads"
    if room < FEW_PROCESSES:
        yield warning("limits", text, "Ray has hundreds; raise ulimit -u, or the container's pids limit")
    else:
        yield ok("limits", text)


def _own_threads() -> int:
    total = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if folder.stat().st_uid == os.getuid():
                total += len(list((folder / "task").iterdir()))
        except OSError:  # it ended just now
            continue
    return total


def shared_memory(folder: Path = Path("/dev/shm")) -> Iterator[Finding]:
    """Look at whether Ray's object store has room where it is fast."""
    free = shutil.disk_usage(folder).free if folder.is_dir() else 0
    text = f"{free / 1e6:.0f} MB free in {folder}"
    # Ray then falls back to a folder on a disk, and says so in a log only.
    if free < OBJECT_STORE_BYTES:
        wish = (
            "delete what is in it, or give the container more "
            f"(docker: --shm-size={OBJECT_STORE_BYTES >> 20}m or more)"
        )
        yield warning(
            "shm", f"{text}; Ray's store of {OBJECT_STORE_BYTES / 1e6:.0f} MB would lie on a disk", wish
        )
    else:
        yield ok("shm", text)


def torch_and_gpu() -> Iterator[Finding]:
    """Import torch in another process and ask for its GPUs, which may take a process down."""
    try:
        found = ask_child("child_torch")
    except ResourceError as error:
        yield fault(
            "torch", f"cannot be imported: {error}", "install it again: pip install --force-reinstall torch"
        )
        return
    yield ok("torch", f"{found['version']}, {found['threads']} threads by default")
    # A driver without a usable torch is a mistake; neither is a laptop.
    has_driver = DRIVER.exists()
    if found["gpus"]:
        yield ok("gpu", f"{len(found['gpus'])}: {', '.join(found['gpus'])} (CUDA {found['cuda']})")
    elif not has_driver:
        yield ok("gpu", "none; runs train on CPUs")
    elif not found["cuda"]:
        yield warning(
            "gpu",
            "this torch is built without CUDA, but there is an NVIDIA driver",
            "install torch with CUDA",
        )
    else:
        reason = found["reason"] or "torch sees none"
        if "CUDA_VISIBLE_DEVICES" in os.environ:
            reason += f"; CUDA_VISIBLE_DEVICES is {os.environ['CUDA_VISIBLE_DEVICES']!r}"
        yield warning(
            "gpu", f"there is an NVIDIA driver, but no GPU to use: {reason}", "compare with: nvidia-smi"
        )


def compiler(names: Sequence[str], flags: Sequence[str]) -> Iterator[Finding]:
    """Let the compiler that the kernels of models/kernels would use read a line.

    Args:
        names: of compilers, the wanted ones first.
        flags: that the kernels are compiled with.
    """
    slower = "the torch form of the layers is used, which is slower"
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        yield warning("compiler", f"none of {', '.join(names)}; {slower}", "install g++")
        return
    try:
        done = subprocess.run(
            [path, *flags, "-x", "c++", "-fsyntax-only", "-"],
            input="#include <cmath>\n", capture_output=True, text=True, timeout=COMPILER_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        yield warning("compiler", f"{path}: {error}; {slower}", "install g++")
        return
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"code {done.returncode}"])[0]
        yield warning("compiler", f"{path} fails: {reason}; {slower}", "install g++ with its headers")
        return
    # Compiled code is loaded from there: whoever else may write to it could run as this user.
    kernels = cache_root() / "kernels"
    if kernels.exists() and (kernels.stat().st_uid != os.getuid() or kernels.stat().st_mode & 0o077):
        yield warning(
            "compiler", f"{kernels} is not yours alone; {slower}", f"chmod 700 {shlex.quote(str(kernels))}"
        )
    else:
        yield ok("compiler", f"{path}, kernels are kept in {kernels}")


def proxies() -> Iterator[Finding]:
    """Look for a proxy that would catch what is for this machine; its address may hold a password."""
    given = [name for low in PROXIES for name in (low, low.upper()) if os.environ.get(name)]
    if not given:
        yield ok("proxies", "none in the environment")
    # MLflow's client asks Python's urllib rules, no_proxy among them.
    elif all(urllib.request.proxy_bypass(host) for host in ("127.0.0.1", "localhost")):
        yield ok("proxies", f"{', '.join(given)}, not for this machine")
    else:
        yield warning(
            "proxies",
            f"{', '.join(given)} also for 127.0.0.1 and localhost; an MLflow server here may not be reached",
            "export no_proxy=127.0.0.1,localhost",
        )
