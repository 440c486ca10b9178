"""Where studies lie, and what they may be called."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from raysearch.errors import FolderError, InputError, did_you_mean
from raysearch.ledger.ledger import FILE_NAME

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
RUNS = Path("runs")  # where studies lie unless --runs says otherwise


def study_folder(runs: Path, name: str) -> Path:
    """Folder of a study, existing or not.

    Raises:
        InputError: a name that could leave the folder or is no plain file name.
    """
    if not NAME.fullmatch(name) or ".." in name:
        raise InputError(
            f"study name {name!r}: 1 to 64 letters, digits, '.', '_' or '-', beginning with a letter or digit, "
            "without '..'"
        )
    return runs / name


def existing_study(runs: Path, name: str) -> Path:
    """Folder of a study that is there.

    Raises:
        InputError: there is none of that name.
    """
    folder = study_folder(runs, name)
    if not has_begun(folder):
        names = [path.name for path in studies(runs)]
        hint = did_you_mean(name, names) or (
            " See: raysearch list" if names else " There are no studies there."
        )
        raise InputError(f"no study {name!r} under {runs}.{hint}")
    return folder


def resume_command(folder: Path, more: str = "") -> str:
    """The command that goes on with a study, to be typed in the folder this process runs in."""
    runs = "" if folder.parent == RUNS else f" --runs {shlex.quote(str(folder.parent))}"
    return f"raysearch resume {folder.name}{runs} {more}".rstrip()


def studies(runs: Path) -> list[Path]:
    """All studies under a folder, by name."""
    return sorted(path.parent for path in runs.glob(f"*/{FILE_NAME}") if has_begun(path.parent))


def has_begun(folder: Path) -> bool:
    """Whether there is a study: a ledger with a whole first record, which a killed process may not leave."""
    path = folder / FILE_NAME
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.readline().endswith(b"\n")


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
