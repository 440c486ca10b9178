"""Real files that a generator was trained on, as far as what it made tells."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from raysearch.data.files import content_sha256
from raysearch.data.hdf5_gate import open_hdf5
from raysearch.data.jets.files import jet_files
from raysearch.data.made_files import STUDY, STUDY_FILES
from raysearch.evaluation.found import Asked


def trained_on(asked: Asked) -> Iterator[str]:
    """Tell each real file that is one of those of the study whose generator made the others.

    Files that an earlier raysearch made, or anybody else, do not say what their generator was trained on.
    """
    studies = {sha: study for file in jet_files(asked.made) for sha, study in _files_of_study(file)}
    real = [asked.real] if asked.other_real is None else [asked.real, asked.other_real]
    for file in [file for path in real if studies for file in jet_files(path)]:
        if study := studies.get(content_sha256(file)):
            yield (
                f"{file} is a file of the study {study}, whose generator made what is judged here: trained "
                "on much of it, that may seem better than it is; judge by files that the study has not seen"
            )


def _files_of_study(made: Path) -> Iterator[tuple[str, str]]:
    """SHA-256 of each file of the study that a made file names, and the study's name."""
    with closing(open_hdf5(made)) as opened:
        for sha in str(opened.attrs.get(STUDY_FILES, "")).split():
            yield sha, str(opened.attrs.get(STUDY, ""))
