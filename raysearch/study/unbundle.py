"""Open a bundle (see ``bundle_format.py``), whoever made it.

Nothing in it is trusted. Members are read one after another (``archive.py``): what is not a plain file, under
a path that a study has, in the manifest's order and of the manifest's size and SHA-256, ends it. No member is
code. Ledgers are replayed, and the paths and the space file in them checked too. All that happens in a hidden
folder beside the place where the study is to lie, which takes that place in the end.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from raysearch.errors import InputError, StorageError
from raysearch.files import sync, sync_folder
from raysearch.ledger.asking_records import Asked
from raysearch.ledger.copied import Copied
from raysearch.ledger.history import History
from raysearch.ledger.ledger import FILE_NAME, read_entries
from raysearch.ledger.study_records import Created
from raysearch.space.series_file import FILE as SERIES
from raysearch.space.space_file import SpaceFile
from raysearch.space.yaml_file import parse_yaml
from raysearch.study.archive import Archive, opened
from raysearch.study.bundle_format import (
    CHECKPOINT,
    FORMAT,
    MANIFEST,
    MEMBER,
    PREDICTIONS,
    Counter,
    Listed,
    Manifest,
    Progress,
    kind_of,
)
from raysearch.study.folders import check_writable, study_folder

LARGEST_MANIFEST = 16 << 20  # it is read into memory before anything of it is known to be true
MOST_RUNS = 500_000  # of all trials; a ledger of a few bytes can claim any number


@dataclass(frozen=True)
class Unpacked:
    """A bundle that was opened: the folder of its study or series, and those of its studies."""

    folder: Path
    studies: tuple[Path, ...]
    manifest: Manifest


def unpack(file: Path, runs: Path, *, progress: Progress = lambda *_: None) -> Unpacked:
    """Open a bundle.

    Args:
        file: the bundle.
        runs: folder of the studies, where it gets the name that it has in the bundle.
        progress: told bytes done and in all.

    Raises:
        InputError: it is no bundle, one of a newer format, or holds what none may hold; or the name is taken.
        StorageError: it is damaged or cut off, or the disk is full or failed.
        FolderError: the folder of studies cannot be written.
    """
    with opened(file) as archive:
        manifest = _read_manifest(archive)
        folder = runs / manifest.name
        if os.path.lexists(folder):
            raise InputError(
                f"{folder}: is there already; give another folder of studies, such as --runs other"
            )
        check_writable(runs)
        # By the manifest's word; what is more than it says is refused as it comes.
        if shutil.disk_usage(runs).free < manifest.n_bytes:
            raise StorageError(
                f"{runs}: {file} holds {manifest.n_bytes / 1e6:.0f} MB, more than is free there"
            )
        try:
            with tempfile.TemporaryDirectory(prefix=".unbundle-", dir=runs) as scratch:
                place = Path(scratch) / "new" / manifest.name  # deeper than studies are looked for
                _write_all(archive, manifest, place, Counter(progress, manifest.n_bytes))
                _verify(file, manifest, place)
                place.rename(folder)  # all or nothing, as the folder is on the same file system
            sync_folder(runs)
        except OSError as error:
            raise StorageError(f"{folder}: cannot be written: {error.strerror}") from error
    return Unpacked(folder, tuple(runs / name for name in manifest.studies), manifest)


def _read_manifest(archive: Archive) -> Manifest:
    header = archive.next_file()
    if header is None or header.name != MANIFEST:
        raise archive.refuse(f"no bundle of raysearch, which begins with {MANIFEST}")
    if header.size > LARGEST_MANIFEST:
        raise archive.refuse(f"its manifest has {header.size} bytes")
    try:
        plain = json.loads(b"".join(archive.content(header.size)))
        # Before the rest is looked at: what else a newer format has may be wrong for this one.
        if isinstance(plain, dict) and isinstance(plain.get("format"), int) and plain["format"] > FORMAT:
            raise archive.refuse(
                f"format {plain['format']}, of raysearch {plain.get('raysearch')!r}; "
                f"this one reads up to {FORMAT}"
            )
        manifest = Manifest.model_validate(plain)
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, fault["loc"]))
        raise archive.refuse(f"its manifest is wrong at {where}: {fault['msg']}") from error
    except (ValueError, RecursionError) as error:
        raise archive.broken("damaged") from error
    if problem := _problem(manifest):
        raise archive.refuse(problem)
    return manifest


def _problem(manifest: Manifest) -> str:
    """Say what a manifest names that is no part of a study or series, or what is missing; or nothing."""
    study_folder(Path(), manifest.name)
    paths = [listed.path for listed in manifest.files]
    ledgers = [path.rpartition("/")[0] for path in paths if path.rpartition("/")[2] == FILE_NAME]
    strange = [path for path in paths if kind_of(path, in_series=manifest.is_series) is None]
    if strange:
        return f"{strange[0]!r} is no file of a study"
    if len(set(paths)) < len(paths):
        return "its manifest names a file twice"
    if sorted(manifest.studies) != sorted(f"{manifest.name}/{member}".rstrip("/") for member in ledgers):
        return "the studies in its manifest are not those whose ledgers it holds"
    return "" if ledgers or manifest.is_series else "it holds no ledger"


def _write_all(archive: Archive, manifest: Manifest, place: Path, done: Counter) -> None:
    """Write all files, 0600 in folders 0700, durably."""
    place.parent.mkdir(mode=0o700)
    place.mkdir(mode=0o700)
    for listed in manifest.files:
        header = archive.next_file()
        name = f"{manifest.name}/{listed.path}"
        if header is None:
            raise archive.refuse(f"{name!r} is named by its manifest and missing")
        if (header.name, header.size) != (name, listed.size):
            raise archive.refuse(
                f"member {header.name!r} of {header.size} bytes, "
                f"where its manifest has {name!r} of {listed.size}"
            )
        _write(archive, listed, place, done)
    archive.check_end()
    for root, _, _ in os.walk(place):
        sync_folder(Path(root))


def _write(archive: Archive, listed: Listed, place: Path, done: Counter) -> None:
    path = place / listed.path
    for parent in reversed(path.relative_to(place).parents[:-1]):
        (place / parent).mkdir(mode=0o700, exist_ok=True)
    digest = hashlib.sha256()
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        for chunk in archive.content(listed.size):
            digest.update(chunk)
            done.add(len(chunk))
            file.write(chunk)
        sync(file)
    if digest.hexdigest() != listed.sha256:
        raise archive.broken("damaged, for the SHA-256 differs,")


def _verify(file: Path, manifest: Manifest, place: Path) -> None:
    """Check that what the files say can be a study, or a series and its studies."""
    what = manifest.name
    try:
        if manifest.is_series:
            members = parse_yaml((place / SERIES).read_text(encoding="utf-8"), SERIES).content["members"]
            for name, member in members.items():
                if not MEMBER.fullmatch(name):
                    raise InputError(f"no series has a member called {name!r}")
                SpaceFile.model_validate(member)
            if strange := [name for name in manifest.studies if name.partition("/")[2] not in members]:
                raise InputError(f"{strange[0]} is no member of the series")
        for what in manifest.studies:
            _verify_study(place.parent / what)
    except (InputError, StorageError) as error:
        text = str(error).replace(f"{place.parent}/", "")  # the hidden folder is gone when this is read
        raise type(error)(f"{file}: {what}: {text}; nothing was unpacked") from error
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(
            f"{file}: {what}: not written by raysearch ({type(error).__name__}); nothing was unpacked"
        ) from error


def _verify_study(folder: Path) -> None:
    """Check a ledger's checksums, that it can be replayed, and that it names nothing outside the folder."""
    entries = read_entries(folder)
    begun, n_asked = entries[0].record, sum(isinstance(entry.record, Asked) for entry in entries)
    if not isinstance(begun, Created):
        raise InputError("its ledger does not begin with the study's creation")
    # Counted before it is replayed: a history makes an object for every run that is claimed.
    runs = SpaceFile.model_validate(begun.space_file).budget.runs
    if begun.folds != runs or runs * n_asked > MOST_RUNS:
        raise InputError(
            f"its ledger has {begun.folds} runs a trial, its space file {runs}, for {n_asked} trials"
        )
    # These names come back in reports, in MLflow and in commands to be typed.
    copies = [entry.record.name for entry in entries if isinstance(entry.record, Copied)]
    for name in (begun.study, *copies, *([begun.series] if begun.series else [])):
        if not all(MEMBER.fullmatch(part) for part in name.split("/", 1)):
            raise InputError(f"its ledger calls it {name!r}")
    history = History(entries)
    weights = [run.ended.weights for trial in history.trials for run in trial.runs if run.ended]
    for path in filter(None, weights):
        if not CHECKPOINT.fullmatch(path):
            raise InputError(f"its ledger has weights in {path!r}")
    for tested, _ in history.tests:
        if not PREDICTIONS.fullmatch(tested.predictions):
            raise InputError(f"its ledger has predictions in {tested.predictions!r}")
