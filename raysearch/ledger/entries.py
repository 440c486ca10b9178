"""Entries of a ledger: a record in its place, to JSON and back, checked."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal, get_args, get_origin, get_type_hints

from raysearch.errors import StorageError
from raysearch.ledger.asking_records import Asked, Exhausted, Reached, Redrawn
from raysearch.ledger.copied import Copied
from raysearch.ledger.mending_records import Redone, Retried, WeightsLost
from raysearch.ledger.record import Record
from raysearch.ledger.run_records import Committed, Ended, Epoch, Lost, Started, Tested
from raysearch.ledger.study_records import (
    Allotted,
    Closed,
    Created,
    Extended,
    Limited,
    Opened,
    Recoded,
    Widened,
)

Json = bool | int | float | str | None | list[Any] | dict[str, Any]

RECORD_KINDS: dict[str, type[Record]] = {
    record.kind: record
    for record in (
        Created, Opened, Extended, Widened, Allotted, Limited, Recoded, Asked, Started,
        Epoch, Ended, Lost, Committed, Tested, Closed, WeightsLost, Redone, Retried, Copied,
        Redrawn, Exhausted, Reached,
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
        if path.startswith("/") or "\0" in path or ".." in path.split("/"):
            raise StorageError(f"record {seq} names the file {path!r}, which is not in the study's folder")
    return Entry(seq, time_ms, record)
