"""What a task owes its training: all follows from seed, settings and checkpoint, whoever carries it out."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, ClassVar

import torch

from raysearch.errors import InputError
from raysearch.models.flat import Step, flat_parameters
from raysearch.space.domains import ChoiceDomain
from raysearch.tasks.settings import make_settings, settings_names
from raysearch.testing.bench import Bench
from raysearch.testing.need import need, tried, tried_or_refused
from raysearch.testing.runs import Ran, build, carry_out, difference, same, unread_at


class TrainingContract:
    """Tests of ``model``, ``optimizers``, ``schedulers``, ``loss`` and ``step``.

    Class attributes:
        without_effect: searched settings that need not change a short run, such as a patience.
        tolerance: relative, of losses and objective by two workers to those by one.
    """

    without_effect: ClassVar[frozenset[str]] = frozenset()
    tolerance: ClassVar[float] = 1e-2
    bench: ClassVar[Bench]

    def test_every_setting_is_read(self) -> None:
        """One that the space names and nobody reads would be searched for nothing.

        What is read beside some choices only, such as a patience, must be read at some point of the space.
        """
        points = [self.bench.point, *self.bench.points.corners]
        unread = set(settings_names(self.bench.task)) & set(self.bench.space.names)
        for point in points:
            unread &= tried("a training step", partial(unread_at, self.bench.order(point)))
            if not unread:
                return
        need(
            False,
            f"nothing reads {', '.join(sorted(unread))}: use it, or take it out of "
            f"{self.bench.task.Settings.__name__}",
        )

    def test_every_searched_setting_changes_a_run(self) -> None:
        """Nor should one be searched that is read and then forgotten."""
        idle = [
            name
            for name in self.bench.space.domains
            if name not in self.without_effect and not self._changes(name)
        ]
        need(
            not idle,
            f"runs with other values of {', '.join(idle)} have the same bits: use it, or name it in "
            "without_effect if a short run cannot show what it does",
        )

    def _changes(self, name: str) -> bool:
        """Whether some other value of a setting gives other bits."""
        return any(
            difference(
                self.bench.first,
                tried(f"training with {name} = {point[name]!r}", partial(carry_out, self.bench.order(point))),
            )
            for point in self._others(name)
        )

    def _others(self, name: str) -> Iterator[dict[str, Any]]:
        """The point with other values of one setting: each choice, both ends of a range."""
        domain, point = self.bench.space.domains[name], self.bench.point
        ends = domain.values if isinstance(domain, ChoiceDomain) else (domain.low, domain.high)
        for value in ends:
            if value == point[name]:
                continue
            other = {**point, name: value}
            try:
                make_settings(self.bench.task, self.bench.order(other).settings)
            except InputError:
                continue  # refused beside the values of the others
            yield other

    def test_every_parameter_is_trained_or_frozen(self) -> None:
        """One without gradient costs memory, is counted, and stays as it was drawn."""
        untouched = self.bench.first.untouched
        need(
            not untouched,
            f"no gradient reaches {', '.join(untouched[:5])}: use it in a loss, or freeze it in model() with "
            "requires_grad_(False)",
        )

    def test_the_same_seed_gives_the_same_bits(self) -> None:
        """Runs A, B, A in one process, as an actor that is used again carries them out."""
        self._need_same(
            self.bench.again,
            "the same run twice in one process, another one between",
            "Draw from torch's, NumPy's or random's global generators, which are seeded for every run and "
            "epoch, not from one that is made without a seed; keep nothing in module or class variables.",
        )

    def test_another_seed_gives_other_bits(self) -> None:
        """Or repeats of a trial would tell nothing."""
        drawn = [build(self.bench.order(seed=seed))[2].state_dict() for seed in (0, 1)]
        need(
            not same(*drawn) and bool(difference(self.bench.first, self.bench.other)),
            "models of two seeds are the same: weights must be drawn from torch's global generator, so "
            "do not call torch.manual_seed, nor give initialisations a generator of their own",
        )

    def test_another_process_gives_the_same_bits(self) -> None:
        """Nobody knows which process a run is carried out in."""
        self._need_same(
            self.bench.apart.ran("alone"),
            "the same run in another process",
            "Draw from torch's, NumPy's or random's global generators only; do not let the order of a set, "
            "the time or a process number decide anything.",
        )

    def test_a_stopped_run_goes_on_to_the_same_bits(self) -> None:
        """All that decides the rest of a run is in its checkpoint: model, optimisers, schedules."""
        changed = self.bench.first.changed
        told = f" Training changes {', '.join(changed)} of the task." if changed else ""
        self._need_same(
            self.bench.apart.ran("resumed"),
            "a run that was stopped after epoch 1 and goes on in another process",
            f"Something is in no checkpoint.{told} Keep nothing on the task, in modules or in module "
            "variables that changes from batch to batch: make it a buffer of the model (register_buffer), or "
            "compute it from descent.epoch, descent.batch_number or descent.progress.",
        )

    def _need_same(self, ran: Ran, which: str, advice: str) -> None:
        where = difference(self.bench.first, ran)
        need(not where, f"{which} gives other bits: {where}. {advice}")

    def test_two_workers_train_as_one_does(self) -> None:
        """At the same batch over both; of what is drawn at random only the size can be compared."""
        two, second = (self.bench.apart.ran("shared", rank) for rank in (0, 1))
        where = difference(two, second)
        need(
            not where,
            f"two workers come to different models ({where}): only descent(loss) may change weights, and "
            "both must take the same steps, so do not let a worker's own rows decide whether one is taken",
        )
        self._need_alike(two, "with two workers")

    def test_a_run_goes_on_with_more_workers_as_one_trains(self) -> None:
        """From a checkpoint of one by two, as where a machine came back; told as the test above."""
        self._need_alike(self.bench.apart.ran("grown"), "with one worker and, from epoch 2 on, two")

    def _need_alike(self, ran: Ran, how: str) -> None:
        for name, one, both in self._compared(ran):
            need(
                abs(both - one) <= self._allowed(name, one),
                f"{how} {name} is {both:.6g}, with one {one:.6g}: a loss must be the mean over the rows of "
                "its batch, of which a worker has a part (mean(), not sum(), and no number of rows by heart)",
            )

    def _compared(self, two: Ran) -> Iterator[tuple[str, float, float]]:
        """Losses, and the objective where runs are comparable: name, mean by one worker, by two."""
        first = self.bench.first.history
        objective = self.bench.order().objective
        for name in first[0]:
            if name.startswith("train_") or (name == objective and self.bench.steps_alike):
                yield name, _mean(first, name), _mean(two.history, name)

    def _allowed(self, name: str, one: float) -> float:
        if self.bench.steps_alike:
            return self.tolerance * abs(one)
        # What two seeds differ by, and a quarter: a sum in place of a mean is half.
        return 0.25 * abs(one) + 3 * abs(_mean(self.bench.other.history, name) - one)

    def test_a_batch_in_parts_trains_as_the_whole(self) -> None:
        """``accumulate`` is a setting of every space: gradients of several batches make one step."""
        n_rows = self.bench.settings.batch_size
        n_part = max(n_rows // 2, 1)
        one = self.bench.first if n_rows == 2 * n_part else self._with(batch_size=2 * n_part)
        two = self._with(batch_size=n_part, accumulate=2)
        for name in one.history[0]:
            if name.startswith("train_"):
                alone, both = _mean(one.history, name), _mean(two.history, name)
                need(
                    abs(both - alone) <= self._allowed(name, alone),
                    f"with batches in two parts (accumulate: 2) {name} is {both:.6g}, in one {alone:.6g}: a "
                    "loss must be the mean over the rows it is given (mean(), not sum(), and no number of "
                    "rows by heart)",
                )

    def _with(self, **settings: Any) -> Ran:
        """A run with other settings."""
        order = self.bench.order(self.bench.point | settings)
        return tried(f"training with {settings}", lambda: carry_out(order))

    def test_bfloat16_trains_or_is_refused(self) -> None:
        """Mixed precision is a setting of every space."""
        order = self.bench.order(epochs=1, precision="bfloat16")
        tried_or_refused("training in bfloat16 (precision: bfloat16 in a space)", lambda: carry_out(order))

    def test_evolution_judges_each_child_by_itself_or_is_refused(self) -> None:
        """By the task's loss; a task that has a step of its own may have none."""
        task, batch = self.bench.task, self.bench.batch
        model = build(self.bench.order())[2].eval()
        weights = flat_parameters(model)
        before = weights.clone()
        sparse = (torch.tensor([0, len(weights) - 1]), torch.tensor([0.5, -0.5]))
        steps = [sparse, (None, torch.full_like(weights, 1e-3)), sparse]

        def losses(some: list[Step]) -> list[float]:
            return task.children_losses(model, some, batch).tolist()

        together = tried_or_refused("evolution (children_losses)", lambda: losses(steps))
        if together is None:
            return
        alone = [losses([step])[0] for step in steps]
        need(
            together == alone and torch.equal(weights, before),
            f"children_losses gives {together} for three children and {alone} for each alone: a child's loss "
            "must depend on nothing but the model, its step and the batch, and leave the model as it was; "
            "draw in loss from torch's global generator only",
        )


def _mean(history: list[dict[str, float]], name: str) -> float:
    return sum(epoch[name] for epoch in history) / len(history)
