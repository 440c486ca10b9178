"""Prepared arrays of files: under their content's sums, and of that content only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from raysearch.data.files import content_sha256
from raysearch.data.prepared import Arrays, Plan, prepared
from raysearch.errors import InputError


def prepared_of_files(files: Sequence[Path], identity: Mapping[str, Any], plan: Callable[[], Plan]) -> Arrays:
    """Map arrays that are made of files; see :func:`raysearch.data.prepared.prepared`.

    Args:
        files: in order; by content, not by path: the same files elsewhere need no second copy.
        identity: plain values that decide the arrays beside the files' content.
        plan: called if the cache does not hold them.

    Raises:
        InputError: the plan refuses a file, or one was changed while it was read.
        StorageError: the cache cannot hold them, and they are too large for memory.
    """
    before = [content_sha256(file) for file in files]

    def watched() -> Plan:
        made = plan()

        def pieces() -> Iterator[Mapping[str, NDArray[Any]]]:
            yield from made.pieces()
            # Else arrays of the new content would lie in the cache under the sums of the old one.
            if changed := [
                file for file, was in zip(files, before, strict=True) if content_sha256(file) != was
            ]:
                raise InputError(*(f"{file}: was changed while it was read" for file in changed))

        return Plan(made.arrays, pieces)

    return prepared({**identity, "files": before}, watched)
