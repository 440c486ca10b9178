"""From what was measured on a few workers to many: constants of the model, and the band that they leave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from raysearch.scaling.cost_model import Constants, Layout, rate
from raysearch.scaling.fit import Fitted, Point, fit
from raysearch.scaling.stragglers import sigma_of


@dataclass(frozen=True)
class Measured:
    """Steps as they were measured on one layout; seconds are of one step.

    Attributes:
        workers, rows: of the layout; rows are those of one worker.
        busy: processes that computed at the same time, these workers among them.
        computing_s: of one worker, without what it waits for others.
        waiting_s: of one worker for the others.
        averaging_s: of the exchange of gradients.
    """

    workers: int
    rows: float
    busy: int
    computing_s: float
    waiting_s: float
    averaging_s: float


@dataclass(frozen=True)
class Projection:
    """Constants at both ends of what the measurement leaves open.

    Attributes:
        computing: ``step_s`` and ``row_s`` with their errors, and ``sigma``.
        all_latency: the exchange grows with the workers.
        all_bandwidth: it does not.
    """

    computing: Fitted
    all_latency: Constants
    all_bandwidth: Constants

    def rates(self, layout: Layout) -> tuple[float, float]:
        """Rows a second, at least and at most."""
        low, high = sorted(rate(constants, layout) for constants in (self.all_latency, self.all_bandwidth))
        return low, high

    @property
    def is_known(self) -> bool:
        """Whether latency and bandwidth were told from each other."""
        return self.all_latency == self.all_bandwidth


def project(measured: Sequence[Measured]) -> Projection:
    """Fit the constants of the model to measured steps.

    Computing is fitted on the layouts in which most processes were busy, for on one machine they share its
    memory. Two workers exchange 2 latencies and one message, which no measurement of two alone can tell
    apart, so both ends are kept; from two numbers of workers on, both are fitted.

    Args:
        measured: one layout with several workers among them.
    """
    most = max(each.busy for each in measured)
    crowded = [each for each in measured if each.busy == most]
    # From what was waited, and not from how steps differ, which is the same for all where a machine is busy.
    sigma = median(
        sigma_of(each.workers, 1 + each.waiting_s / each.computing_s) for each in measured if each.workers > 1
    )
    points = [Point(Layout(1, each.rows, 1), each.computing_s) for each in crowded]
    several_rows = len({each.rows for each in crowded}) > 1
    computing = fit(points, ("step_s", "row_s") if several_rows else ("row_s",))
    computing = replace(computing, constants=replace(computing.constants, sigma=sigma))
    exchanges = [Point(Layout(each.workers, 0, 1), each.averaging_s) for each in measured if each.workers > 1]
    kinds: list[tuple[str, ...]] = [("latency_s",), ("message_s",)]
    if len({point.layout.workers for point in exchanges}) > 1:
        kinds = [("latency_s", "message_s")] * 2
    found = [fit(exchanges, free).constants for free in kinds]
    ends = [
        replace(computing.constants, latency_s=each.latency_s, message_s=each.message_s) for each in found
    ]
    return Projection(computing, *ends)
