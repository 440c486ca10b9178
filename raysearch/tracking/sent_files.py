"""The files of a study that MLflow gets: its space file, its best model and its report."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path


def files_of(folder: Path) -> Iterator[Path]:
    """Those that are there now."""
    wanted: Sequence[Path] = [folder / "space.yaml", folder / "best/model.pt", folder / "best/model.json"]
    for file in [*wanted, *sorted((folder / "report").rglob("*"))]:
        if file.is_file() and not file.is_symlink():
            yield file


def digest_of(folder: Path) -> str:
    """Tell whether files changed by what a look at the folder gives: names, sizes and times."""
    digest = hashlib.sha256()
    for file in files_of(folder):
        facts = file.stat()
        digest.update(f"{file.relative_to(folder)}:{facts.st_size}:{facts.st_mtime_ns}\n".encode())
    return digest.hexdigest()
