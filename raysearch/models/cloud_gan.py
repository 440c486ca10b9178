"""A generator of point clouds and the discriminator that teaches it, whichever networks they are."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from raysearch.models.averaged import Averaged
from raysearch.models.cloud_maker import CloudMaker, MakeFrame


class CloudGan(CloudMaker):
    """Both networks, as the children ``generator`` and ``discriminator``.

    Args:
        generator: noise, numbers of points and labels in; points and which are there out.
        discriminator: points, which are there, and labels in; scores out.
        frame, n_labels, of_jets, centred: as of a :class:`~.cloud_maker.CloudMaker`.

    Attributes:
        averaged: of the generator, if clouds are to be made by averaged weights; see :meth:`average`.
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
        self.averaged: Averaged | None = None

    def average(self, decay: float) -> CloudGan:
        """Have clouds made by averages of the generator's weights; 0: by the weights themselves."""
        self.averaged = Averaged(self.generator, decay) if decay else None
        return self

    @property
    def judged(self) -> nn.Module:
        """The generator, with averaged weights if there are any."""
        return self.generator if self.averaged is None else self.averaged.network

    def in_form(self, form: Callable[[nn.Module], nn.Module]) -> CloudGan:
        """Put the generator that is judged, and the discriminator, in a form that may share their weights."""
        return CloudGan(
            form(self.judged),
            form(self.discriminator),
            self.frame,
            n_labels=self.n_labels,
            of_jets=self.of_jets,
            centred=self.centred,
        )
