"""What the report needs of a type of shown values: the contract of the rooms in this folder.

A part is made of the values of one type that the models of a trial's runs (folds, repeats) show of one test
set. The rest of the report knows parts by this contract only, and a further type is one file here and one
line in ``PARTS``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, NamedTuple, Self, TypeVar

import numpy as np

from raysearch.ledger.history import History
from raysearch.ledger.run_records import Tested
from raysearch.report.blocks import Block, Cell
from raysearch.report.measured import Measured
from raysearch.report.published import Published

V = TypeVar("V")


class Words(NamedTuple):
    """A figure's name for people: in tables of a page, and in those of a terminal."""

    long: str
    short: str


class Title(NamedTuple):
    """A figure's name in a table that has a column for the class, which is empty for figures without one."""

    figure: str
    of: str = ""


Tile = tuple[str, str, str]  # label, value, detail


@dataclass(frozen=True)
class Headline:
    """What stands in the first screen of a report.

    Attributes:
        told: the end of a sentence that begins with the test set: ``its accuracy is 0.75``.
        tiles: key figures.
    """

    told: str
    tiles: tuple[Tile, ...]


@dataclass(frozen=True)
class About:
    """Where values come from.

    Attributes:
        history: the study's.
        tests: records of the evaluations, one for each run.
        units: what the data consist of, such as ``jets``.
        place: of the values among those of their type that have a part each, from 0.
        several: whether there are more of their type.
    """

    history: History
    tests: tuple[Tested, ...]
    units: str
    place: int = 0
    several: bool = False

    @property
    def word(self) -> str:
        """What tells the runs apart: ``fold`` or ``repeat``."""
        return self.history.created.run_word

    @property
    def n_test(self) -> str:
        """How large the test set is, in words."""
        return f"{self.tests[0].n_test:,} {self.units}"

    def named(self, name: str) -> str:
        """A name that only one part of the page has: of its pictures, and of its figures."""
        return in_place(name, self.place)


def in_place(name: str, place: int) -> str:
    """A name that is there once although it is of several things, of which the first has it as it is."""
    return f"{name}-{place + 1}" if place else name


class Part(ABC, Generic[V]):
    """The values of one type that a trial's runs show.

    Class attributes:
        MAIN: the few figures that tell how good a model is.
        LEADING: the one of them that is drawn over what a series varies; empty for none.
        ERROR: what the uncertainty of a figure of one model is.
        TOGETHER: whether all values of a type make one part; else each makes its own.
        COMBINED: whether figures are made of all runs, which then have to be of one test set; else the first
            run's values are shown.
    """

    MAIN: ClassVar[Mapping[str, Words]] = {}
    LEADING: ClassVar[str] = ""
    ERROR: ClassVar[str] = "one sigma of the test set's size"
    TOGETHER: ClassVar[bool] = False
    COMBINED: ClassVar[bool] = True

    about: About

    @classmethod
    @abstractmethod
    def evaluate(cls, runs: Sequence[Sequence[V]], about: About) -> Self:
        """Evaluate values, of each run as many in the same order.

        Raises:
            InputError: they cannot be evaluated; says why.
        """

    @property
    @abstractmethod
    def first(self) -> V:
        """The first value of the first run."""

    @staticmethod
    @abstractmethod
    def truth(value: V) -> np.ndarray:
        """What was to be predicted; the same for all models on one test set."""

    @staticmethod
    @abstractmethod
    def answer(value: V) -> np.ndarray:
        """What a model says; models that say the same to the last bit are warned of."""

    @abstractmethod
    def figures(self) -> dict[str, Measured]:
        """All figures by name, also those that papers print."""

    @property
    def subject(self) -> str:
        """What the values are of, by which several of one type are told apart; empty where nothing does."""
        return ""

    def titles(self) -> Mapping[str, Title]:
        """How to write the names of figures that papers print."""
        return {}

    @abstractmethod
    def headline(self) -> Headline | None:
        """What to say of it first; None for nothing."""

    @abstractmethod
    def blocks(self) -> list[Block]:
        """Its figures and tables in the report of one study."""

    @classmethod
    @abstractmethod
    def compared(cls, sides: Sequence[Side[Any]]) -> list[Block]:
        """Several studies side by side; at least one."""

    @classmethod
    def caveats(cls, entries: Sequence[Published]) -> list[str]:  # noqa: ARG003 - for subclasses
        """What a reader must know of published figures of this type before comparing."""
        return []


class Examples(Part[V]):
    """Examples to look at, those of the first run: there is nothing in them to measure or to compare."""

    COMBINED: ClassVar[bool] = False

    def figures(self) -> dict[str, Measured]:
        """None."""
        return {}

    def headline(self) -> Headline | None:
        """None."""
        return None

    @classmethod
    def compared(cls, sides: Sequence[Side[Any]]) -> list[Block]:  # noqa: ARG003 - nothing to compare
        """Nothing: examples stand in the reports of the studies."""
        return []


P = TypeVar("P", bound=Part[Any])


@dataclass(frozen=True)
class Side(Generic[P]):
    """One study beside others.

    Attributes:
        name: as the page has it.
        link: its name, with a link to its own report where there is one.
        part: its values of the type that is compared.
        figures: all its figures by name.
        published: what papers report for its space.
        place: among the subjects that are compared, from 0.
    """

    name: str
    link: Cell
    part: P
    figures: Mapping[str, Measured]
    published: Sequence[Published]
    place: int = 0
