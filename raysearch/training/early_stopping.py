"""When to stop a run before its last epoch: the JEDI-net rule (arXiv:1908.05318, training code).

Stop when, over the last ``patience`` epochs, the objective never beat its earlier best, or its mean
is worse than that of the ``patience`` epochs before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean


@dataclass(frozen=True)
class EarlyStopping:
    """The rule for losses; pass negated values for an objective to maximise."""

    patience: int

    def should_stop(self, losses: Sequence[float]) -> bool:
        """Decide after the last of ``losses``, one per epoch."""
        # Two rules: no new best within patience, or a mean over it that rises: a flat, noisy curve ends, too.
        last, before = losses[-self.patience :], losses[: -self.patience]
        if not before:
            return False
        previous = before[-self.patience :]
        return min(last) > min(before) or (len(previous) == self.patience and fmean(last) > fmean(previous))


class NeverStop:
    """Trains to the last epoch."""

    def should_stop(self, losses: Sequence[float]) -> bool:  # noqa: ARG002 - the same shape as EarlyStopping
        """Never."""
        return False
