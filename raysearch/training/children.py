"""Losses of candidates of one run, for evolution: a copy of the model takes each one's weights in turn.

A child that is one step away from its parent is evaluated as that: the task may share the parent's work among
its children. How a candidate is evaluated is settled for the whole round (:func:`items_of`), before it is
spread over processes, so that the bits do not depend on how many there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from raysearch.data.tensors import TensorData
from raysearch.evolve.genome import Candidate, Genome
from raysearch.evolve.make import make_strategy
from raysearch.evolve.mutation import PointMutation, Step
from raysearch.evolve.rebuild import Rebuilder, Snapshots
from raysearch.evolve.strategy import Round
from raysearch.evolve.swarm import Swarm
from raysearch.models.flat import Step as FlatStep
from raysearch.models.flat import StepTable, flat_parameters
from raysearch.seeds import derive
from raysearch.tasks.task import Task
from raysearch.training.drawn_together import DrawnTogether
from raysearch.training.inherit import inherit
from raysearch.training.order import Order
from raysearch.training.randomness import seed_all


@dataclass(frozen=True)
class Item:
    """A candidate, and whether it is evaluated as it stands or as a step from its parent."""

    candidate: Candidate
    whole: bool


Items = Sequence[Item] | Swarm
"""Candidates of a round, or some of them; a swarm's are all steps from its centre."""


def items_of(asked: Round) -> Items:
    """Write the candidates of a round down one by one, unless they are a swarm."""
    if isinstance(asked.candidates, Swarm):
        return asked.candidates
    return [Item(*each) for each in zip(asked.candidates, asked.whole, strict=True)]


@dataclass(frozen=True)
class _Siblings:
    """Steps from one base, and where among the items they stand."""

    base: NDArray[np.float32]
    places: list[int] | slice
    steps: Sequence[FlatStep]


class ChildLosses:
    """Evaluates candidates in this process, one after another.

    Args:
        task, order, settings: of the run.
        train: the training part.
    """

    def __init__(
        self,
        task: Task[Any],
        order: Order,
        settings: Any,  # noqa: ANN401 - the task's own type
        train: TensorData,
    ) -> None:
        self._task, self._order, self._settings, self._train = task, order, settings, train
        seed_all(derive(order.seed, "weights"))  # what a model draws and does not keep among its weights
        self._model = task.model(settings).eval()
        inherit(order, self._model)
        self._flat = flat_parameters(self._model)
        assert order.strategy is not None  # or nobody would ask
        self._strategy = make_strategy(order.strategy, order.evolution, len(self._flat))
        mutation = self._strategy.mutation
        self._drawn = DrawnTogether(mutation) if isinstance(mutation, PointMutation) else None
        self._rebuilder = Rebuilder(self._initial, self._drawn or mutation, self._strategy.keep)

    def losses(self, asked: Round, batches: Sequence[Tensor]) -> NDArray[np.float64]:
        """Mean loss of each candidate over the batches."""
        return self.losses_of(items_of(asked), batches)

    @torch.no_grad()
    def losses_of(self, items: Items, batches: Sequence[Tensor]) -> NDArray[np.float64]:
        """Mean loss of each item over the batches; what else is among the items changes no bit of it."""
        found = np.zeros(len(items))
        taken = [self._train.rows(rows) for rows in batches]
        for siblings in self._families(items):
            self._flat.copy_(_as_tensor(siblings.base))
            for rows, batch in zip(batches, taken, strict=True):
                seed_all(derive(self._order.seed, "batch", *rows[:2].tolist()))  # what a loss draws
                losses = self._task.children_losses(self._model, siblings.steps, batch)
                found[siblings.places] += losses.cpu().double().numpy() / len(taken)
        return found

    def _families(self, items: Items) -> Iterable[_Siblings]:
        """Part items by what they are steps from."""
        if isinstance(items, Swarm):
            return self._parts(items)
        if self._drawn is not None:
            children = [each.candidate for each in items if not each.whole]
            seeds = [each.seeds[-1] for each in children if isinstance(each, Genome) and each.parent]
            self._drawn.prepare(seeds, len(self._flat))
        found: dict[int, tuple[NDArray[np.float32], list[int], list[FlatStep]]] = {}
        for place, item in enumerate(items):
            base, step = self._rebuilder.step(item.candidate, whole=item.whole)
            # The base is held there, so that no other array gets its id.
            _, places, steps_of_base = found.setdefault(id(base), (base, [], []))
            places.append(place)
            steps_of_base.append(_as_tensors(step))
        return [_Siblings(*each) for each in found.values()]

    def _parts(self, swarm: Swarm) -> Iterator[_Siblings]:
        """Part a swarm into what fits into memory."""
        base = self._rebuilder.weights(swarm.centre)
        for places, steps in self._rebuilder.swarm(swarm):
            table = StepTable(torch.from_numpy(steps.places), torch.from_numpy(steps.deltas))
            yield _Siblings(base, places, table)

    def weights(self, candidate: Candidate) -> Tensor:
        """Weights of a candidate, float32 (weight,)."""
        return _as_tensor(self._rebuilder.weights(candidate))

    def snapshots(self) -> dict[str, Any]:
        """What shortens the rebuilding of long chains, for a checkpoint."""
        found = self._rebuilder.snapshots()
        return {"chains": found.chains, "weights": torch.from_numpy(found.weights)}

    def remember(self, snapshots: dict[str, Any]) -> None:
        """Take :meth:`snapshots` back."""
        self._rebuilder.remember(Snapshots(snapshots["chains"], snapshots["weights"].numpy()))

    def _initial(self, seed: int) -> NDArray[np.float32]:
        """Fresh weights: the task's own, or normal ones with biases 0 where the strategy says how wide."""
        seed_all(seed)
        model = self._task.model(self._settings)
        scale = self._strategy.settings.init_scale
        if scale is not None:
            with torch.no_grad():
                for name, weight in model.named_parameters():
                    if name.rpartition(".")[2] == "bias":
                        weight.zero_()
                    elif weight.ndim > 1:  # scales of normalisation stay 1
                        weight.normal_(0.0, scale)
        inherit(self._order, model)
        return flat_parameters(model).numpy().copy()


def _as_tensor(weights: NDArray[np.float32]) -> Tensor:
    return torch.from_numpy(weights if weights.flags.writeable else weights.copy())


def _as_tensors(step: Step) -> tuple[Tensor | None, Tensor]:
    return None if step.places is None else torch.from_numpy(step.places), torch.from_numpy(step.deltas)
