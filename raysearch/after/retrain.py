"""Retraining of a pruned network: every run's loop, with dropped weights held at zero and an L1 penalty."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from raysearch.after.magnitude import Masks, hold
from raysearch.tasks.task import Task
from raysearch.training.by_gradient import GradientLearner
from raysearch.training.loop import Trainer
from raysearch.training.order import Order, Report
from raysearch.training.workers import OneWorker


class Retrainer(Trainer):
    """A run that starts from given weights and keeps some of them at zero.

    Args:
        task, order, report: as for every run.
        start: a ``state_dict``.
        masks: which weights stay zero.
        l1: strength of the penalty ``l1 * sum |w|`` over the weights under masks. It enters by its gradient,
            so that the losses that are told are without it.
        device: where to train.
    """

    def __init__(
        self,
        task: Task[Any],
        order: Order,
        start: Mapping[str, Tensor],
        masks: Masks,
        l1: float,
        device: torch.device,
        report: Report,
    ) -> None:
        super().__init__(task, order, OneWorker(device), report)
        self.model.load_state_dict(start)
        hold(self.model, masks)
        self._masks = {name: mask.to(device) for name, mask in masks.items()}
        self._l1 = l1
        assert isinstance(self.learner, GradientLearner)  # the order names no strategy
        for optimizer in self.learner.descent.optimizers.values():
            optimizer.register_step_pre_hook(lambda optimizer, *_: self._penalise(optimizer))
            optimizer.register_step_post_hook(lambda optimizer, *_: self._hold(optimizer))

    # Both for the weights that take this step alone: another network's gradients are not complete yet, and
    # its weights may be part of a graph whose backward pass is still to come.

    @torch.no_grad()
    def _penalise(self, stepping: Optimizer) -> None:
        for weight, _ in self._masked(stepping):
            if weight.grad is not None:
                weight.grad.add_(weight.sign(), alpha=self._l1)

    @torch.no_grad()
    def _hold(self, stepped: Optimizer) -> None:
        for weight, mask in self._masked(stepped):
            weight.mul_(mask)

    def _masked(self, optimizer: Optimizer) -> Iterator[tuple[nn.Parameter, Tensor]]:
        """The weights of an optimiser that are under masks, and these."""
        own = {id(weight) for group in optimizer.param_groups for weight in group["params"]}
        for name, weight in self.model.named_parameters():
            if id(weight) in own and name in self._masks:
                yield weight, self._masks[name]
