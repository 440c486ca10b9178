"""What is odd about the parts that a study gets of some files, if its space file says nothing else."""

from __future__ import annotations

from raysearch.data.kinds import DataKind
from raysearch.data.paths import DataPath
from raysearch.data.source import DataSource
from raysearch.data.splitting import SPLIT
from raysearch.data.summary import FileSummary
from raysearch.data.twins import shared_between_parts
from raysearch.errors import InputError


def part_warnings(kind: DataKind, path: DataPath, found: FileSummary) -> list[str]:
    """Tell examples that are equal in two parts, and what parts lack.

    The files are good all the same: a study may part them otherwise.
    """
    source = DataSource(None, SPLIT)
    try:
        twins = list(shared_between_parts(found.twins, *kind.events(path), source, kind.noun))
        return [*twins, *kind.lacking(path, source)]
    except InputError as error:  # too few to be parted, or copies in all parts
        return list(error.problems)
