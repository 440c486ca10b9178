"""What a comparison of real and made data is asked, and what it finds, for all kinds of data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from raysearch.metrics.generation.itself import BesideItself


@dataclass(frozen=True)
class Asked:
    """Two sets of files, perhaps a third one, and how they are to be compared.

    Attributes:
        real: a file or a folder.
        made: the same, of what a generator made.
        other_real: more of the real ones, none of which is in ``real``; None: ``real`` is cut in halves.
        seed: of every random choice.
        published: whether networks and batches are as large as those of published figures.
        of_class: of all files only what is of this class; of made files that tell no classes all is.
        made_class: of made files only what is of this class, whatever ``of_class`` says.
        told: told what is done next.
    """

    real: Path
    made: Path
    other_real: Path | None = None
    seed: int = 0
    published: bool = False
    of_class: str | None = None
    made_class: str | None = None
    told: Callable[[str], None] = lambda _: None


@dataclass(frozen=True)
class Found:
    """What was found.

    Attributes:
        about: what was compared, and how, as words and numbers.
        values: name of a metric to its value and its floor, both ``Measured``, and how many rows on a side.
        refused: name of a metric to why it says nothing here.
        warnings: what a reader must know.
    """

    about: Mapping[str, str | int]
    values: Mapping[str, BesideItself]
    refused: Mapping[str, str]
    warnings: tuple[str, ...]
