"""Records of a study as a whole: how it began, who took it up, what was changed of it, why it was let go."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from raysearch.ledger.record import Record

OUT_OF_TIME = "out of time"
TEST_FAILED = "test failed"


@dataclass(frozen=True, kw_only=True)
class Created(Record):
    """The study begins: all that decides its results.

    Attributes:
        study: the study's name.
        space_file: the checked space file, complete with defaults.
        identity: SHA-256 over what decides the results.
        task_sha256: of the user's own task file, else empty.
        objective: what is searched, the first of several: a validation metric.
        maximise: whether more of it is better.
        others: further objectives, a name to whether more is better; a metric, or a fact counted from the
            model.
        window: trials asked ahead of the oldest uncommitted one.
        folds: runs per trial.
        data: what was read: ``files`` (name -> SHA-256), ``split_by``, ``n_train`` and so on.
        inspected: the task's settings at which it told so.
        code: the user's own task, and what it imports from beside it: path in the task's folder -> SHA-256.
        settings: names of the searched settings, in order.
        series: the series of studies it belongs to, or empty.
    """

    kind: ClassVar[str] = "created"
    study: str
    space_file: dict[str, Any]
    identity: str
    task_sha256: str
    objective: str
    maximise: bool
    window: int
    folds: int
    data: dict[str, Any]
    settings: list[str]
    # Fields with a default came later: a ledger of before them is read as if they had been at it.
    others: dict[str, bool] = field(default_factory=dict)
    series: str = ""
    inspected: dict[str, Any] = field(default_factory=dict)
    code: dict[str, str] = field(default_factory=dict)

    @property
    def run_word(self) -> str:
        """What tells a trial's runs apart: a ``fold`` of the data or, by the seed alone, a ``repeat``."""
        return "repeat" if self.space_file.get("budget", {}).get("repeats", 1) > 1 else "fold"


@dataclass(frozen=True, kw_only=True)
class Opened(Record):
    """A process has taken the study up; ``session`` counts from 1.

    ``folder`` and ``inode`` (of the ledger's file) say where it lay; see :mod:`raysearch.ledger.place`.
    """

    kind: ClassVar[str] = "opened"
    session: int
    host: str
    pid: int
    slots: int
    versions: dict[str, str]
    cpu: str
    folder: str = ""
    inode: int = 0


@dataclass(frozen=True, kw_only=True)
class Extended(Record):
    """The user wants ``trials`` more trials."""

    kind: ClassVar[str] = "extended"
    trials: int


@dataclass(frozen=True, kw_only=True)
class Widened(Record):
    """The window is ``window`` from here on."""

    kind: ClassVar[str] = "widened"
    window: int


@dataclass(frozen=True, kw_only=True)
class Allotted(Record):
    """The study's folder may hold ``disk`` from here on, a size such as ``4 GB``."""

    kind: ClassVar[str] = "allotted"
    disk: str


@dataclass(frozen=True, kw_only=True)
class Recoded(Record):
    """Runs that start from here on are carried out by this code, as ``code`` of :class:`Created`."""

    kind: ClassVar[str] = "recoded"
    code: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Limited(Record):
    """Other limits of time and memory hold from here on.

    Attributes:
        limits: of ``time``, ``run_time``, ``silence`` and ``memory`` those that change, as people write them;
            None for no limit.
    """

    kind: ClassVar[str] = "limited"
    limits: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Closed(Record):
    """The process let the study go.

    Attributes:
        reason: ``finished``, ``stopped`` (a signal), ``out of time``, ``disk budget``, ``changed`` (data or
            code are not those it began with), ``cluster lost`` or ``gave up``.
        signal: the one that stopped it, such as ``SIGHUP``, or empty.
    """

    kind: ClassVar[str] = "closed"
    reason: str
    signal: str = ""
