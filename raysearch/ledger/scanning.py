"""The bytes of a ledger as entries: sealed, scanned, and what this process has scanned already not again."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import zlib
from dataclasses import dataclass
from pathlib import Path

from raysearch.errors import StorageError
from raysearch.ledger.entries import Entry, from_json, to_json

_SEAL = ',"crc":"00000000"}\n'  # of one length always, so that the body is what is before it


def seal(entry: Entry) -> bytes:
    """Write one line: the entry's JSON with the CRC-32 of all before it as last key."""
    # Of the bytes and not of the values: a reader checks before it parses. No NaN, which JSON does not have.
    body = json.dumps(to_json(entry), allow_nan=False, separators=(",", ":")).encode()[:-1]
    return body + f',"crc":"{zlib.crc32(body):08x}"}}\n'.encode()


def unseal(line: bytes) -> Entry | None:
    """Read one line back, or None when its checksum does not hold."""
    body, tail = line[: -len(_SEAL)], line[-len(_SEAL) :]
    if tail != f',"crc":"{zlib.crc32(body):08x}"}}\n'.encode():
        return None
    return from_json(json.loads(body + b"}"))


@dataclass(frozen=True)
class _Part:
    """The part of a ledger that was scanned last: so many bytes of it, their sum, and their entries."""

    size: int
    sha256: bytes
    entries: tuple[Entry, ...]


_scanned: list[_Part] = []  # one at most: a resume reads its ledger five times, a mirror every few seconds


def scan(content: bytes, path: Path) -> tuple[list[Entry], int]:
    """Return the entries and the length in bytes of the good part.

    What begins with the very bytes that were scanned last is scanned from there on.

    Raises:
        StorageError: damage before the last line.
    """
    entries, position = _scanned_part(content)
    # A record holds no raw line feed (JSON escapes them), so one in damaged bytes can only end a line early.
    for line in re.findall(rb"[^\n]*\n|[^\n]+", content[position:]):
        entry = unseal(line)
        if entry is None:
            if not line.endswith(b"\n") and unseal(line[:-1] + b"\n") is None:
                break  # a prefix of a line: its writer was killed before the record counted
            raise StorageError(
                f"{path}: damaged at byte {position}, after record {len(entries) - 1}. Nothing was changed; "
                f"restore the file from a copy, or keep the part before that byte: {_repair(path.parent)}"
            )
        if entry.seq != len(entries):  # lines lost, doubled or of another file have right checksums too
            raise StorageError(
                f"{path}: record {entry.seq} at byte {position} where {len(entries)} was expected; "
                f"restore the file from a copy, or keep the part before that byte: {_repair(path.parent)}"
            )
        entries.append(entry)
        position += len(line)
    _scanned[:] = [_Part(position, hashlib.sha256(content[:position]).digest(), tuple(entries))]
    return entries, position


def _scanned_part(content: bytes) -> tuple[list[Entry], int]:
    """What is known of the content already, and its length: nothing, if one bit of it has changed."""
    for part in _scanned:
        if hashlib.sha256(content[: part.size]).digest() == part.sha256:
            return list(part.entries), part.size
    return [], 0


def _repair(folder: Path) -> str:
    """The command that cuts a damaged ledger."""
    # With --runs always: which folder of studies it is does not concern a ledger, nor whether of a series.
    return f"raysearch repair {folder.name} --runs {shlex.quote(str(folder.parent))}"
