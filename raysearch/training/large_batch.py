"""Large batches: steps along the gradients of several batches, and learning rates that go with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch.optim import Optimizer

from raysearch.recipes import CheckedSettings

NONE, LINEAR, SQRT = "none", "linear", "sqrt"


@dataclass(frozen=True)
class LargeBatch(CheckedSettings):
    """Settings of every run that is trained by gradient.

    Args:
        accumulate: batches a step, whose gradients are added up before it.
        scale_rate: what becomes of learning rates where a step has more rows than they were found for:
            ``linear``: as many times more (Goyal et al., arXiv:1706.02677, section 2.1); ``sqrt``: by the
            square root of it (Krizhevsky, arXiv:1404.5997, section 5.1); ``none``.
        rate_batch: the rows of a step that learning rates were found for; None: ``batch_size``.
    """

    choices: ClassVar[Mapping[str, tuple[str, ...]]] = {"scale_rate": (NONE, LINEAR, SQRT)}

    accumulate: int = 1
    scale_rate: str = NONE
    rate_batch: int | None = None

    def problems(self) -> list[str]:
        """List the faults."""
        if found := super().problems():
            return found
        found = self.at_least(1, "accumulate")
        if self.rate_batch is not None and (not isinstance(self.rate_batch, int) or self.rate_batch < 1):
            found.append(f"rate_batch: must be a whole number from 1 on, or none, got {self.rate_batch!r}")
        return found

    def rows(self, batch_size: int) -> int:
        """Rows of a step."""
        return batch_size * self.accumulate

    def scale_rates(self, optimizers: Iterable[Optimizer], batch_size: int) -> None:
        """Change learning rates for the rows of a step; of fresh optimisers, before they have schedules."""
        ratio = self.rows(batch_size) / (self.rate_batch or batch_size)
        factor = {NONE: 1.0, LINEAR: ratio, SQRT: ratio**0.5}[self.scale_rate]
        if factor != 1:  # or even so the bits of a rate could be others
            for group in (group for each in optimizers for group in each.param_groups if "lr" in group):
                group["lr"] *= factor
