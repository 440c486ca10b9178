"""What a run may take of its machine's memory, and how to tell that it ran out of it.

The limit is the kernel's (RLIMIT_DATA), on what a process writes and nobody shares: heap, tensors, arrays,
stacks. Files that are mapped, such as prepared data, and a GPU's memory do not count.
"""

from __future__ import annotations

import errno
import gc
import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import torch

_STATUS = Path("/proc/self/status")
# What torch says on a CPU and on a GPU, and C++ code; all of it in RuntimeErrors of no type of their own.
_WORDS = ("can't allocate memory", "out of memory", "bad_alloc", "Cannot allocate memory")


class MemoryLimit:
    """A limit on what this process takes from here on; lifted where the run hands a result on.

    Args:
        n_bytes: the limit, or None for none.
        device: of the run; a GPU's own use of addresses is no part of it.
    """

    def __init__(self, n_bytes: int | None, device: torch.device) -> None:
        self._n_bytes = n_bytes
        if n_bytes is not None and device.type == "cuda":
            torch.zeros(1, device=device)  # CUDA reserves addresses by the gigabyte when it starts
        # So that the peak is this run's, and not that of one before in the same process.
        with suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        self._before = _read("VmRSS")
        self._soft, self._hard = resource.getrlimit(resource.RLIMIT_DATA)
        self._limit = self._soft
        if n_bytes is not None:
            others = [each for each in (self._soft, self._hard) if each != resource.RLIM_INFINITY]
            self._limit = min([_read("VmData") + n_bytes, *others])

    @contextmanager
    def held(self) -> Iterator[None]:
        """Have the limit in the block."""
        self._set(self._limit)
        try:
            yield
        finally:
            self._set(self._soft)

    @contextmanager
    def lifted(self) -> Iterator[None]:
        """Do without it for a while, inside of :meth:`held`."""
        self._set(self._soft)
        try:
            yield
        finally:
            self._set(self._limit)

    def told(self, error: BaseException) -> tuple[str, float]:
        """Say in one line that the memory is out, and how many MB the run took at its peak."""
        peak = max(_read("VmHWM") - self._before, 0)
        peak_mb = peak / 1e6
        allowed = (
            "" if self._n_bytes is None else f", {self._n_bytes / 1e6:.0f} MB allowed (resources.memory)"
        )
        why = " ".join(str(error).split()).partition("DefaultCPUAllocator: ")
        return f"out of memory: {peak_mb:.0f} MB at its peak{allowed}: {why[2] or why[0]:.200}", peak_mb

    def _set(self, soft: int) -> None:
        if self._n_bytes is not None:
            resource.setrlimit(resource.RLIMIT_DATA, (soft, self._hard))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error, or what it was raised from, says that memory is out, of this machine or its GPU."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    if isinstance(error, RuntimeError) and any(word in str(error) for word in _WORDS):
        return True
    return error.__cause__ is not None and is_out_of_memory(error.__cause__)


def give_back() -> None:
    """Free what a failed run has left in cycles, and the GPU's memory that nobody uses."""
    gc.collect()
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()


def _read(name: str) -> int:
    """One of the kernel's figures of this process, in bytes."""
    for line in _STATUS.read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    return 0
