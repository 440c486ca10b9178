"""Workers that step by themselves, and exchange with a centre every so often.

Each optimiser has a centre, whose weights are the model's between epochs, when it is judged and saved.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from raysearch.agreement.make import Agreement
from raysearch.agreement.sides import WorkerSide
from raysearch.errors import InputError
from raysearch.training.centres import Centres
from raysearch.training.consensus import Share
from raysearch.training.workers import Workers

REFUSED = "messages too old for the centre were refused"


class _OfOptimizer:
    """One optimiser's weights, and this worker's side."""

    def __init__(self, weights: list[Tensor], agreement: Agreement) -> None:
        self.weights = weights
        self.local = self.flat()  # between epochs, when the model has the centre's
        self.side: WorkerSide = agreement.worker(self.local)
        self.steps = 0  # since the last exchange

    def flat(self) -> Tensor:
        """The model's weights now, as a vector of their own."""
        return torch.cat([weight.detach().reshape(-1) for weight in self.weights])

    @torch.no_grad()
    def put(self, flat: Tensor) -> None:
        """Put a vector into the model."""
        for weight, values in zip(
            self.weights, flat.split([weight.numel() for weight in self.weights]), strict=True
        ):
            weight.copy_(values.view_as(weight))


class Exchanging:
    """Exchanges with centres, wherever they are.

    Args:
        workers: the run's.
        agreement: the algorithm.
        centres: where they are.
    """

    def __init__(self, workers: Workers, agreement: Agreement, centres: Centres) -> None:
        self._workers, self._agreement, self._centres = workers, agreement, centres
        self._of: dict[str, _OfOptimizer] = {}
        self._n_refused = 0  # of which was told

    def begin(self, optimizers: Mapping[str, Optimizer]) -> None:
        """Hear of the optimisers.

        Raises:
            InputError: two of them hold the same weights, of which there can be one centre alone.
        """
        owners: dict[int, str] = {}
        for name, optimizer in optimizers.items():
            weights = [weight for group in optimizer.param_groups for weight in group["params"]]
            trained = [weight for weight in weights if weight.requires_grad]
            for weight in trained:
                if (other := owners.setdefault(id(weight), name)) != name:
                    raise InputError(
                        f"agreement: {self._agreement.name} exchanges each optimiser's weights, but {other} "
                        f"and {name} hold some together; leave agreement out"
                    )
            self._of[name] = _OfOptimizer(trained, self._agreement)
            self._centres.begin(name, self._of[name].local)

    def shares(self, rows: Tensor, rows_of_step: int) -> Iterator[Share]:
        """Deal whole steps; those that are left over when each worker has as many are left out.

        Raises:
            InputError: there are fewer than workers.
        """
        rank, size = self._workers.rank, self._workers.size
        steps = rows.split(rows_of_step)
        n_each = len(steps) // size
        if not n_each:
            raise InputError(
                f"agreement: {self._agreement.name} deals whole batches to {size} workers, but an epoch has "
                f"{len(steps)} of {rows_of_step} rows; make batch_size smaller"
            )
        for number in range(n_each):
            mine = steps[number * size + rank]
            yield Share(number + 1, n_each, mine, len(mine), 1)

    def share_buffers_now(self) -> bool:
        """Each worker has its own until the epoch ends."""
        return False

    def before_step(self, weights: Sequence[Tensor]) -> None:
        """Nothing: a worker's step is its own."""

    def after_step(self, of: str) -> None:
        """Exchange, if it is time."""
        each = self._of[of]
        each.steps += 1
        if each.steps == self._agreement.settings.exchange_every:
            self._exchange(of)

    def _exchange(self, of: str) -> None:
        each = self._of[of]
        mine = each.flat()
        reply = self._centres.exchange(of, each.side.outgoing(mine))
        each.put(each.side.incoming(mine, reply))
        each.steps = 0

    def loss_of_step(self, mine: float) -> float:
        """Take it as it is: nobody else has this step."""
        return mine

    def over_the_epoch(self, mine: float) -> float:
        """Add up over the workers."""
        return self._workers.sum(mine)

    def begin_epoch(self) -> None:
        """Go on from the worker's own weights."""
        self._centres.begin_epoch()
        for each in self._of.values():
            each.put(each.local)

    def end_epoch(self) -> None:
        """Exchange what was not yet, and have the model be the centre."""
        for name, each in self._of.items():
            if each.steps:
                self._exchange(name)
            each.local = each.flat()
        self._centres.end_epoch()
        for name, each in self._of.items():
            each.put(self._centres.weights(name))

    def take_remarks(self) -> list[str]:
        """Tell of messages that were refused."""
        before, self._n_refused = self._n_refused, self._centres.n_refused()
        return [REFUSED] if self._n_refused > before else []

    def state(self, own: dict[str, Any]) -> dict[str, Any]:
        """Complete a worker's state by that of all others, who have other weights and moments."""
        mine = {
            "own": own,
            "weights": {name: each.local for name, each in self._of.items()},
            "sides": {name: each.side.state() for name, each in self._of.items()},
        }
        of_all = [_unpacked(packed) for packed in self._workers.gather(_packed(mine))]
        # A run that goes on with this one's training, with other weights, begins from one of them.
        return {**own, "exchanging": {"workers": of_all, **self._centres.state()}}

    def load_state(self, state: Mapping[str, Any]) -> Mapping[str, Any]:
        """Take all back, and give this worker's own."""
        known = state["exchanging"]
        mine = known["workers"][self._workers.rank]
        for name, each in self._of.items():
            each.local = mine["weights"][name].to(each.local)
            each.side.load_state(_on(each.local.device, mine["sides"][name]))
        self._centres.load_state(_on(self._workers.device, {**known, "workers": []}))
        self._n_refused = self._centres.n_refused()
        own: Mapping[str, Any] = mine["own"]
        return own


def _packed(state: dict[str, Any]) -> bytes:
    """Write a state as bytes, for processes that do not see this one's GPU."""
    file = io.BytesIO()
    torch.save(state, file)
    return file.getvalue()


def _unpacked(packed: bytes, device: torch.device | None = None) -> Any:  # noqa: ANN401 - a state
    return torch.load(io.BytesIO(packed), map_location=device or "cpu", weights_only=True)


def _on(device: torch.device, state: dict[str, Any]) -> Any:  # noqa: ANN401 - a state
    """Move a state to a device."""
    return _unpacked(_packed(state), device)
