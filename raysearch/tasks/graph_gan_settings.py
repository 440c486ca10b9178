"""Settings of GANs of point clouds: which clouds and networks, and what to change of the published."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from torch.optim import Adam, Optimizer, RMSprop

from raysearch.errors import one_of
from raysearch.models.cloud_dense import NOISE, WIDTH, DenseDiscriminator, DenseGenerator
from raysearch.models.cloud_frame import CloudFrame
from raysearch.models.cloud_gan import CloudGan
from raysearch.models.epic_networks import EpicDiscriminator, EpicGenerator, EpicShape
from raysearch.models.mpgan_networks import COMPUTE, MpganDiscriminator, MpganGenerator, MpganShape
from raysearch.tasks.cloud_rows import ALL, CLASSES_OF, JETS
from raysearch.tasks.cloud_settings import CloudSettings

MPGAN, EPIC, FC = NETWORKS = ("mpgan", "epic", "fc")

# Of generator and discriminator, from the argument files beside MPGAN's weights, trained_models/mp_*/args.txt
# (the paper's appendix has a hundred times as much); its code's defaults are those of gluons.
RATES = {
    MPGAN: {"q": (0.5e-5, 1.5e-5), "t": (2e-5, 6e-5), "": (1e-5, 3e-5)},
    EPIC: {"": (1e-4, 1e-4)},
    FC: {"": (1e-4, 1e-4)},
}
OPTIMIZERS: dict[str, tuple[Callable[..., Optimizer], dict[str, Any]]] = {
    MPGAN: (RMSprop, {}),
    EPIC: (Adam, {"eps": 1e-14}),
    FC: (Adam, {"betas": (0.5, 0.999), "weight_decay": 5e-4}),
}


@dataclass(frozen=True, kw_only=True)
class GraphGanSettings(CloudSettings):
    """Settings of a GAN of point clouds; what is None is as published for the network.

    ``conditional`` is of ``mpgan`` alone.

    Attributes:
        network: ``mpgan``: message passing; ``epic``: deep sets with a global vector; ``fc``: dense layers.
        width: ``mpgan``: what a message carries, 192, to which all layers of its edge and node networks keep
            their ratios; ``epic``: of all layers, 128; ``fc``: of the first layer, 64, and so on.
        hidden: ``mpgan``: what a point carries and its noise, 32; ``epic``: the global vector, 10; ``fc``:
            the noise, 128.
        layers: ``mpgan``: steps of message passing, 2; ``epic``: of the generator, 6, the discriminator has
            half as many; ``fc`` has no choice.
        dropout: of the discriminator of ``mpgan``, 0.5.
        generator_learning_rate, discriminator_learning_rate: of RMSprop for ``mpgan``, else of Adam.
        decay_epochs: over which both rates fall to 0 along half a cosine; 0: they stay, as published.
        average_decay: clouds are made by an exponential moving average of the generator's weights, of which
            so much stays in a step; 0: by the weights as they are, as published.
        batch_size: clouds a step; published are 256 for ``mpgan``, 128 for ``epic``, 50 for ``fc``.
        compute: of ``mpgan``: ``packed``: without padding and pairs of features; ``plain``: as it is written.
    """

    network: str = MPGAN
    width: int | None = None
    hidden: int | None = None
    layers: int | None = None
    dropout: float | None = None
    generator_learning_rate: float | None = None
    discriminator_learning_rate: float | None = None
    decay_epochs: int = 0
    average_decay: float = 0.0
    batch_size: int = 256
    compute: str = "packed"

    def problems(self) -> Iterator[str]:
        """Tell every fault, as ``name: what``."""
        yield from super().problems()
        for name, allowed in (("network", NETWORKS), ("compute", COMPUTE)):
            if (value := getattr(self, name)) not in allowed:
                yield f"{name}: needs {one_of(allowed)}, got {value!r}"
        yield from self._network_problems()
        yield from self._number_problems()

    def _network_problems(self) -> Iterator[str]:
        """Tell what the network has no use for: it would be searched for nothing."""
        if self.conditional and (self.network != MPGAN or self.of_class != ALL):
            yield "conditional: needs network: mpgan and of_class: all"
        if self.layers is not None and self.network == FC:
            yield "layers: the fully connected networks have no choice; leave it out"
        if self.dropout is not None and self.network != MPGAN:
            yield "dropout: is of network: mpgan alone; leave it out (--set space.dropout=null)"

    def _number_problems(self) -> Iterator[str]:
        least = {"width": 2, "hidden": 1, "layers": 1, "decay_epochs": 0, "batch_size": 1}
        for name, lowest in least.items():
            if (value := getattr(self, name)) is not None and value < lowest:
                yield f"{name}: needs at least {lowest}, got {value}"
        for name in ("dropout", "average_decay"):
            if (share := getattr(self, name)) is not None and not 0 <= share < 1:
                yield f"{name}: needs 0 to less than 1, got {share}"
        for name in ("generator_learning_rate", "discriminator_learning_rate"):
            if (value := getattr(self, name)) is not None and not value > 0:
                yield f"{name}: needs more than 0, got {value}"

    @property
    def rates(self) -> dict[str, float]:
        """Learning rates of both optimisers: those that are given, else the published ones."""
        of_network = RATES[self.network]
        published = of_network.get(self.of_class if self.clouds == JETS else "", of_network[""])
        given = self.generator_learning_rate, self.discriminator_learning_rate
        pairs = zip(("generator", "discriminator"), given, published, strict=True)
        return {name: rate if rate is not None else default for name, rate, default in pairs}


def build_gan(settings: GraphGanSettings) -> CloudGan:
    """Build both networks, and averages of the generator's weights if there are to be some."""
    return _networks(settings).average(settings.average_decay)


def _networks(settings: GraphGanSettings) -> CloudGan:
    if settings.network == MPGAN:
        return _mpgan(settings)
    if settings.network == EPIC:
        return _epic(settings)
    width, noise = settings.width or WIDTH, settings.hidden or NOISE
    return CloudGan(
        DenseGenerator(settings.points, width, noise),
        DenseDiscriminator(width),
        CloudFrame.of_greatest,
        of_jets=settings.clouds == JETS,
    )


def _mpgan(settings: GraphGanSettings) -> CloudGan:
    published = MpganShape()
    n_labels = len(CLASSES_OF[settings.clouds]) if settings.conditional else 0
    shape = MpganShape.of_width(
        settings.width or published.edge[-1],
        settings.hidden or published.hidden,
        steps=settings.layers or published.steps,
        dropout=published.dropout if settings.dropout is None else settings.dropout,
        labels=n_labels,
    )
    return CloudGan(
        MpganGenerator(shape, compute=settings.compute),
        MpganDiscriminator(shape, compute=settings.compute),
        CloudFrame.of_greatest,
        n_labels=n_labels,
        of_jets=settings.clouds == JETS,
    )


def _epic(settings: GraphGanSettings) -> CloudGan:
    published = EpicShape()
    layers = settings.layers or published.generator_layers
    shape = EpicShape(
        hidden=settings.width or published.hidden,
        of_cloud=settings.hidden or published.of_cloud,
        generator_layers=layers,
        discriminator_layers=max(1, layers // 2),
    )
    return CloudGan(
        EpicGenerator(shape),
        EpicDiscriminator(shape),
        CloudFrame.of_spread,
        of_jets=settings.clouds == JETS,
        centred=True,
    )
