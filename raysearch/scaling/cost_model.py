"""The time of a step, and of an epoch, of data-parallel training on p workers.

One step: every worker computes on its rows and all wait for the slowest; then gradients go round a ring, in
2 (p - 1) messages of which each carries a p-th of them (Patarasuk and Yuan, J. Parallel Distrib. Comput. 69
(2009) 117). Nothing of it is hidden behind computing, as nothing of it is in ``training/workers.py``.
"""

from __future__ import annotations

from dataclasses import dataclass

from raysearch.scaling.stragglers import slowest_factor


@dataclass(frozen=True)
class Constants:
    """What a machine, a model and their network are to the cost of a step; all in seconds, but for sigma.

    Attributes:
        step_s: of a step whatever its rows: launching kernels, optimiser.
        row_s: of each row more.
        sigma: spread of a worker's step times, see :func:`raysearch.scaling.stragglers.slowest_factor`.
        latency_s: of a message between neighbours, however short.
        message_s: of all gradients through one link once: bytes / bandwidth.
        fixed_s: of an epoch, once, that no worker takes off another: validation, checkpoints.
    """

    step_s: float = 0.0
    row_s: float = 0.0
    sigma: float = 0.0
    latency_s: float = 0.0
    message_s: float = 0.0
    fixed_s: float = 0.0


@dataclass(frozen=True)
class Layout:
    """How an epoch is laid out.

    Attributes:
        workers: p.
        rows: of a step, on each worker.
        steps: of an epoch.
    """

    workers: int
    rows: float
    steps: float


def weak(workers: int, rows: float, steps: float) -> Layout:
    """Each worker keeps its rows a step, so that p workers need a p-th of the ``steps`` of one."""
    return Layout(workers, rows, steps / workers)


def strong(workers: int, rows: float, steps: float) -> Layout:
    """The ``rows`` of one worker's step are dealt to all, for as many steps."""
    return Layout(workers, rows / workers, steps)


def compute_s(constants: Constants, layout: Layout) -> float:
    """Seconds of a step until the slowest worker has its gradients."""
    alone = constants.step_s + constants.row_s * layout.rows
    return alone * slowest_factor(layout.workers, constants.sigma)


def ring_s(constants: Constants, workers: int) -> float:
    """Seconds of a step that the gradients take round the ring."""
    messages = 2 * (workers - 1)
    return messages * constants.latency_s + messages / workers * constants.message_s


def step_s(constants: Constants, layout: Layout) -> float:
    """Seconds of a step."""
    return compute_s(constants, layout) + ring_s(constants, layout.workers)


def epoch_s(constants: Constants, layout: Layout) -> float:
    """Seconds of an epoch."""
    return layout.steps * step_s(constants, layout) + constants.fixed_s


def rate(constants: Constants, layout: Layout) -> float:
    """Rows a second while steps are taken."""
    return layout.workers * layout.rows / step_s(constants, layout)
