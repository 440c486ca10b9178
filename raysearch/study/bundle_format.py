"""What a bundle of a study or series may hold, and its manifest.

The first member, ``bundle.json``, names every other one, in order, with size and SHA-256. All
lie in a folder with the name of the study or series. They are plain files under the paths of
:data:`FILE_KINDS`, none of which is code.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from raysearch.space.series_file import FILE as SERIES
from raysearch.study.folders import NAME

FORMAT = 1  # of a higher one only the number is understood, to say that it is higher
SUFFIX = ".raysearch.tar.gz"
MANIFEST = "bundle.json"
CHUNK = 1 << 20

Progress = Callable[[int, int], None]

MEMBER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,79}")  # of a series; its values make its name
# Bounded everywhere: a path of a bundle becomes one on disk, whoever wrote it.
_REPORT = re.compile(r"report/(index\.html|report\.md|figures/\w[\w.-]{0,79}\.(svg|pdf))")
CHECKPOINT = re.compile(
    r"trials/[0-9]{1,9}/fold-[0-9]{1,9}/attempt-[0-9]{1,9}/(best|last)-[0-9]{5,9}-([0-9a-f]{32})\.pt"
)
PREDICTIONS = re.compile(r"test/predictions-[0-9]{1,9}-[0-9]{1,9}\.npz")
FILE_KINDS = {  # all that a study's folder may hold in a bundle
    "ledger": re.compile(r"ledger\.jsonl|space\.yaml"),
    "report": _REPORT,
    "best model": re.compile(r"best/(fold-[0-9]{1,9}/)?model\.(pt|json)"),
    "checkpoints": CHECKPOINT,
    "test predictions": PREDICTIONS,
    "prunings": re.compile(
        rf"{NAME.pattern}/(table\.json|report\.md|model\.(pt|json)|rounds/round-[0-9]{{1,9}}\.pt)"
    ),
}


class Listed(BaseModel):
    """A file of a bundle: its path in the folder of the study or series, and what it must be."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    path: str
    size: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Manifest(BaseModel):
    """What a bundle holds.

    Attributes:
        format: of the bundle.
        raysearch: version that wrote it.
        name: of the study or series.
        studies: names of the studies, of a series SERIES/MEMBER.
        files: in the order of the members.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    format: int
    raysearch: Annotated[str, Field(pattern=r"^[\w.+-]{1,40}$")]
    name: str
    studies: list[str]
    files: list[Listed]

    @property
    def n_bytes(self) -> int:
        """Bytes of all files."""
        return sum(listed.size for listed in self.files)

    @property
    def is_series(self) -> bool:
        """Whether it is of a series."""
        return any(listed.path == SERIES for listed in self.files)

    def by_kind(self) -> dict[str, tuple[int, int]]:
        """Number and bytes of the files of each kind."""
        counts: dict[str, tuple[int, int]] = {}
        for listed in self.files:
            kind = kind_of(listed.path, in_series=self.is_series) or ""
            number, size = counts.get(kind, (0, 0))
            counts[kind] = (number + 1, size + listed.size)
        return counts


def kind_of(path: str, *, in_series: bool) -> str | None:
    """Tell what a file is by its path in the folder of a study, or of a series; None: no part of it."""
    if in_series:
        if path == SERIES:
            return "ledger"
        if _REPORT.fullmatch(path):
            return "report"
        member, _, path = path.partition("/")
        if not MEMBER.fullmatch(member):
            return None
    return next((kind for kind, pattern in FILE_KINDS.items() if pattern.fullmatch(path)), None)


class Counter:
    """Adds up the bytes that are done, for whoever shows them."""

    def __init__(self, progress: Progress, n_bytes: int) -> None:
        self._progress, self._n_bytes, self._done = progress, n_bytes, 0

    def add(self, n_bytes: int) -> None:
        """Count so many more."""
        self._done += n_bytes
        self._progress(self._done, self._n_bytes)
