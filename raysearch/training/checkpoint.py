"""Checkpoints of one run: written whole or not at all, and never read back damaged.

Each attempt writes to a folder of its own, so that a process that outlived its attempt cannot touch
what counts. A file's name ends with the SHA-256 of its content: the name is the manifest. Content is
plain tensors and values, read with ``weights_only=True``.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from raysearch.files import read_sound, sum_in_name, write_durably

Role = Literal["last", "best"]  # what a run goes on from, and what is evaluated in the end


def weights_sha256(weights: Mapping[str, Tensor]) -> str:
    """SHA-256 over names, types, shapes and bytes of a ``state_dict``."""
    digest = hashlib.sha256()
    for name, tensor in sorted(weights.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)};".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


class Checkpoints:
    """The checkpoints of one run.

    Args:
        run_folder: holds one folder per attempt.
        attempt: the attempt that writes; earlier ones are only read.
    """

    def __init__(self, run_folder: Path, attempt: int) -> None:
        self._run_folder = run_folder
        self._folder = run_folder / f"attempt-{attempt}"

    def save(self, role: Role, epoch: int, content: Mapping[str, Any]) -> Path:
        """Save a checkpoint and return its path."""
        buffer = io.BytesIO()
        torch.save(dict(content), buffer)
        blob = buffer.getvalue()
        path = self._folder / f"{role}-{epoch:05d}-{sum_in_name(blob)}.pt"
        write_durably(path, blob)
        return path

    def keep(self, role: Role, newest: int) -> None:
        """Delete all but the ``newest`` checkpoints of this attempt."""
        for path in sorted(self._folder.glob(f"{role}-*.pt"))[:-newest]:
            path.unlink(missing_ok=True)

    def newest(self, role: Role, epoch: int | None = None) -> tuple[Path, dict[str, Any]] | None:
        """Load the newest sound checkpoint (of one epoch, if given) over all attempts.

        A damaged file is renamed ``*.corrupt`` and the one before it is taken.
        """
        pattern = f"attempt-*/{role}-{'*' if epoch is None else f'{epoch:05d}'}-*.pt"
        for path in sorted(self._run_folder.glob(pattern), key=lambda path: path.name, reverse=True):
            content = load_checkpoint(path)
            if content is not None:
                return path, content
        return None


def load_checkpoint(path: Path) -> dict[str, Any] | None:
    """Load one checkpoint, or None if it is gone or does not match its name's SHA-256.

    Raises:
        StorageError: it is there and cannot be read.
    """
    blob = read_sound(path)
    if blob is None:
        return None
    return torch.load(io.BytesIO(blob), map_location="cpu", weights_only=True)
