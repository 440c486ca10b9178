"""A generator of point clouds and the discriminator that teaches it, whichever networks they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, cast

import torch
from torch import Tensor, nn

from raysearch.models.cloud_frame import CloudFrame, around_axis

Frame = Callable[[Tensor], CloudFrame]


class CloudGenerator(Protocol):
    """What the generators of this room have in common; see :class:`~.mpgan_networks.MpganGenerator`."""

    noise_width: float

    def noise_shape(self, points: int) -> tuple[int, ...]:
        """Of a cloud's noise."""
        ...

    def __call__(self, noise: Tensor, n_B: Tensor, labels_BC: Tensor) -> tuple[Tensor, Tensor]:
        """Generate clouds: points, and which are there."""
        ...


class CloudGan(nn.Module):
    """Both networks, as the children ``generator`` and ``discriminator``.

    Args:
        generator: noise, numbers of points and labels in; points and which are there out.
        discriminator: points, which are there, and labels in; scores out.
        frame: what the networks see of clouds, made of statistics (B, S, F).
        n_labels: of how many values a cloud's label is; 0: the networks are not told it.
        of_jets: whether clouds are jets, not digits.
        centred: whether generated jets are shifted to their axis.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        frame: Frame,
        *,
        n_labels: int = 0,
        of_jets: bool = True,
        centred: bool = False,
    ) -> None:
        super().__init__()
        self.generator, self.discriminator = generator, discriminator
        self.frame, self.n_labels = frame, n_labels
        self.of_jets, self.centred = of_jets, of_jets and centred

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

    def labels(self, label_B: Tensor, like: Tensor) -> Tensor:
        """Labels as the networks are told them, (B, C)."""
        if not self.n_labels:
            return like.new_zeros(len(label_B), 0)
        return nn.functional.one_hot(label_B, self.n_labels).to(like.dtype)

    def drawn(
        self, n_B: Tensor, points: int, labels_BC: Tensor, chance: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Generate clouds as the discriminator sees them.

        Args:
            n_B: points of each.
            points: with padding.
            labels_BC: of each.
            chance: to draw the noise from; None: torch's own.

        Returns:
            Points (B, N, F), zeros where there is none, and which are there.
        """
        generator = cast("CloudGenerator", self.generator)
        shape = (len(n_B), *generator.noise_shape(points))
        noise = torch.randn(shape, generator=chance, dtype=labels_BC.dtype, device=n_B.device)
        return generator(generator.noise_width * noise, n_B, labels_BC)

    def made(
        self, n_B: Tensor, points: int, label_B: Tensor, statistics_BSF: Tensor, chance: torch.Generator
    ) -> Tensor:
        """Generate clouds in their own units, (B, N, F), zeros where there is no point."""
        x_BNF, there_BN = self.drawn(n_B, points, self.labels(label_B, statistics_BSF), chance)
        made_BNF = self.frame(statistics_BSF).outward(x_BNF)
        # Without pT or intensity a point is none, whatever its place.
        there_BN = there_BN & (made_BNF[..., -1] > 0)
        if self.centred:
            made_BNF = around_axis(made_BNF, there_BN)
        return made_BNF * there_BN.unsqueeze(2)
