"""What a task owes whoever works with a study of it: a report, `raysearch predict`, `raysearch export`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar

import h5py
import numpy as np

from raysearch.after.export import export
from raysearch.after.generate import write_generated
from raysearch.after.predict import write_scores
from raysearch.data.conditions import Conditions
from raysearch.metrics.shown import Shown, unpack
from raysearch.report.shown import PARTS
from raysearch.report.shown.described import units
from raysearch.report.shown.part import About
from raysearch.testing.bench import Bench
from raysearch.testing.need import need, tried, tried_or_refused

N_GENERATED = 7


class StudyContract:
    """Tests of a study of one trial, and of what comes after it.

    Class attributes:
        files: of the kind that ``to_score`` reads, to apply a model to; by default the study's data.
    """

    files: ClassVar[Sequence[str | Path]] = ()
    bench: ClassVar[Bench]

    def test_a_study_is_searched_and_its_best_model_tested(self) -> None:
        """With every check that there is before a search."""
        study = self.bench.study
        need(
            study.history.best is not None and len(study.history.tests) == 1,
            "a study of one trial ended without a tested model",
        )

    def test_what_is_shown_has_a_room_in_the_report(self) -> None:
        """A task that shows nothing has its metrics in the report, and no more."""
        study = self.bench.study
        tests = tuple(tested for tested, _ in study.history.tests)
        about = About(study.history, tests, units(study.history.created.data))
        for value in unpack((study.folder / tests[0].predictions).read_bytes()):
            tried(f"the report's part for {type(value).__name__}", partial(_blocks, value, about))

    def test_predict_applies_the_model_to_files_or_refuses(self) -> None:
        """`raysearch predict`, twice to the same scores."""
        study = self.bench.study
        path = study.space_file.data.path
        named = (path,) if isinstance(path, str) else path or ()
        files = [Path(each) for each in self.files or named]
        outs = [self.bench.folder / f"scores-{number}.h5" for number in range(2)]
        scored = [
            tried_or_refused("predict (to_score)", partial(write_scores, study.trained, files, out))
            for out in outs
        ]
        if scored[0] is None:
            return
        one, other = (_datasets(out) for out in outs)
        need(
            scored[0].n_rows > 0,
            "to_score finds no row in the files; name some in the contract: files = [...]",
        )
        need(
            set(one) == set(other) and all(np.array_equal(one[name], other[name]) for name in one),
            "predict gives other scores for the same files when it is called again",
        )

    def test_predict_generates_rows_or_refuses(self) -> None:
        """`raysearch predict` without files, of a generator; without conditions, which nobody knows here."""
        out, wanted = self.bench.folder / "generated.h5", Conditions(number=N_GENERATED)
        made = tried_or_refused(
            "predict (to_generate)", lambda: write_generated(self.bench.study.trained, wanted, out)
        )
        need(
            made is None or made.n_rows == N_GENERATED,
            f"to_generate makes {made and made.n_rows} rows where {N_GENERATED} are wanted",
        )

    def test_export_writes_the_same_function_or_refuses(self) -> None:
        """`raysearch export`, which compares the file with the model itself."""
        out = self.bench.folder / "model.pt2"
        tried_or_refused("export", lambda: export(self.bench.study.trained, "torch", out))


def _blocks(value: Shown, about: About) -> None:
    need(
        type(value) in PARTS,
        f"the report has no room for {type(value).__name__}; show {', '.join(one.__name__ for one in PARTS)}",
    )
    PARTS[type(value)].evaluate([[value]], about).blocks()


def _datasets(path: Path) -> dict[str, np.ndarray]:
    with h5py.File(path) as file:
        return {name: np.asarray(dataset[...]) for name, dataset in file.items()}
