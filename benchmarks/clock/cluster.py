"""A cluster as a simulation has it: how long steps and messages take, who is slow, and who is lost when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Cluster:
    """All in virtual seconds.

    Attributes:
        workers: how many.
        step_s: mean of a worker's step, and ``sigma``, the spread of the lognormal that it is drawn from.
        latency_s: of any message.
        message_s: of all weights through a link once.
        slow: workers whose steps take so many times as long.
        slow_links: workers whose messages take so many times as long.
        lost: workers that vanish, and when.
        noticed_s: how long after that the others hear of it.
        seed: of all that is drawn.
    """

    workers: int
    step_s: float = 0.010
    sigma: float = 0.2
    latency_s: float = 1e-4
    message_s: float = 1e-3
    slow: Mapping[int, float] = field(default_factory=dict)
    slow_links: Mapping[int, float] = field(default_factory=dict)
    lost: Mapping[int, float] = field(default_factory=dict)
    noticed_s: float = 1.0
    seed: int = 1

    def steps_s(self, worker: int, n: int, chance: np.random.Generator) -> float:
        """Draw the time of ``n`` steps."""
        drawn = np.exp(self.sigma * chance.standard_normal(n) - self.sigma**2 / 2)
        return float(self.step_s * self.slow.get(worker, 1.0) * drawn.sum())

    def link_s(self, worker: int) -> float:
        """Time of a message between a worker and the centre."""
        return self.latency_s + self.message_s * self.slow_links.get(worker, 1.0)

    def ring_s(self, alive: int) -> float:
        """Time of a ring all-reduce, which goes at the speed of its slowest link."""
        slowest = max(self.slow_links.values(), default=1.0)
        return 2 * (alive - 1) * self.latency_s + 2 * (alive - 1) / alive * self.message_s * slowest
