"""Find studies and series by name or folder, and open them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from raysearch.errors import InputError
from raysearch.study.folders import RUNS, existing_folder, existing_study, has_begun, is_series
from raysearch.study.folders import studies as study_folders

if TYPE_CHECKING:
    from raysearch.library.opened_series import OpenedSeries
    from raysearch.library.opened_study import OpenedStudy


def open(name: str | Path, *, runs: str | Path = RUNS) -> OpenedStudy | OpenedSeries:
    """Open a study or series, finished or not, to look into it, to apply its models or to go on with it.

    Args:
        name: of the study or series, SERIES/MEMBER for a member of one; or as a Path the folder it lies in.
        runs: folder that holds the studies.

    Raises:
        InputError: there is none of that name.
        StorageError: its ledger is damaged.
    """
    return open_folder(folder_of(name, Path(runs)))


def studies(*, runs: str | Path = RUNS) -> list[OpenedStudy]:
    """All studies in a folder of studies, those of series among them, by name."""
    from raysearch.library.opened_study import OpenedStudy

    return [OpenedStudy(folder) for folder in study_folders(Path(runs))]


def open_folder(folder: Path) -> OpenedStudy | OpenedSeries:
    """Open what lies in a folder."""
    from raysearch.library.opened_series import OpenedSeries
    from raysearch.library.opened_study import OpenedStudy

    return OpenedSeries(folder) if is_series(folder) else OpenedStudy(folder)


def folder_of(name: str | Path, runs: Path) -> Path:
    """Folder of a study or series: of a text by its name, as the command line takes it; a Path is the folder.

    Raises:
        InputError: there is none.
    """
    if isinstance(name, str):
        return existing_folder(runs, name)
    if not has_begun(name) and not is_series(name):
        raise InputError(f"{name}: there is no study in it")
    return name


def study_folder_of(name: str | Path, runs: Path) -> Path:
    """As :func:`folder_of`, of a single study.

    Raises:
        InputError: there is none, or it is a series, whose studies are named.
    """
    if isinstance(name, str):
        return existing_study(runs, name)
    # By its name, for the sentence that names the members of a series.
    return existing_study(name.parent, folder_of(name, runs).name)
