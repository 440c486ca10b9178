"""Which code of a user's own task a study runs: the copy that it keeps, compared with what lies there now."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from raysearch.errors import ChangedError, InputError
from raysearch.launch.request import CodeChoice
from raysearch.launch.versions import task_sha256
from raysearch.ledger.history import History
from raysearch.tasks.kept_code import CODE, keep, key_of, read_kept
from raysearch.tasks.own_code import Code, forget, imported_from, read_code, sums_of, task_file

WAYS = (
    "go on with the code that the study began with: --kept-code; or go on with the changed code, which the "
    "ledger and the report then tell: --changed-code; or start a new study with it"
)


@dataclass(frozen=True)
class Settled:
    """What a study goes on with.

    Attributes:
        reference: of the task to rehearse.
        recode: sums of code that the ledger is to be told of, or None.
    """

    reference: str
    recode: dict[str, str] | None = None


@contextmanager
def code_watched(reference: str) -> Iterator[dict[str, bytes]]:
    """Read the code of a task that is tried inside; the dict is filled at the end, empty for the package's.

    Raises:
        InputError: there is no such file, or it was edited meanwhile.
    """
    path, code = task_file(reference), dict[str, bytes]()
    if path is None:
        yield code
        return
    before, known = read_code(path), set(sys.modules)
    forget(path.parent, before)  # a notebook may have imported what was edited since
    yield code
    code.update(read_code(path, imported_from(path.parent, set(sys.modules) - known)))
    if edited := sorted(name for name in before if code.get(name) != before[name]):
        raise InputError(
            *(f"task: {path.parent / name} was changed while it was checked; start again" for name in edited)
        )


def code_folder(code: Mapping[str, str]) -> str:
    """Where in a study's folder the copy of some code lies, by its sums; empty if there is none."""
    return f"{CODE}/{key_of(code)}" if code else ""


def settle_code(folder: Path, history: History, choice: CodeChoice, say: Callable[[str], None]) -> Settled:
    """Compare a study's code with what lies there now, and decide what it goes on with.

    Args:
        folder: of the study.
        history: what is known of it.
        choice: what to do about changed code: ``kept``, ``changed``, or None to refuse.
        say: told where it is not simply the same.

    Raises:
        InputError: it was changed and nobody has chosen; or what is chosen is not there. All files are named.
        StorageError: the copy cannot be written.
    """
    reference, code = str(history.created.space_file["task"]), history.codes[-1]
    path = task_file(reference)
    if path is None:
        return Settled(reference)
    if not code:
        return _settle_first_copy(folder, history, path, choice)
    changed = _changed(path, code)
    if changed and choice == "changed":
        present = {name for name in code if (path.parent / name).is_file()}
        return _take(folder, reference, read_code(path, present), path.parent)
    if changed and choice is None and path.is_file():
        raise InputError(
            *(f"task: {path.parent / name} was changed since the study began" for name in changed), WAYS
        )
    kept = f"{folder / code_folder(code) / path.name}:{reference.rpartition(':')[2]}"
    try:
        read_kept(folder / code_folder(code))
    except ChangedError as error:
        if changed:
            raise InputError(
                f"{error}; and {path} is not there as the study began with it, to be copied again"
            ) from error
        keep(folder, {name: (path.parent / name).read_bytes() for name in code}, path.parent)
    if changed:
        why = "was changed" if path.is_file() else "is not there any more"
        say(f"{path} {why}; going on with the code that the study keeps in {folder / CODE}")
    return Settled(kept)


def reference_of(folder: Path, history: History, code: Mapping[str, str]) -> str:
    """Tell the task by which a run was carried out, to be loaded again.

    Args:
        folder: of the study.
        history: what is known of it.
        code: of the run.

    Raises:
        InputError: it is not there any more.
    """
    reference, study = str(history.created.space_file["task"]), history.created.study
    path = task_file(reference)
    if path is None:
        return reference
    there = folder / code_folder(code)
    if code and there.is_dir():
        return f"{there / path.name}:{reference.rpartition(':')[2]}"
    # A study of version 0.1.0 has kept none, and a bundle holds none.
    if _changed(path, code) if code else task_sha256(reference) != history.created.task_sha256:
        raise InputError(
            f"task: {path} was changed since {study} began, or is gone, and no copy is kept in {folder}; "
            "its models may mean another thing"
        )
    return reference


def copy_code(folder: Path, history: History, code: Mapping[str, str], to: Path) -> None:
    """Copy the code of a run to another folder of a study; nothing for a task of the package.

    Raises:
        InputError: it is not there any more.
        StorageError: the disk is full or failed.
    """
    path = task_file(str(history.created.space_file["task"]))
    there = task_file(reference_of(folder, history, code))
    if path is not None and there is not None and code:
        keep(to, {name: (there.parent / name).read_bytes() for name in code}, path.parent)


def _settle_first_copy(folder: Path, history: History, path: Path, choice: CodeChoice) -> Settled:
    """Go on with a study of version 0.1.0, which has kept no code: from here on there is a copy."""
    reference, began = str(history.created.space_file["task"]), history.created.task_sha256
    code = read_code(path)
    if task_sha256(reference) != began and choice != "changed":
        raise InputError(
            f"task: {reference} was changed since the study began; start a new study with it, or go on with "
            "the changed code, which the ledger and the report then tell: --changed-code"
        )
    return _take(folder, reference, code, path.parent)


def _take(folder: Path, reference: str, code: Code, origin: Path) -> Settled:
    """Keep code, and go on with it."""
    keep(folder, code, origin)
    path, _, name = reference.rpartition(":")
    sums = sums_of(code)
    return Settled(f"{folder / code_folder(sums) / Path(path).name}:{name}", sums)


def _changed(path: Path, code: Mapping[str, str]) -> list[str]:
    """Files beside a task's that are not what they were, or gone."""
    return [name for name, was in code.items() if _sha256(path.parent / name) != was]


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
