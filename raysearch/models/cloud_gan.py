"""A generator of point clouds and the discriminator that teaches it, whichever networks they are."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from raysearch.models.cloud_maker import CloudMaker, MakeFrame


class CloudGan(CloudMaker):
    """Both networks, as the children ``generator`` and ``discriminator``.

    Args:
        generator: noise, numbers of points and labels in; points and which are there out.
        discriminator: points, which are there, and labels in; scores out.
        frame, n_labels, of_jets, centred: as of a :class:`~.cloud_maker.CloudMaker`.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        frame: MakeFrame,
        *,
        n_labels: int = 0,
        of_jets: bool = True,
        centred: bool = False,
    ) -> None:
        super().__init__(generator, frame, n_labels=n_labels, of_jets=of_jets, centred=centred)
        self.discriminator = discriminator

    def in_form(self, form: Callable[[nn.Module], nn.Module]) -> CloudGan:
        """Put both networks in another form, which may share their weights."""
        return CloudGan(
            form(self.generator),
            form(self.discriminator),
            self.frame,
            n_labels=self.n_labels,
            of_jets=self.of_jets,
            centred=self.centred,
        )
