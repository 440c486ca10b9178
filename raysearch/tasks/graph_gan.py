"""Graph GANs and their rivals: jets or digits as point clouds, by a generator that a discriminator teaches.

MPGAN (R. Kansal et al., arXiv:2106.11535), EPiC-GAN (arXiv:2301.08128) and the former's fully connected
baseline; layers as in ``mpgan_networks.py``, ``epic_networks.py`` and ``cloud_dense.py``. Least-squares loss
(arXiv:1611.04076), one step of each network a batch, without gradient penalty, as MPGAN and EPiC-GAN were
trained; the published fully connected one was trained by a Wasserstein loss with a gradient penalty.

What departs from the published code: a generated particle whose pT comes out at 0 or below is none. Jets are
scaled by the greatest values of the training part, as that code scales each class by its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from raysearch.data.tensors import Batch
from raysearch.models.cloud_gan import CloudGan
from raysearch.models.mpgan_networks import plain_form
from raysearch.tasks.cloud_rows import LABEL, NUMBER, POINTS, STATISTICS
from raysearch.tasks.cloud_task import CloudTask
from raysearch.tasks.descent import Descent
from raysearch.tasks.graph_gan_settings import OPTIMIZERS, GraphGanSettings, build_gan
from raysearch.tasks.optimising import cosine
from raysearch.tasks.schedule import Schedule


class GraphGan(CloudTask[GraphGanSettings]):
    """Generation of point clouds by a generator and a discriminator."""

    Settings = GraphGanSettings

    def model(self, settings: GraphGanSettings) -> nn.Module:
        """Build both networks."""
        return build_gan(settings)

    def plain(self, model: nn.Module) -> nn.Module:
        """Put MPGAN's networks in their published form, in which all pairs of points are."""
        assert isinstance(model, CloudGan)
        return model.in_form(plain_form)

    def optimizers(self, settings: GraphGanSettings, model: nn.Module) -> Mapping[str, Optimizer]:
        """Build one for each network."""
        assert isinstance(model, CloudGan)
        build, options = OPTIMIZERS[settings.network]
        networks = {"discriminator": model.discriminator, "generator": model.generator}
        found = {
            name: build(network.parameters(), lr=settings.rates[name], **options)
            for name, network in networks.items()
        }
        if (averaged := model.averaged) is not None:
            # With a step of the optimiser, of which there is one for all parts of a batch.
            found["generator"].register_step_post_hook(lambda *_: averaged.follow(model.generator))
        return found

    def schedulers(
        self, settings: GraphGanSettings, optimizers: Mapping[str, Optimizer]
    ) -> Sequence[Schedule]:
        """Let both rates fall together, if they are to."""
        epochs = settings.decay_epochs
        return [cosine(each, epochs) for each in optimizers.values()] if epochs else []

    def training_loss(self, settings: GraphGanSettings) -> str:
        """Tell two networks' losses from the distance of clouds."""
        return "of both networks, added up; others: how unlike clouds are"

    def step(self, descent: Descent, batch: Batch) -> None:
        """Teach the discriminator on real clouds and on fake ones, then the generator by its judgement."""
        gan = descent.model
        assert isinstance(gan, CloudGan)
        judged = gan.discriminator
        points, n, found = batch[POINTS], batch[NUMBER], batch[STATISTICS]
        labels = gan.labels(batch[LABEL], found)
        with torch.no_grad():
            fake = gan.drawn(n, points.shape[1], labels)
        real = gan.frame(found).inward(points), (points != 0).any(2)
        descent(_off(judged(*real, labels), 1) + _off(judged(*fake, labels), 0), "discriminator")
        fake = gan.drawn(n, points.shape[1], labels)
        descent(_off(judged(*fake, labels), 1), "generator")


def _off(scores: Tensor, wanted: float) -> Tensor:
    return (scores - wanted).square().mean()
