"""Prepared arrays of files: under their content's sums, and of that content only."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from raysearch.data.files import content_sha256
from raysearch.data.paths import names_of
from raysearch.data.prepared import Arrays, Plan, prepared
from raysearch.errors import InputError


class Began:
    """The files of a study as it began with them.

    Args:
        sha256: their sums by name.

    Attributes:
        served: names of files of which arrays of that content were given, whatever lies there now.
    """

    def __init__(self, sha256: Mapping[str, str]) -> None:
        self.sha256, self.served = sha256, set[str]()

    @property
    def serves_all(self) -> bool:
        """Whether arrays of all the study's files were given."""
        return self.served == set(self.sha256)


_NO_STUDY = Began({})
_began = ContextVar("began", default=_NO_STUDY)


@contextmanager
def as_it_began(sha256: Mapping[str, str]) -> Iterator[Began]:
    """Have arrays prepared inside that are of this content, by name of a file, and of no other.

    A run whose arrays are at hand then needs no look at the files: they may be gone, or be replaced.
    """
    began = Began(sha256)
    token = _began.set(began)
    try:
        yield began
    finally:
        _began.reset(token)


def wanted_sums(files: Sequence[Path]) -> list[str]:
    """Sums of files: of those that the study knows, which it began with, of others what they have."""
    sha256 = _began.get().sha256
    names = names_of(list(files))
    return [sha256.get(name) or content_sha256(file) for name, file in zip(names, files, strict=True)]


def prepared_of_files(files: Sequence[Path], identity: Mapping[str, Any], plan: Callable[[], Plan]) -> Arrays:
    """Map arrays that are made of files; see :func:`raysearch.data.prepared.prepared`.

    Args:
        files: in order; by content, not by path: the same files elsewhere need no second copy.
        identity: plain values that decide the arrays beside the files' content.
        plan: called if the cache does not hold them.

    Raises:
        InputError: the plan refuses a file, or one has other content than it is to have, or was changed
            while it was read.
        StorageError: the cache cannot hold them, and they are too large for memory.
    """
    began, sums = _began.get(), wanted_sums(files)

    def watched() -> Plan:
        made = plan()

        def pieces() -> Iterator[Mapping[str, NDArray[Any]]]:
            yield from made.pieces()
            # Else arrays of other content would lie in the cache under these sums.
            if changed := [
                file for file, wanted in zip(files, sums, strict=True) if content_sha256(file) != wanted
            ]:
                raise InputError(*(f"{file}: was changed while it was read" for file in changed))

        return Plan(made.arrays, pieces)

    arrays = prepared({**identity, "files": sums}, watched)
    began.served.update(name for name in names_of(list(files)) if name in began.sha256)
    return arrays


def served() -> frozenset[str]:
    """Names of the study's files whose arrays were given so far, to be kept with what was made of them."""
    return frozenset(_began.get().served)


def serve_again(names: Collection[str]) -> None:
    """Say that what was kept of such arrays is given once more."""
    _began.get().served.update(names)
