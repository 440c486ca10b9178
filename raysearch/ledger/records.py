"""What a ledger can say: one frozen dataclass per kind of record, plain values only.

Numbers: ``trial`` counts from 0 in the order of asking, ``fold`` from 0, ``attempt`` from 1 (a run
that is started again after a kill has a new attempt; results of an older attempt are refused).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import PurePosixPath
from typing import Any, ClassVar, Literal, get_args, get_origin, get_type_hints

from raysearch.errors import StorageError
from raysearch.ledger.asking_records import Exhausted, Redrawn
from raysearch.ledger.copied import Copied
from raysearch.ledger.mending_records import Redone, Retried, WeightsLost
from raysearch.ledger.record import Record

RunState = Literal["finished", "pruned", "refused", "failed"]
Json = bool | int | float | str | None | list[Any] | dict[str, Any]


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
class Asked(Record):
    """The search proposed the searched ``settings`` of a trial.

    Attributes:
        n_committed_when_asked: trials that were committed by then, ``known`` in the file. Whatever is decided
            about this trial while it runs (to prune it) is decided from those alone, so that it does not
            depend on who finishes first.
        given: whether the user chose the settings (``search.enqueue``), and not the search.
        parent: the trial whose weights its runs begin from, each fold from the parent's; None to begin anew.
        drawn: 0 for the search's own proposal; else the search had come to nothing that may be run, and the
            settings are number ``drawn`` of those drawn at random in its place.
    """

    kind: ClassVar[str] = "asked"
    on_disk: ClassVar[Mapping[str, str]] = {"n_committed_when_asked": "known"}
    trial: int
    settings: dict[str, Any]
    n_committed_when_asked: int = 0
    given: bool = False
    parent: int | None = None
    drawn: int = 0


@dataclass(frozen=True, kw_only=True)
class Started(Record):
    """An attempt at a run was handed out."""

    kind: ClassVar[str] = "started"
    trial: int
    fold: int
    attempt: int


@dataclass(frozen=True, kw_only=True)
class Epoch(Record):
    """A run finished an epoch (counted from 1); metrics are those that are finite."""

    kind: ClassVar[str] = "epoch"
    trial: int
    fold: int
    attempt: int
    epoch: int
    seconds: float
    metrics: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Ended(Record):
    """A run is over.

    Attributes:
        state: ``finished``; ``pruned``, for it was too far behind; ``refused``, for its model is over a
            limit, and was not trained; or ``failed``.
        value: the objective at the best epoch; None when failed or refused.
        metrics: all validation metrics at the best epoch that are finite.
        best_epoch: the epoch whose weights are kept; None when failed.
        epochs: epochs trained.
        weights: path of the best epoch's checkpoint inside the study's folder, empty when failed.
        weights_sha256: over names, shapes and bytes of the best epoch's weights.
        failure: empty, or why it did not finish: ``nonfinite``, ``error``, ``lost``, ``limit``, ``time``
            (over ``budget.run_time``), ``hung``, ``oom`` (out of memory).
        message: one line about that, for the user; of a run that finished, what was left out on the way.
        facts: counted from the real model and run: ``parameters``, ``mflop``, ``device`` and so on.
    """

    kind: ClassVar[str] = "ended"
    trial: int
    fold: int
    attempt: int
    state: RunState
    value: float | None
    metrics: dict[str, float]
    best_epoch: int | None
    epochs: int
    weights: str
    weights_sha256: str
    seconds: float
    failure: str = ""
    message: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Lost(Record):
    """An attempt vanished without a result (its process was killed); the run is to do again.

    Attributes:
        reason: what was heard of it.
        to_blame: whether it may have been the run's own fault; after three such losses it has failed.
    """

    kind: ClassVar[str] = "lost"
    trial: int
    fold: int
    attempt: int
    reason: str
    to_blame: bool = True


@dataclass(frozen=True, kw_only=True)
class Committed(Record):
    """A trial's result is final and was told to the search.

    Attributes:
        value: the objective's mean over the folds; of a pruned trial over those that were looked at.
        others: the means of the further objectives.
        folds: how many folds were looked at; what later ones say, if they were run at all, is not known here.
    """

    kind: ClassVar[str] = "committed"
    trial: int
    state: RunState
    value: float | None
    folds: int = 1
    others: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Tested(Record):
    """The model of one fold of the best trial was applied to the test set.

    Attributes:
        trial, fold: the run whose model it is.
        metrics: test metrics.
        predictions: file with labels and scores, inside the study's folder.
        predictions_sha256: of that file.
        n_test: jets (events, showers) in the test set.
        message: which metrics are left out, as they are no finite numbers, or empty.
        latency: of inference as measured then: ``ms`` (median of repeats) for a ``batch``, ``device``,
            ``threads``.
    """

    kind: ClassVar[str] = "tested"
    trial: int
    metrics: dict[str, float]
    predictions: str
    predictions_sha256: str
    n_test: int
    fold: int = 0
    latency: dict[str, Any] = field(default_factory=dict)
    message: str = ""


OUT_OF_TIME = "out of time"


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


RECORD_KINDS: dict[str, type[Record]] = {
    record.kind: record
    for record in (
        Created, Opened, Extended, Widened, Allotted, Limited, Recoded, Asked, Started,
        Epoch, Ended, Lost, Committed, Tested, Closed, WeightsLost, Redone, Retried, Copied,
        Redrawn, Exhausted,
    )
}  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """A record with its place in the ledger; ``time_ms`` (Unix time) is for people, never for order."""

    seq: int
    time_ms: int
    record: Record


_SIMPLE: dict[Any, Callable[[Any], bool]] = {
    Any: lambda _: True,
    # JSON has one kind of number, so a float that is whole may come back as an int.
    float: lambda value: type(value) in {int, float} and math.isfinite(value),
}


def _check_for(hint: Any) -> Callable[[Any], bool]:  # noqa: ANN401 - an annotation
    """Make what tells whether a value of a JSON file is what a field is annotated with."""
    # Made once for each field: every resume, report and look of a mirror reads all records of a ledger.
    origin = get_origin(hint)
    inner = [] if origin is Literal else [_check_for(each) for each in get_args(hint)]
    if origin is dict:
        return lambda value: type(value) is dict and all(map(inner[1], value.values()))
    if origin is list:
        return lambda value: type(value) is list and all(map(inner[0], value))
    if origin is Literal:
        return lambda value: value in get_args(hint)
    if hint in _SIMPLE:
        return _SIMPLE[hint]
    if inner:
        return lambda value: any(check(value) for check in inner)
    return lambda value: type(value) is hint  # not isinstance: True would pass for a trial's number


_CHECKS = {
    kind: {
        name: _check_for(hint)
        for name, hint in get_type_hints(record).items()
        if get_origin(hint) is not ClassVar
    }
    for kind, record in RECORD_KINDS.items()
}
_FIELDS = {  # of each kind of record, by their keys in the file, those that are called otherwise there
    kind: {key: name for name, key in record.on_disk.items()} for kind, record in RECORD_KINDS.items()
}


def to_json(entry: Entry) -> dict[str, Json]:
    """Write an entry as plain values: ``seq``, ``time_ms``, ``kind`` and the record's own fields."""
    keys = entry.record.on_disk
    fields = {keys.get(name, name): value for name, value in asdict(entry.record).items()}
    return {"seq": entry.seq, "time_ms": entry.time_ms, "kind": entry.record.kind, **fields}


def from_json(content: Mapping[str, Any]) -> Entry:
    """Read an entry back; its values have their types and its paths stay in the folder, whoever wrote it.

    Raises:
        StorageError: a kind or fields that this version does not know, or a path that leads elsewhere.
    """
    fields = dict(content)
    try:
        seq, time_ms, kind = fields.pop("seq"), fields.pop("time_ms"), fields.pop("kind")
        fields = {_FIELDS[kind].get(key, key): value for key, value in fields.items()}
        record = RECORD_KINDS[kind](**fields)
        wrong = [name for name, value in fields.items() if not _CHECKS[kind][name](value)]
        if wrong or type(seq) is not int or type(time_ms) is not int:
            raise TypeError(f"no {wrong[0] if wrong else 'place and time'} of a record")
    except (KeyError, TypeError) as error:
        raise StorageError(
            f"record {content.get('seq')!r} of kind {content.get('kind')!r} is not one this version knows "
            f"({error})"
        ) from error
    # Others open, copy and delete what the ledger names, so that no name may lead out of the study's folder.
    for path in (fields.get("weights", ""), fields.get("predictions", ""), *fields.get("code", {})):
        if path.startswith("/") or "\0" in path or ".." in PurePosixPath(path).parts:
            raise StorageError(f"record {seq} names the file {path!r}, which is not in the study's folder")
    return Entry(seq, time_ms, record)
