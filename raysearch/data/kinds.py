"""The kinds of data that raysearch reads: a new one is a folder with its ``kind.py``, and a line here.

Light to import, for the command line's help: the readers are loaded by the functions that need them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from raysearch.data.clouds import kind as clouds
from raysearch.data.clouds.summary import CloudSummary
from raysearch.data.digits import kind as digits
from raysearch.data.digits.summary import DigitSummary
from raysearch.data.hits import kind as hits
from raysearch.data.hits.summary import HitSummary
from raysearch.data.jets import kind as jets
from raysearch.data.jets.summary import JetSummary
from raysearch.data.showers import kind as showers
from raysearch.data.showers.summary import ShowerSummary
from raysearch.data.summary import FileSummary

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from raysearch.data.paths import DataPath
    from raysearch.data.source import DataSource

    Events = tuple[NDArray[np.int64] | None, NDArray[np.int64]]


@dataclass(frozen=True)
class DataKind:
    """How files of one kind are found, checked, parted and made. A path of None means the sample that ships.

    Attributes:
        noun: what one example is called, such as ``jet``; most kinds are named by the plural.
        summary: what ``check`` returns.
        files: lists the files at a path; raises InputError if there are none.
        check: reads every value of the files at a path; raises InputError with every fault.
        events: reads what decides parts and folds: event numbers (example,), or None where files have none,
            and the place of each example's file among the files (example,).
        always_by_event: whether every example has an event number, its file's or one of its own, so that
            there is nothing to tell about how a sample is parted.
        lacking: tells what parts lack that a study needs, such as jets of a class.
        make: makes new files in the folder ``out``, or None. Its other parameters are options of ``raysearch
            data make``, each annotated with its help, one of them named as the examples: how many;
            ``progress`` is called with (made, asked for). Returns the files.
    """

    noun: str
    summary: type[FileSummary]
    files: Callable[[DataPath], list[Path]]
    check: Callable[[DataPath], FileSummary]
    events: Callable[[DataPath], Events]
    always_by_event: bool = False
    lacking: Callable[[DataPath, DataSource], Iterable[str]] = lambda *_: ()
    make: Callable[..., list[Path]] | None = None

    @property
    def examples(self) -> str:
        """What several examples are called, such as ``jets``."""
        return f"{self.noun}s"


KINDS: dict[str, DataKind] = {
    "jets": DataKind(
        "jet", JetSummary, jets.files, jets.check, jets.events, lacking=jets.lacking, make=jets.make
    ),
    "showers": DataKind(
        "shower",
        ShowerSummary,
        showers.files,
        showers.check,
        showers.events,
        always_by_event=True,
        make=showers.make,
    ),
    "hits": DataKind(
        "event", HitSummary, hits.files, hits.check, hits.events, always_by_event=True, make=hits.make
    ),
    "digits": DataKind(
        "digit", DigitSummary, digits.files, digits.check, digits.events, always_by_event=True
    ),
    "clouds": DataKind("jet", CloudSummary, clouds.files, clouds.check, clouds.events, always_by_event=True),
}
