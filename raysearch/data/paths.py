"""Which files the paths that a user names mean, and what of a named folder is passed over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from raysearch.errors import InputError

SUFFIXES = (".h5", ".hdf5")  # of the files of a folder that are read, in capitals or not
OURS = ("provenance.json", "showers.json", "hits.json")  # what `raysearch data make` writes beside its files
MAC_TWIN = "._"  # begins the names of files in which macOS keeps what other systems have no place for
NAMED_AT_MOST = 4

DataPath = Path | tuple[Path, ...] | None
"""Where data are: a file or folder, several of them, or None for the sample that ships."""


def paths_of(path: DataPath) -> tuple[Path, ...]:
    """List the files and folders that are named, none for the sample that ships."""
    if path is None:
        return ()
    return (path,) if isinstance(path, Path) else path


def hdf5_files(path: DataPath, sample: Path) -> list[Path]:
    """List the files that paths mean.

    Args:
        path: a file, a folder (its ``*.h5`` and ``*.hdf5``, in capitals or not), several of them, or None
            for the sample that ships.
        sample: that sample.

    Returns:
        The files in the order of their names, whichever path they were named by.

    Raises:
        InputError: there is nothing at one of the paths, or a file is named twice; lists all.
    """
    if path is None:
        return [sample]
    problems: list[str] = []
    files: list[Path] = []
    for each in paths_of(path):
        try:
            files += _files_at(each)
        except InputError as error:
            problems += error.problems
    if isinstance(path, tuple):
        problems += named_twice(files)
    if problems:
        raise InputError(*problems)
    # By name: the order of files is that of examples, and must be the same wherever they are moved to.
    return sorted(files, key=lambda file: (file.name, str(file)))


def names_of(files: list[Path]) -> list[str]:
    """Name each file by as little of its path as tells it from the others: most often by its name alone."""
    for n_parts in range(1, max((len(file.parts) for file in files), default=1) + 1):
        found = ["/".join(file.parts[-n_parts:]) for file in files]
        if len(set(found)) == len(found):
            return found
    return [str(file) for file in files]


def passed_over(path: DataPath) -> list[str]:
    """Tell, in a line for each folder that is named, what of it is not read, and why; empty if all is.

    Hidden files that are not HDF5, and what ``raysearch data make`` writes beside its own files, are not
    worth a word.
    """
    told = []
    for folder in paths_of(path):
        left = dict(sorted(_left_out(folder))) if folder.is_dir() else {}
        if left:
            some = [f"{name} ({why})" if why else name for name, why in list(left.items())[:NAMED_AT_MOST]]
            more = f" and {len(left) - len(some)} more" if len(left) > len(some) else ""
            told.append(
                f"{folder}: passed over {', '.join(some)}{more}; of a folder {' and '.join(SUFFIXES)} are "
                "read, other files where they are named one by one"
            )
    return told


def _files_at(path: Path) -> list[Path]:
    """List the files at one path, in any order.

    Raises:
        InputError: there is none.
    """
    if path.is_dir():
        files = [file for file in _entries(path) if _is_read(file)]
        if not files:
            raise InputError(f"{path}: holds no file ending in {' or '.join(SUFFIXES)}{_instead(path)}")
        return files
    if path.is_symlink() and not path.exists():
        raise InputError(f"{path}: is a link to {path.readlink()}, which is not there")
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    return [path]


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise InputError(f"{folder}: cannot be read: {error.strerror}") from None


def _is_read(file: Path) -> bool:
    if file.suffix.lower() not in SUFFIXES or not file.is_file():
        return False
    # The twin of x.h5 that macOS leaves on other file systems; nobody named it, and it is no HDF5.
    return not file.name.startswith(MAC_TWIN) or _is_hdf5(file)


def _left_out(folder: Path) -> Iterator[tuple[str, str]]:
    """Name what is not read, each with why if it can be said."""
    for entry in _entries(folder):
        if _is_read(entry) or entry.name in OURS:
            continue
        if entry.is_symlink() and not entry.exists():
            yield entry.name, "a link to nowhere"
        elif entry.is_dir():
            if not entry.name.startswith("."):
                yield entry.name, "a folder"
        elif _is_hdf5(entry):
            yield entry.name, "HDF5"
        elif not entry.name.startswith("."):
            yield entry.name, ""


def _is_hdf5(file: Path) -> bool:
    import h5py  # here, for the command line's help needs this module too

    return file.is_file() and bool(h5py.is_hdf5(file))


def _instead(folder: Path) -> str:
    """Say what a folder without our endings holds, if it may be what was meant."""
    left = dict(sorted(_left_out(folder)))
    if hdf5 := [name for name, why in left.items() if why == "HDF5"]:
        return f", but {hdf5[0]} is HDF5; name such files one by one, or link them under another name"
    if lost := [name for name, why in left.items() if "link" in why]:
        return f"; {lost[0]} is a link to nowhere"
    if folders := [name for name, why in left.items() if why == "a folder"]:
        return f"; its folders, such as {folders[0]}, are not searched: name them"
    return ""


def named_twice(files: Sequence[Path]) -> Iterator[str]:
    """Tell files that are named more than once, by whatever path."""
    seen: dict[Path, Path] = {}
    for file in files:
        place = file.resolve()
        if place in seen:
            first = seen[place]
            yield f"{file}: is named twice" + (f", also as {first}" if first != file else "")
        seen.setdefault(place, file)
