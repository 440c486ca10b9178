"""A study or series as one file, to be opened on another machine: ``raysearch bundle``.

NAME.raysearch.tar.gz is a gzipped tar of plain files, which any tar opens; ``bundle_format.py`` says of which
ones. Tar and not zip, since a stream is checked from its first byte on and says once what it holds. The same
study gives the same bytes: files in the order of their names, without times and owners.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import secrets
import stat
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from raysearch import __version__
from raysearch.errors import FolderError, InputError, StorageError, StudyBusyError
from raysearch.files import lock, put_in_place, sync
from raysearch.ledger.history import History, read_history
from raysearch.ledger.kept import kept_trials
from raysearch.ledger.ledger import FILE_NAME
from raysearch.study.bundle_format import (
    CHECKPOINT,
    CHUNK,
    FORMAT,
    MANIFEST,
    MEMBER,
    Counter,
    Listed,
    Manifest,
    Progress,
    kind_of,
)
from raysearch.study.folders import NAME, has_begun, is_series

SMALL_BYTES = 100_000_000  # of checkpoints that go in unasked


_OF_THIS_MACHINE = re.compile(
    rf"(mirror|report)\.(log|lock)|hangup\.log|search-proof\.json|.*\.corrupt|{NAME.pattern}/trials/.*"
)
_CODE_KEPT = re.compile(r"code/[0-9a-f]{32}(\.json|/.+)")
_CODE, _RESUME, _FOREIGN, _LINKS, _DAMAGED, _GONE = (
    "code of the study's own task, which no bundle holds",
    "checkpoints that a resume goes on from; --all takes them",
    "no part of a study",
    "no plain files",
    "damaged checkpoints",
    "named by the ledger, but gone",
)


@dataclass(frozen=True)
class Packed:
    """A bundle that was written.

    Attributes:
        path: of the file.
        manifest: what it holds.
        left_out: why, to the paths and sizes in bytes of files that it does not hold.
    """

    path: Path
    manifest: Manifest
    left_out: dict[str, list[tuple[str, int]]]


def pack(
    folder: Path,
    out: Path,
    *,
    everything: bool = False,
    force: bool = False,
    progress: Progress = lambda *_: None,
) -> Packed:
    """Write a study or series into one file.

    Args:
        folder: of the study or series.
        out: the file.
        everything: take all checkpoints, not only those of the best models and others up to ``SMALL_BYTES``.
        force: replace ``out`` if it is there.
        progress: told bytes done and in all.

    Raises:
        InputError: the folder is a member of a series, or ``out`` is there already.
        StudyBusyError: a process is at work on it.
        StorageError: it cannot be read, or the file cannot be written; nothing is left of it then.
        FolderError: there is no writing where ``out`` is to be.
    """
    if is_series(folder.parent):
        series = folder.parent.name
        raise InputError(
            f"{series}/{folder.name} is a member of a series, which is bundled as a whole: "
            f"raysearch bundle {series}"
        )
    members = (
        [path for path in sorted(folder.iterdir()) if has_begun(path)] if is_series(folder) else [folder]
    )
    if strange := [
        member.name for member in members if member != folder and not MEMBER.fullmatch(member.name)
    ]:
        raise InputError(f"{folder}: no bundle holds a member called {strange[0]!r}")
    with ExitStack() as at_rest:
        for member in members:
            at_rest.enter_context(_held_at_rest(member))
        chosen, left_out = _choose(folder, members, everything=everything)
        # Twice the bytes, for all files are read twice: the manifest, which has their hashes,
        # comes before them.
        done = Counter(progress, 2 * sum(chosen.values()))
        files = []
        for path in sorted(chosen):
            listed = _list(folder, path, done)
            # A checkpoint's name ends with its hash: a damaged one would be refused only where it is opened.
            name = CHECKPOINT.search(path)
            if name and name[2] != listed.sha256[:32]:
                left_out.setdefault(_DAMAGED, []).append((path, listed.size))
            else:
                files.append(listed)
        names = [folder.name if member == folder else f"{folder.name}/{member.name}" for member in members]
        manifest = Manifest(
            format=FORMAT, raysearch=__version__, name=folder.name, studies=names, files=files
        )
        with _new_file(out, force=force) as file:
            _write(file, manifest, folder, done)
    return Packed(out, manifest, left_out)


@contextmanager
def _held_at_rest(study: Path) -> Iterator[None]:
    """Keep everybody from going on with a study or a pruning in it; many may hold it so at a time."""
    with ExitStack() as files:
        for path in (study / FILE_NAME, *study.glob("*/.lock")):
            try:
                file = files.enter_context(path.open("rb"))
                lock(file, shared=True)
            except OSError as error:
                raise StudyBusyError(
                    f"{path.parent}: a process is at work on it; bundle it when that has ended"
                ) from error
        yield


def _choose(
    folder: Path, members: Sequence[Path], *, everything: bool
) -> tuple[dict[str, int], dict[str, list[tuple[str, int]]]]:
    """Choose the files that go in (path in the folder -> bytes), and say of others why they do not."""
    in_series, needed = is_series(folder), set[str]()
    for member in members:
        needed |= {(member / path).relative_to(folder).as_posix() for path in _needed(read_history(member))}
    begun = {member.name for member in members}
    chosen: dict[str, int] = {}
    more: dict[str, int] = {}
    left_out: dict[str, list[tuple[str, int]]] = {}
    for path, facts in _walk(folder):
        first, _, inner = path.partition("/")
        if in_series and inner and first not in begun | {"report"}:
            continue  # a member that was killed before it began
        if _OF_THIS_MACHINE.fullmatch(inner if in_series and inner else path):
            continue
        kind = kind_of(path, in_series=in_series)
        if not stat.S_ISREG(facts.st_mode):
            left_out.setdefault(_LINKS, []).append((path, 0))
        elif kind is None:
            why = _CODE if _CODE_KEPT.fullmatch(inner if in_series and inner else path) else _FOREIGN
            left_out.setdefault(why, []).append((path, facts.st_size))
        elif kind == "checkpoints" and path not in needed:
            more[path] = facts.st_size
        else:
            chosen[path] = facts.st_size
    # Not an error: whoever has deleted weights may still want to hand on the figures.
    if gone := needed.difference(chosen):
        left_out[_GONE] = [(path, 0) for path in sorted(gone)]
    if everything or sum(more.values()) <= SMALL_BYTES:
        chosen |= more
    else:
        left_out[_RESUME] = sorted(more.items())
    return chosen, left_out


def _needed(history: History) -> set[str]:
    """Paths that the ledger names and commands read: weights of the trials that are kept, and predictions."""
    weights = {run.ended.weights for trial in kept_trials(history) for run in trial.runs if run.ended}
    return weights | {tested.predictions for tested, _ in history.tests}


def _walk(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Paths in a folder of all that is no folder, and what is known of them; not of hidden ones."""

    def fail(error: OSError) -> None:
        raise StorageError(f"{error.filename}: cannot be read: {error.strerror}") from error

    for root, folders, files in os.walk(folder, onerror=fail):
        # os.walk counts a link to a folder among the folders, and would pass over it without a word.
        links = [name for name in folders if (Path(root) / name).is_symlink()]
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted([*files, *links]):
            path = Path(root) / name
            if not name.startswith("."):
                try:
                    yield path.relative_to(folder).as_posix(), path.lstat()
                except OSError as error:
                    fail(error)


def _list(folder: Path, path: str, done: Counter) -> Listed:
    digest, size = hashlib.sha256(), 0
    for chunk in _chunks(folder / path):
        digest.update(chunk)
        size += len(chunk)
        done.add(len(chunk))
    return Listed(path=path, size=size, sha256=digest.hexdigest())


def _chunks(path: Path) -> Iterator[bytes]:
    try:
        # No link may lead a bundle to a file outside the study; a look at it beforehand could be outrun.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with open(handle, "rb") as file:  # noqa: PTH123
            while chunk := file.read(CHUNK):
                yield chunk
    except OSError as error:
        raise StorageError(f"{path}: cannot be read: {error.strerror}") from error


@contextmanager
def _new_file(out: Path, *, force: bool) -> Iterator[BinaryIO]:
    """Open a file that gets its name when it is whole and on disk."""
    # Named before it is there: a signal that comes as it is made leaves nothing behind.
    temporary = out.parent / f".raysearch-{secrets.token_hex(8)}"
    try:
        try:
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise FolderError(f"{out.parent}: cannot be written: {error.strerror}") from error
        with os.fdopen(handle, "wb") as file:
            yield file
            sync(file)
        if not force:
            out.touch(mode=0o600, exist_ok=False)  # takes the name, or finds it taken
        put_in_place(temporary, out)
    except FileExistsError as error:
        raise InputError(f"{out}: is there already; give another name, or --force to replace it") from error
    except OSError as error:
        raise StorageError(f"{out}: cannot be written: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)


def _write(file: BinaryIO, manifest: Manifest, folder: Path, done: Counter) -> None:
    """Write the archive; the files must still be what the manifest says."""
    # Header by header and not by tarfile's writer, which takes file objects: the bytes are
    # hashed as they pass.
    text = (json.dumps(manifest.model_dump(), indent=1) + "\n").encode()
    with gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=6, mtime=0) as stream:
        _put(stream, MANIFEST, len(text), [text])
        for listed in manifest.files:
            _put(stream, f"{manifest.name}/{listed.path}", listed.size, _same(folder, listed, done))
        stream.write(bytes(2 * tarfile.BLOCKSIZE))  # a tar's end: two blocks of zeros


def _put(stream: gzip.GzipFile, name: str, size: int, chunks: Iterable[bytes]) -> None:
    header = tarfile.TarInfo(name)
    header.size, header.mode = size, 0o600
    stream.write(header.tobuf(tarfile.USTAR_FORMAT, "utf-8", "strict"))
    for chunk in chunks:
        stream.write(chunk)
    stream.write(bytes(-size % tarfile.BLOCKSIZE))  # up to whole blocks


def _same(folder: Path, listed: Listed, done: Counter) -> Iterator[bytes]:
    digest, size = hashlib.sha256(), 0
    for chunk in _chunks(folder / listed.path):
        digest.update(chunk)
        size += len(chunk)
        done.add(len(chunk))
        yield chunk
    # The locks keep raysearch away, not the user's editor: a file changed between the two
    # readings would make a bundle that nobody can open.
    if (size, digest.hexdigest()) != (listed.size, listed.sha256):
        raise StorageError(f"{folder / listed.path}: was changed while it was bundled; try again")
