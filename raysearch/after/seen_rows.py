"""Rows to be scored that lie in files of the study itself: which of them its models were trained on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from raysearch.after.trained import TrainedTrial, check_data
from raysearch.data.files import content_sha256
from raysearch.data.kinds import KINDS
from raysearch.data.splitting import PARTS
from raysearch.data.to_score import Piece, ToScore
from raysearch.errors import RaysearchError
from raysearch.tasks.file_task import FileTask, path_of

NO_PART = -1  # of another file, or left out by data.limit
Parts = NDArray[np.int8]


class SeenRows:
    """Knows files of the study again by SHA-256, and their rows' parts if its data are there as they were.

    Attributes:
        column: name of the column that tells parts, as places in ``PARTS``, or ``NO_PART``.

    Args:
        trained: the trial that scores the rows.
        data: what they are of.
    """

    column = "part"

    def __init__(self, trained: TrainedTrial, data: ToScore) -> None:
        of_study = set(trained.history.created.data.get("files", {}).values())
        sums = [content_sha256(file) for file in data.files] if of_study else []
        self._study, self._noun, self._n_rows = trained.study, data.noun, data.n_rows
        self._files = [str(file) for file, sha in zip(data.files, sums, strict=False) if sha in of_study]
        known = _parts_by_file(trained) if self._files else {}
        self._parts = {place: known[sha] for place, sha in enumerate(sums) if sha in known}

    def parts(self, piece: Piece) -> Parts | None:
        """The part of each row of a piece, (row,); None where no row of any file has one that is known."""
        if not self._parts:
            return None
        n = len(piece.batch[0])
        whole = self._parts.get(piece.file)
        return np.full(n, NO_PART, np.int8) if whole is None else whole[piece.first_row : piece.first_row + n]

    def told(self) -> Iterator[str]:
        """Tell what was trained on."""
        if not self._files:
            return
        n, first = len(self._files), self._files[0]
        which = f"{first} is a file" if n == 1 else f"{first} and {n - 1} more are files"
        judge = "these may seem better predicted than any new ones"
        if not self._parts:
            yield f"{which} of the study {self._study}, which was trained on much of that; {judge}"
            return
        trained_on = sum(int((parts == 0).sum()) for parts in self._parts.values())
        yield (
            f"{which} of the study {self._study}: {trained_on:,} of the {self._n_rows:,} {self._noun}s "
            f"({100 * trained_on / self._n_rows:.0f} %) were trained on; {judge}. The column {self.column} "
            f"tells each one's part: {', '.join(f'{place} {part}' for place, part in enumerate(PARTS))}"
        )


def _parts_by_file(trained: TrainedTrial) -> Mapping[str, Parts]:
    """Parts of the rows of each file of the study by its SHA-256; none where its data are not as they were.

    A row that any of the models was trained on is of the training part.
    """
    task, source = trained.task, trained.source
    if not isinstance(task, FileTask):
        return {}
    kind, path = KINDS[task.kind_of(trained.settings)], path_of(source)
    try:
        check_data(trained.history, task, trained.settings, source)
        files = kind.files(path)
        found = kind.events(path)
        splits = [
            task.parted(source.of_fold(model.fold), trained.settings, found) for model in trained.models
        ]
    except (OSError, RaysearchError):  # moved, changed or gone, of which nothing but this needs them
        return {}
    file_index = found[1]
    parts = np.full(len(file_index), NO_PART, np.int8)
    # Training last, and so for good: with folds the others' validation part is some model's training part.
    for place, name in ((2, "test"), (1, "validation"), (0, "train")):
        for split in splits:
            parts[getattr(split, name)] = place
    return {content_sha256(file): parts[file_index == place] for place, file in enumerate(files)}
