"""What a task owes its data: told as they are loaded, the same at each loading, others in each fold."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import ClassVar

from raysearch.data.tensors import Parts
from raysearch.testing.bench import Bench
from raysearch.testing.need import need, tried
from raysearch.training.randomness import load_parts
from raysearch.training.rehearsal import DESCRIBES_DATA, are_alike

FOLDS = 3


class DataContract:
    """Tests of ``inspect`` and ``load``.

    Class attributes:
        with_folds: False for a task that does not look at ``source.fold``; ``--folds`` is refused for it.
    """

    with_folds: ClassVar[bool] = True
    bench: ClassVar[Bench]

    def test_inspect_tells_in_plain_values_what_load_gives(self) -> None:
        """Counts that are wrong would stand in the ledger and in every report."""
        task, source = self.bench.task, self.bench.order().source
        told = tried("inspect", lambda: task.inspect(source, self.bench.settings))
        missing = [name for name in DESCRIBES_DATA if name not in told]
        need(not missing, f"inspect must tell {', '.join(missing)} too")
        facts = tried("training_facts", lambda: task.training_facts(source, self.bench.settings))
        for method, values in (("inspect", told), ("training_facts", facts)):
            try:
                json.dumps(values, allow_nan=False)
            except (TypeError, ValueError) as error:
                need(False, f"{method} must give numbers, texts, lists and dicts, which are kept: {error}")
        for part in ("train", "validation", "test"):
            n, n_told = len(getattr(self.bench.parts, part)), told[f"n_{part}"]
            need(n > 0, f"load gives no row for the {part} part; give more data or another data.split")
            need(
                n == n_told,
                f"inspect tells n_{part} = {n_told}, but load gives {n} rows; count the same rows",
            )

    def test_loading_again_gives_the_same_rows(self) -> None:
        """Runs load for themselves, in whatever process they are: the split must not be drawn anew."""
        first, again = self._load(0), self._load(0)
        for part in ("train", "validation", "test"):
            need(
                are_alike(getattr(first, part), getattr(again, part)),
                f"load gives another {part} part when it is called again; draw from a generator with a fixed "
                "seed, such as np.random.default_rng(0), or cut by a number that a row has",
            )

    def test_each_fold_validates_on_rows_of_its_own(self) -> None:
        """Folds that validate on the same rows are no cross-validation."""
        folds = [self._load(fold, folds=FOLDS) for fold in range(FOLDS)]
        others = [not are_alike(folds[0].validation, each.validation) for each in folds[1:]]
        if not self.with_folds:
            need(
                not any(others), "load does look at source.fold: take with_folds = False out of the contract"
            )
            return
        need(
            all(others),
            "load gives each fold the same validation part; cut training and validation part together into "
            "source.folds and validate on number source.fold, or say with_folds = False in the contract",
        )
        need(
            len({len(each.test) for each in folds}) == 1,
            "load gives folds test parts of different sizes; all share the test part of no folds",
        )

    def _load(self, fold: int, folds: int = 1) -> Parts:
        source = replace(self.bench.order().source, folds=folds, fold=fold, limit=None)
        return tried(
            f"load for fold {fold} of {folds}",
            lambda: load_parts(self.bench.task, source, self.bench.settings),
        )
