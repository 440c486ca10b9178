"""Where studies lie, and what they may be called."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from raysearch.errors import FolderError, InputError, did_you_mean
from raysearch.ledger.ledger import FILE_NAME
from raysearch.space.series_file import FILE as SERIES

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
RUNS = Path("runs")  # where studies lie unless --runs says otherwise


def study_folder(runs: Path, name: str) -> Path:
    """Folder of a study or series, existing or not.

    Raises:
        InputError: a name that could leave the folder or is no plain file name.
    """
    if not NAME.fullmatch(name) or ".." in name:
        raise InputError(
            f"study name {name!r}: 1 to 64 letters, digits, '.', '_' or '-', "
            "beginning with a letter or digit, without '..'"
        )
    return runs / name


def name_of(folder: Path) -> str:
    """Name of the study, the series, or as SERIES/MEMBER of the member, in a folder."""
    return f"{folder.parent.name}/{folder.name}" if is_series(folder.parent) else folder.name


def existing_folder(runs: Path, name: str) -> Path:
    """Folder of a study or series that is there, or as SERIES/MEMBER of a member of a series.

    Raises:
        InputError: there is none of that name.
    """
    series, slash, member = name.partition("/")
    folder = study_folder(runs, series)
    if slash:
        folder = study_folder(folder, member)
    if not has_begun(folder) and not is_series(folder):
        names = [name_of(path) for path in studies(runs)]
        hint = did_you_mean(name, names) or (
            " See: raysearch list" if names else " There are no studies there."
        )
        raise InputError(f"no study {name!r} under {runs}.{hint}")
    return folder


def existing_study(runs: Path, name: str) -> Path:
    """Folder of a study that is there.

    Raises:
        InputError: there is none of that name, or it is that of a series.
    """
    folder = existing_folder(runs, name)
    if is_series(folder):
        members = [f"{name}/{path.name}" for path in sorted(folder.iterdir()) if has_begun(path)]
        raise InputError(
            f"{name} is a series of studies; name one of them: {', '.join(members) or 'none has begun'}"
        )
    return folder


def as_typed(folder: Path) -> str:
    """A study's or series' name as a command takes it, to be typed in the folder this process runs in."""
    name = name_of(folder)
    parent = folder.parents[name.count("/")]
    return name if parent == RUNS else f"{name} --runs {shlex.quote(str(parent))}"


def resume_command(folder: Path, more: str = "") -> str:
    """The command that goes on with a study, to be typed in the folder this process runs in."""
    return f"raysearch resume {as_typed(folder)} {more}".rstrip()


def studies(runs: Path) -> list[Path]:
    """All studies under a folder, those of series among them, by name."""
    # Two levels and no deeper: a study's own folder may hold thousands of others.
    paths = [*runs.glob(f"*/{FILE_NAME}"), *runs.glob(f"*/*/{FILE_NAME}")]
    return sorted(path.parent for path in paths if has_begun(path.parent))


def is_series(folder: Path) -> bool:
    """Whether a folder holds a series of studies."""
    return (folder / SERIES).is_file()


def has_begun(folder: Path) -> bool:
    """Whether there is a study: a ledger with a whole first record, which a killed process may not leave."""
    path = folder / FILE_NAME
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.readline().endswith(b"\n")  # its checksum is looked at when it is opened


def check_writable(folder: Path) -> None:
    """Make the folder and prove that it takes files.

    Raises:
        FolderError: it does not.
    """
    probe = folder / ".probe"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        probe.write_bytes(b"raysearch")
        probe.unlink()
    except OSError as error:
        raise FolderError(f"{folder}: cannot be written: {error.strerror}") from error
