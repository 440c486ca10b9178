"""Evolution strategies as Salimans, Ho, Chen, Sidor and Sutskever have them, arXiv:1703.03864, with Adam.

A generation draws steps around a centre, evaluates each forwards and backwards (mirrored sampling, section
2.1), and moves the centre along the steps' mean, weighted by what they brought: an estimate of the gradient
of the smoothed loss from losses alone, which Adam (Kingma, Ba, arXiv:1412.6980) turns into a step.

Three things differ from the paper. A step need not change all weights (``rate``; see
:mod:`~raysearch.evolve.strata`): whatever its length, a child tells one number about the gradient, with a
noise of |gradient|^2 / pairs for each weight, and one that changes few weights can be far cheaper to
evaluate. Weights that change do so by the same length, up or down, not by normal draws. And what counts in
the end is not the last centre but the centres' moving average (Polyak, Juditsky, SIAM J. Control Optim. 30
(1992) 838), in which their noise averages out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raysearch.evolve import around_centre, strategy
from raysearch.evolve.around_centre import AroundCentre, share_kept, vector_of
from raysearch.evolve.strata import StratifiedSigns, numbers_of
from raysearch.evolve.strategy import Round, comparable
from raysearch.evolve.swarm import mirrored

EPSILON = 1e-8  # of Adam, as in its paper


@dataclass(frozen=True)
class Settings(strategy.Settings):
    """Settings of the strategy.

    Args:
        pairs: n, the steps of a generation, each of which makes two children.
        rate: the share of the weights that a step changes; 1: all, as in the paper.
        power: sigma, by how much.
        step_size: alpha of Adam, about how far a weight moves in a generation at first.
        half_life: generations in which ``step_size`` halves, again and again; 0: it stays.
        beta1, beta2: Adam's decay rates of its two moments.
        averaging: decay rate of the average of centres, which is the result; 0: the last centre.
        shaping: what a pair counts: its children's difference in rank, as in the paper, or in loss.
    """

    pairs: int = 64
    rate: float = 0.01
    power: float = 0.02
    step_size: float = 0.005
    half_life: int = 0
    beta1: float = 0.9
    beta2: float = 0.99
    averaging: float = 0.99
    shaping: str = "ranks"

    choices: ClassVar[Mapping[str, tuple[str, ...]]] = {"shaping": ("ranks", "differences")}

    def problems(self) -> list[str]:
        """List the faults."""
        found = super().problems()
        if found:
            return found
        if not 0 < self.rate <= 1:
            found.append(f"rate: must be above 0 and at most 1, got {self.rate!r}")
        for name in ("beta1", "beta2", "averaging"):
            if not 0 <= getattr(self, name) < 1:
                found.append(f"{name}: must be at least 0 and below 1, got {getattr(self, name)!r}")
        return [
            *found,
            *self.at_least(1, "pairs"),
            *self.at_least(0, "half_life"),
            *self.above_zero("power", "step_size"),
        ]


@dataclass(frozen=True)
class State(around_centre.State):
    """Where the strategy is, beside what every state around a centre holds.

    Args:
        centre: float32 (n,), what is added to the initial weights.
        first, second: float32 (n,), Adam's moments.
    """

    centre: NDArray[np.float32]
    first: NDArray[np.float32]
    second: NDArray[np.float32]


@dataclass(frozen=True)
class OpenAIES(AroundCentre[State]):
    """The strategy; each of its rounds are mirrored children of the centre.

    Args:
        settings: see :class:`Settings`.
        dimension: n, the number of weights.
    """

    settings: Settings
    dimension: int
    state = State

    @cached_property
    def mutation(self) -> StratifiedSigns:
        """What draws a child's step."""
        return StratifiedSigns(self.settings.rate)

    def begin(self, seed: int) -> State:
        """Give the first state."""
        zeros = np.zeros(self.dimension, np.float32)
        return State(None, seed, 0, 0, zeros, centre=zeros, first=zeros, second=zeros)

    def tell(self, state: State, losses: ArrayLike) -> State:
        """Move the centre."""
        of_pairs = SHAPINGS[self.settings.shaping](comparable(state, losses))
        # Algorithm 1 of 1703.03864: sum_i F_i epsilon_i, and a mirrored child's epsilon is the other's times
        # -1. Its factor 1 / (n sigma) is left out: Adam gives the same step for a multiple of the gradient.
        gradient = self.mutation.mixed(self._seeds(state.drawn), of_pairs, self.dimension)
        return self._moved(state, gradient.astype(np.float32))

    def _moved(self, state: State, gradient: NDArray[np.float32]) -> State:
        """Take a step of Adam, algorithm 1 of 1412.6980, along the estimate."""
        told = self.settings
        t = state.generation + 1
        first = np.float32(told.beta1) * state.first + np.float32(1 - told.beta1) * gradient  # m_t
        second = np.float32(told.beta2) * state.second + np.float32(1 - told.beta2) * gradient**2  # v_t
        alpha = told.step_size * (0.5 ** (state.generation / told.half_life) if told.half_life else 1.0)
        size = np.sqrt(second / np.float32(1 - told.beta2**t)) + np.float32(EPSILON)
        # theta_t = theta_(t-1) - alpha m-hat / (sqrt(v-hat) + epsilon)
        centre = state.centre - np.float32(alpha / (1 - told.beta1**t)) * first / size
        kept = np.float32(share_kept(told.averaging, t))
        average = centre + kept * (state.average - centre)
        return State(None, state.seed, t, state.drawn, average, centre=centre, first=first, second=second)

    def round_of(self, state: State, drawn: int) -> Round:
        """Give the round of a seed."""
        return Round(mirrored(vector_of(state, state.centre), self._seeds(drawn), self.settings.power))

    def _seeds(self, drawn: int) -> NDArray[np.uint64]:
        return numbers_of(np.array([drawn], np.uint64), self.settings.pairs)[0]


def _ranks(losses: NDArray[np.float64]) -> NDArray[np.float64]:
    """Differences (pair,) of ranks in -1/2 to 1/2, section 2.1 of 1703.03864; equal losses share one."""
    ordered = np.sort(losses)
    twice = np.searchsorted(ordered, losses, "left") + np.searchsorted(ordered, losses, "right") - 1
    return (twice[0::2] - twice[1::2]) / (2.0 * (len(losses) - 1))


def _differences(losses: NDArray[np.float64]) -> NDArray[np.float64]:
    """Differences (pair,) of losses, in units of their mean size; failed children count as the worst one."""
    is_finite = np.isfinite(losses)
    highest = losses[is_finite].max() if is_finite.any() else 0.0
    sizes = np.where(is_finite, losses, highest) / len(losses)  # small parts: no sum of them overflows
    found = sizes[0::2] - sizes[1::2]
    # By their own mean: every batch moves the centre equally, however its losses and their slope are.
    return found / max(float(np.mean(np.abs(found))), np.finfo(np.float64).tiny)


SHAPINGS: Mapping[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "ranks": _ranks,
    "differences": _differences,
}
