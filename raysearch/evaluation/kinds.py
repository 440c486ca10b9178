"""The kinds of data that can be compared: a new one is a module with ``evaluate(asked) -> Found`` and a line.

Light to import: a kind's module is loaded when it is asked for.
"""

from __future__ import annotations

import importlib
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from raysearch.errors import InputError, did_you_mean, one_of

if TYPE_CHECKING:
    from raysearch.evaluation.found import Asked, Found


@dataclass(frozen=True)
class Kind:
    """A kind of data that can be compared.

    Attributes:
        module: has :class:`Evaluator`'s function.
        marks: datasets by which files of it are known.
    """

    module: str
    marks: tuple[str, ...] = ()


KINDS = {
    "showers": Kind("raysearch.evaluation.showers"),
    "jets": Kind("raysearch.evaluation.jets", marks=("jetConstituentList", "particle_features")),
}
UNMARKED = "showers"  # what files without a mark are taken for; their reader says what they lack


class Evaluator(Protocol):
    """What the module of a kind has."""

    def evaluate(self, asked: Asked) -> Found:
        """Compare what lies at two paths.

        Raises:
            InputError: files are refused, or they cannot be compared.
        """


def kind_at(path: Path) -> str:
    """Tell what files hold, by the datasets of the first one.

    Raises:
        InputError: there is none, or it is no HDF5 file that can be trusted.
    """
    from raysearch.data.hdf5_gate import open_hdf5  # noqa: PLC0415 - h5py, see above
    from raysearch.data.jets.files import jet_files  # noqa: PLC0415 - the same

    with closing(open_hdf5(jet_files(path)[0])) as opened:
        marked = (name for name, kind in KINDS.items() if any(mark in opened for mark in kind.marks))
        return next(marked, UNMARKED)


def evaluator(kind: str) -> Evaluator:
    """Load the module of a kind.

    Raises:
        InputError: it is not known.
    """
    if kind not in KINDS:
        raise InputError(f"--kind {kind}: must be {one_of(list(KINDS))}.{did_you_mean(kind, KINDS)}")
    return cast("Evaluator", importlib.import_module(KINDS[kind].module))
