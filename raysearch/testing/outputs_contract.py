"""What a task owes whoever applies its model: outputs by row, drawn from what it is given to draw from."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor

from raysearch.data.tensors import Batch
from raysearch.metrics.shown import Estimates, Scores, Shown, pack, unpack
from raysearch.tasks.outputs import outputs_of
from raysearch.tasks.task import Outputs
from raysearch.testing.bench import Bench
from raysearch.testing.need import need, tried
from raysearch.testing.runs import build, same
from raysearch.testing.values import same_values
from raysearch.training.evaluation import evaluate, generator_on
from raysearch.training.randomness import seed_all
from raysearch.training.workers import OneWorker

HERE = torch.device("cpu")
ROUNDING = 1e-3  # of an output's size, by batches of other shapes


class OutputsContract:
    """Tests of ``predict``, ``kept``, ``metrics`` and ``shown``."""

    bench: ClassVar[Bench]

    def test_predict_draws_from_chance_alone(self) -> None:
        """Whatever was drawn or predicted before, and in whichever process."""
        batch = self.bench.batch
        one, other = self._predict(batch, global_seed=1), self._predict(batch, global_seed=2)
        need(
            same(one, other),
            "predict gives other outputs for the same rows and the same chance: draw from its argument, as "
            "in torch.randn(shape, generator=chance, device=...), and keep nothing from call to call",
        )

    def test_a_row_is_judged_by_itself(self) -> None:
        """In `predict` other rows stand beside it; of outputs that are drawn nothing can be said."""
        batch = self.bench.batch
        whole = self._predict(batch)
        if not same(whole, self._predict(batch, chance=1)):
            return
        half = len(batch[0]) // 2
        pieces = [self._predict(_rows(batch, rows)) for rows in (slice(half), slice(half, None))]
        far = [name for name in whole if not _near(torch.cat([each[name] for each in pieces]), whole[name])]
        need(
            not far,
            f"outputs {', '.join(far)} of a row depend on the rows beside it: normalise by what the model "
            "holds (running means, in evaluation mode), not by the batch",
        )

    def test_outputs_do_not_depend_on_the_number_of_workers(self) -> None:
        """To the last bit: workers are dealt whole batches, and each batch has a chance of its own."""
        judged = self.bench.judged
        for rank in (0, 1):
            need(
                same(judged, self.bench.apart.outputs(rank)),
                "two workers that share the batches of an evaluation come to other outputs than one: predict "
                "and kept may look at the model, the batch and chance only, and keep nothing from batch to "
                "batch",
            )

    def test_what_is_kept_of_batches_is_what_is_kept_of_all(self) -> None:
        """Outputs are kept batch by batch, of batches of any size."""
        task, batch = self.bench.task, self.bench.batch
        outputs = self._predict(batch)
        whole = task.kept(outputs, batch)
        pieces = [
            task.kept({name: rows[at] for name, rows in outputs.items()}, _rows(batch, at))
            for at in (slice(10), slice(10, None))
        ]
        need(
            all(set(each) == set(whole) for each in pieces)
            and all(_near(torch.cat([each[name] for each in pieces]), whole[name]) for name in whole),
            "kept gives something else for two batches than for both at once: it must work row by row",
        )

    def test_metrics_have_a_finite_objective_and_the_names_that_are_promised(self) -> None:
        """A search, a plateau and the best epoch go by them."""
        task, validation = self.bench.task, self.bench.parts.validation
        model = build(self.bench.order())[2]
        outputs = tried("evaluation", lambda: evaluate(task, model, validation, OneWorker(), seed=0))
        found = tried("metrics", lambda: task.metrics(outputs, validation))
        need("loss" in found, f"metrics gives {', '.join(found)}; it must give loss too")
        wrong = [name for name, value in found.items() if not _is_number(value)]
        need(not wrong, f"metrics must give plain numbers; {', '.join(wrong)} is none: float(...) makes one")
        objective = self.bench.order().objective.removeprefix("val_")
        need(objective in found, f"the objective is val_{objective}, but metrics gives {', '.join(found)}")
        need(
            math.isfinite(found[objective]),
            f"the objective val_{objective} is {found[objective]} of a fresh model; it must be finite, "
            "whatever a model gives",
        )
        for name in ("higher_is_better", "no_objectives"):
            strangers = sorted(getattr(task, name) - set(found))
            need(not strangers, f"{name} names {', '.join(strangers)}, which metrics does not give")

    def test_what_is_shown_is_of_every_row_and_can_be_kept(self) -> None:
        """The report reads it from a file, without the task."""
        task, validation = self.bench.task, self.bench.parts.validation
        shown = tried("shown", lambda: task.shown(self.bench.outputs, validation))
        for place, value in enumerate(shown):
            kind = type(value).__name__
            need(
                isinstance(value, Shown),
                f"shown gives {kind} at place {place}; it may give values of raysearch.metrics.shown",
            )
            n = _n_rows(value)
            need(
                n is None or n == len(validation),
                f"shown gives {kind} of {n} rows for {len(validation)}: show every row of the data, in their "
                "order",
            )
        need(
            same_values(tuple(shown), tried("pack", lambda: unpack(pack(shown)))),
            "what shown gives is not what comes back from its file: give plain arrays, texts and numbers",
        )

    def _predict(self, batch: Batch, global_seed: int = 0, chance: int = 0) -> Outputs:
        seed_all(global_seed)
        task, model = self.bench.task, self.bench.trained
        with torch.no_grad():
            found = tried("predict", lambda: outputs_of(task, model, batch, generator_on(HERE, chance)))
        return {name: rows.clone() for name, rows in found.items()}


def _rows(batch: Batch, at: slice) -> Batch:
    return tuple(tensor[at] for tensor in batch)


def _near(ours: Tensor, theirs: Tensor) -> bool:
    """Whether outputs are the same but for rounding, which is a share of their size."""
    if ours.shape != theirs.shape:
        return False
    size = theirs.abs().double().mean().item() if theirs.numel() else 0.0
    return torch.allclose(ours.double(), theirs.double(), rtol=ROUNDING, atol=ROUNDING * size, equal_nan=True)


def _is_number(value: object) -> bool:
    try:
        float(value)  # type: ignore[arg-type] # that is the question
    except (TypeError, ValueError):
        return False
    return True


def _n_rows(value: Shown) -> int | None:
    """Rows of what is shown row by row; None of the rest."""
    if isinstance(value, Scores):
        return len(value.labels)
    return len(value.true) if isinstance(value, Estimates) else None
