"""Settings of flow matching of point clouds, and the network they make."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from raysearch.models.cloud_frame import CloudFrame, LogFrame
from raysearch.models.cloud_maker import CloudMaker
from raysearch.models.epic_flow import FlowGenerator, FlowShape
from raysearch.tasks.cloud_rows import ALL, CLASSES_OF, JETS
from raysearch.tasks.cloud_settings import CloudSettings
from raysearch.tasks.optimising import Scheduled


@dataclass(frozen=True, kw_only=True)
class FlowMatchingSettings(CloudSettings, Scheduled):
    """Settings of flow matching.

    Attributes:
        width: of all layers.
        hidden: length of the global vector.
        layers: how many EPiC layers.
        steps: of the midpoint rule from noise to clouds, each of two looks at the network.
        draws: times and noises that a step draws for each of its clouds.
    """

    width: int = 128
    hidden: int = 10
    layers: int = 6
    steps: int = 100
    draws: int = 1

    def problems(self) -> Iterator[str]:
        """Tell every fault, as ``name: what``."""
        yield from super().problems()
        yield from Scheduled.problems(self)
        for name in ("width", "hidden", "layers", "steps", "draws"):
            if (value := getattr(self, name)) < 1:
                yield f"{name}: needs at least 1, got {value}"
        if self.conditional and self.of_class != ALL:
            yield "conditional: needs of_class: all"


def build_flow(settings: FlowMatchingSettings) -> CloudMaker:
    """Build the velocity field and the generator that follows it."""
    of_jets = settings.clouds == JETS
    n_labels = len(CLASSES_OF[settings.clouds]) if settings.conditional else 0
    shape = FlowShape(
        hidden=settings.width,
        of_cloud=settings.hidden,
        layers=settings.layers,
        labels=n_labels,
        points=settings.points,
    )
    frame = LogFrame.of_spread if of_jets else partial(CloudFrame.of_spread, sigmas=1)
    return CloudMaker(FlowGenerator(shape, settings.steps), frame, n_labels=n_labels, of_jets=of_jets)
