"""Tasks whose examples are rows of files of one kind: check, description, parts and standardisation."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from raysearch.data.checked import checked
from raysearch.data.files import stamps, sums
from raysearch.data.kinds import KINDS
from raysearch.data.paths import DataPath, passed_over
from raysearch.data.prepared_files import serve_again, served, wanted_sums
from raysearch.data.scaling import Scaling
from raysearch.data.source import DataSource
from raysearch.data.splitting import Split, part_examples
from raysearch.data.summary import FileSummary
from raysearch.data.tensors import Parts, TensorData
from raysearch.data.twins import shared_between_parts
from raysearch.tasks.task import Task

if TYPE_CHECKING:
    from raysearch.data.kinds import Events

S = TypeVar("S")


@dataclass(frozen=True)
class Rows:
    """Examples of all files in order.

    Attributes:
        tensors: what they are, each (example, ...); in the order in which the task's batches have them,
            unless its :meth:`FileTask.tensors` makes others of them.
        events: int64 (example,), event numbers, or None.
        file_index: int64 (example,), positions in the sorted files.
    """

    tensors: tuple[Tensor, ...]
    events: NDArray[np.int64] | None
    file_index: NDArray[np.int64]


class FileTask(Task[S]):
    """A task on files; a subclass says which kind, what its network sees of an example, and how that is read.

    Class attributes to set:
        kind: of the files, in ``raysearch.data.kinds.KINDS``.
    """

    kind: ClassVar[str]

    @abstractmethod
    def view(self, settings: S) -> Hashable:
        """Say what the network sees of an example: all of the settings that :meth:`rows` needs."""

    @staticmethod
    @abstractmethod
    def rows(path: DataPath, view: Any) -> Rows:  # noqa: ANN401 - the task's own type
        """Map the examples of all files at a path; kept in a process as long as nobody asks for others.

        Raises:
            InputError: a file is refused, or lacks what is wanted; lists all.
        """

    def kind_of(self, settings: S) -> str:
        """Name the kind of the files, where settings decide it; by default :attr:`kind`."""
        return self.kind

    def parted(self, source: DataSource, settings: S, events: Events) -> Split:
        """Part the files' examples, of which the events are; a task that takes some parts those it takes."""
        return part_examples(*events, source, KINDS[self.kind_of(settings)].noun)

    def tensors(self, rows: Rows, split: Split) -> tuple[Tensor, ...]:
        """Make what batches are taken of, each (example, ...); it may depend on which examples train."""
        return rows.tensors

    def is_standardized(self, settings: S) -> bool:
        """Say whether the first tensor is standardised by the training part."""
        return False

    def check_files(self, path: DataPath, found: FileSummary, settings: S) -> None:
        """Check that the files have what these settings want of them.

        Raises:
            InputError: they do not.
        """

    def facts(self, source: DataSource, settings: S, found: FileSummary, split: Split) -> dict[str, Any]:
        """Tell what else the ledger should know of the data, as plain values."""
        return {}

    def inspect(self, source: DataSource, settings: S) -> dict[str, Any]:
        """Check every file, or recall its check, and count the parts."""
        path, kind = path_of(source), KINDS[self.kind_of(settings)]
        # Every value of the files, once: from here on they are believed.
        found = checked(self.kind_of(settings), path)
        self.check_files(path, found, settings)
        events = kind.events(path)
        split = self.parted(source, settings, events)
        twins = shared_between_parts(found.twins, *events, source, kind.noun)
        warnings = [*found.warnings, *twins, *passed_over(path)]
        return {
            "files": found.sha256,
            f"n_{kind.examples}": found.n,
            "units": kind.examples,
            "n_train": len(split.train),
            "n_validation": len(split.validation),
            "n_test": len(split.test),
            "split_by": split.by,
            **({"folds": source.folds, "fold_by": source.fold_by} if source.folds >= 2 else {}),
            "spread": found.spread,
            **({"warnings": warnings} if warnings else {}),
            **self.facts(source, settings, found, split),
        }

    def data_sha256(self, source: DataSource, settings: S) -> dict[str, str]:
        """Hash the files, which this process does once."""
        return sums(KINDS[self.kind_of(settings)].files(path_of(source)))

    def load(self, source: DataSource, settings: S) -> Parts:
        """Map the examples; all runs of a node share one copy."""
        found, split = self.mapped(source, settings)
        tensors = self.tensors(found, split)
        # Measured on this fold's training part, so that nothing of the other parts is in the inputs.
        scaling = self.scaling(source, settings)
        rows = [torch.from_numpy(part) for part in (split.train, split.validation, split.test)]
        return Parts(*(TensorData(tensors, part, scaling) for part in rows))

    def scaling(self, source: DataSource, settings: S) -> Scaling | None:
        """Measure how the first tensor is standardised, for whoever applies a trained model to other data."""
        if not self.is_standardized(settings):
            return None
        return _scaling(*self._asked(source, settings), source, KINDS[self.kind_of(settings)].noun)

    def mapped(self, source: DataSource, settings: S) -> tuple[Rows, Split]:
        """Map the examples and part them."""
        asked = self._asked(source, settings)
        rows, files = _rows(*asked)
        serve_again(files)
        return rows, _split(*asked, source, KINDS[self.kind_of(settings)].noun)

    def _asked(self, source: DataSource, settings: S) -> _Asked:
        path = path_of(source)
        files = KINDS[self.kind_of(settings)].files(path)
        # Of the class, not the object: a key that is the same for all tasks of a process.
        return type(self).rows, path, (stamps(files), tuple(wanted_sums(files))), self.view(settings)


def path_of(source: DataSource) -> DataPath:
    """Where a study's files are; None: the sample that ships."""
    if isinstance(source.path, tuple):
        return tuple(map(Path, source.path))
    return None if source.path is None else Path(source.path)


# What is kept in a process. The files' stamps are part of each key, so that changed files are read anew; and
# so is the content that is wanted, which for a run of a study that began with other files is not theirs.

_Stamps = tuple[tuple[tuple[int, ...], ...], tuple[str, ...]]
_Read = Callable[[DataPath, Any], Rows]
_Asked = tuple[_Read, DataPath, _Stamps, Hashable]


@lru_cache(maxsize=1)  # where there is no cache on disk, they are held here, in memory, for all folds
def _rows(
    read: _Read,
    path: DataPath,
    stamps: _Stamps,  # noqa: ARG001 - as a key
    view: Hashable,
) -> tuple[Rows, frozenset[str]]:
    return read(path, view), served()


@lru_cache(maxsize=2)
def _split(
    read: _Read, path: DataPath, stamps: _Stamps, view: Hashable, source: DataSource, noun: str
) -> Split:
    found, _ = _rows(read, path, stamps, view)
    return part_examples(found.events, found.file_index, source, noun)


@lru_cache(maxsize=16)
def _scaling(
    read: _Read, path: DataPath, stamps: _Stamps, view: Hashable, source: DataSource, noun: str
) -> Scaling:
    train = _split(read, path, stamps, view, source, noun).train
    return Scaling.of(_rows(read, path, stamps, view)[0].tensors[0], torch.from_numpy(train))
