"""What results come from beside the space file: versions of packages, the task's code, the processor."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
from pathlib import Path

PACKAGES = ("raysearch", "ray", "torch", "optuna", "nevergrad", "numpy", "mlflow", "h5py")
DECIDES_PROPOSALS = ("raysearch", "optuna", "nevergrad", "numpy", "scipy", "torch")


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide or show results."""
    return {
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in PACKAGES},
    }


def deciding_proposals() -> dict[str, str]:
    """Versions of what decides which settings a search proposes, and the processor that it computes on."""
    return {
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in DECIDES_PROPOSALS},
        "processor": cpu_model(),
    }


def task_sha256(reference: str) -> str:
    """SHA-256 of a user's own task file; empty for the package's tasks, whose version says it."""
    path, _, _ = reference.rpartition(":")
    return (
        hashlib.sha256(Path(path).read_bytes()).hexdigest()
        if path.endswith(".py") and Path(path).is_file()
        else ""
    )


def cpu_model() -> str:
    """Name of this machine's processor."""
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
