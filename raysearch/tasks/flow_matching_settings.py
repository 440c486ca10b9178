"""Settings of flow matching of point clouds, and the network they make."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from torch import nn

from raysearch.errors import one_of
from raysearch.models.attention_flow import AttentionField, AttentionShape
from raysearch.models.cloud_frame import CloudFrame, LogFrame
from raysearch.models.cloud_maker import CloudMaker
from raysearch.models.epic_flow import EpicField, FlowShape
from raysearch.models.flow_matching import FlowGenerator
from raysearch.models.point_pairing import AS_DRAWN, PAIRINGS
from raysearch.tasks.cloud_rows import ALL, CLASSES_OF, JETS
from raysearch.tasks.cloud_settings import CloudSettings
from raysearch.tasks.optimising import Scheduled

EPIC, ATTENTION = NETWORKS = ("epic", "attention")
FEATURES = 3


@dataclass(frozen=True, kw_only=True)
class FlowMatchingSettings(CloudSettings, Scheduled):
    """Settings of flow matching; what is None is the network's own.

    Attributes:
        network: ``epic``: deep sets with a global vector; ``attention``: every point looks at every other.
        width: of all layers; 128 of ``epic`` as published, 48 of ``attention``.
        hidden: of ``epic``, the length of the global vector, 10.
        heads: of ``attention``, 4.
        layers: how many EPiC layers, 6, or blocks of attention, 4.
        steps: of the midpoint rule from noise to clouds, each of two looks at the network.
        draws: times and noises that a step draws for each of its clouds.
        steps_a_batch: steps that are taken on a batch, each with draws of its own.
        pairing: which noise of a cloud becomes which of its points, see ``point_pairing.py``.
    """

    network: str = EPIC
    width: int | None = None
    hidden: int | None = None
    heads: int | None = None
    layers: int | None = None
    steps: int = 100
    draws: int = 1
    steps_a_batch: int = 1
    pairing: str = AS_DRAWN

    def problems(self) -> Iterator[str]:
        """Tell every fault, as ``name: what``."""
        yield from super().problems()
        yield from Scheduled.problems(self)
        for name in ("width", "hidden", "heads", "layers", "steps", "draws", "steps_a_batch"):
            if (value := getattr(self, name)) is not None and value < 1:
                yield f"{name}: needs at least 1, got {value}"
        if self.conditional and self.of_class != ALL:
            yield "conditional: needs of_class: all"
        for name, allowed in (("network", NETWORKS), ("pairing", tuple(PAIRINGS))):
            if (value := getattr(self, name)) not in allowed:
                yield f"{name}: needs {one_of(allowed)}, got {value!r}"
        yield from self._network_problems()

    def _network_problems(self) -> Iterator[str]:
        """Tell what the network has no use for: it would be searched for nothing."""
        if self.network == ATTENTION and self.hidden is not None:
            yield "hidden: is of network: epic alone; leave it out (--set space.hidden=null)"
        if self.network == EPIC and self.heads is not None:
            yield "heads: is of network: attention alone; leave it out (--set space.heads=null)"
        width, heads = self.width or AttentionShape.width, self.heads or AttentionShape.heads
        if self.network == ATTENTION and width > 0 and heads > 0 and width % heads:
            yield f"width: needs a multiple of the {heads} heads, got {width}"


def build_flow(settings: FlowMatchingSettings) -> CloudMaker:
    """Build the velocity field and the generator that follows it."""
    of_jets = settings.clouds == JETS
    n_labels = len(CLASSES_OF[settings.clouds]) if settings.conditional else 0
    frame = LogFrame.of_spread if of_jets else partial(CloudFrame.of_spread, sigmas=1)
    generator = FlowGenerator(
        _field(settings, n_labels), FEATURES, settings.steps, PAIRINGS[settings.pairing]
    )
    return CloudMaker(generator, frame, n_labels=n_labels, of_jets=of_jets)


def _field(settings: FlowMatchingSettings, n_labels: int) -> nn.Module:
    of_clouds = {"features": FEATURES, "labels": n_labels, "points": settings.points}
    if settings.network == ATTENTION:
        return AttentionField(
            AttentionShape(
                width=settings.width or AttentionShape.width,
                heads=settings.heads or AttentionShape.heads,
                layers=settings.layers or AttentionShape.layers,
                **of_clouds,
            )
        )
    return EpicField(
        FlowShape(
            hidden=settings.width or FlowShape.hidden,
            of_cloud=settings.hidden or FlowShape.of_cloud,
            layers=settings.layers or FlowShape.layers,
            **of_clouds,
        )
    )
