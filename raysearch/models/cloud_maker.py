"""Whatever makes point clouds of noise: a generator, and what lies between it and the files' units."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, cast

import torch
from torch import Tensor, nn

from raysearch.models.cloud_frame import Frame, around_axis

MakeFrame = Callable[[Tensor], Frame]


class CloudGenerator(Protocol):
    """What the generators of this room have in common; see :class:`~.mpgan_networks.MpganGenerator`."""

    noise_width: float

    def noise_shape(self, points: int) -> tuple[int, ...]:
        """Of a cloud's noise."""
        ...

    def __call__(self, noise: Tensor, n_B: Tensor, labels_BC: Tensor) -> tuple[Tensor, Tensor]:
        """Generate clouds: points, and which are there."""
        ...


class CloudMaker(nn.Module):
    """A generator, as the child ``generator``.

    Args:
        generator: noise, numbers of points and labels in; points and which are there out.
        frame: what the network sees of clouds, made of statistics (B, S, F).
        n_labels: of how many values a cloud's label is; 0: the network is not told it.
        of_jets: whether clouds are jets, not digits.
        centred: whether generated jets are shifted to their axis.
    """

    def __init__(
        self,
        generator: nn.Module,
        frame: MakeFrame,
        *,
        n_labels: int = 0,
        of_jets: bool = True,
        centred: bool = False,
    ) -> None:
        super().__init__()
        self.generator = generator
        self.frame, self.n_labels = frame, n_labels
        self.of_jets, self.centred = of_jets, of_jets and centred

    @property
    def judged(self) -> nn.Module:
        """The generator that clouds are asked of, once it is not being taught."""
        return self.generator

    def alone(self) -> CloudMaker:
        """Give the generator without what taught it; weights are shared."""
        return CloudMaker(
            self.judged,
            self.frame,
            n_labels=self.n_labels,
            of_jets=self.of_jets,
            centred=self.centred,
        )

    def labels(self, label_B: Tensor, like: Tensor) -> Tensor:
        """Labels as the networks are told them, (B, C)."""
        if not self.n_labels:
            return like.new_zeros(label_B.shape[0], 0)
        return nn.functional.one_hot(label_B, self.n_labels).to(like.dtype)

    def drawn(self, n_B: Tensor, points: int, labels_BC: Tensor) -> tuple[Tensor, Tensor]:
        """Generate clouds as the discriminator sees them, of noise from torch's own generator.

        Args:
            n_B: points of each.
            points: with padding.
            labels_BC: of each.

        Returns:
            Points (B, N, F), zeros where there is none, and which are there.
        """
        return self.generator(self.noise(n_B, points, labels_BC.dtype), n_B, labels_BC)

    def noise(
        self, n_B: Tensor, points: int, dtype: torch.dtype, chance: torch.Generator | None = None
    ) -> Tensor:
        """Draw what the generator makes clouds of."""
        generator = cast("CloudGenerator", self.generator)
        shape = (n_B.shape[0], *generator.noise_shape(points))
        return generator.noise_width * torch.randn(shape, generator=chance, dtype=dtype, device=n_B.device)

    def made(
        self, n_B: Tensor, points: int, label_B: Tensor, statistics_BSF: Tensor, chance: torch.Generator
    ) -> Tensor:
        """Generate clouds in their own units, (B, N, F), zeros where there is no point."""
        labels_BC = self.labels(label_B, statistics_BSF)
        noise = self.noise(n_B, points, labels_BC.dtype, chance)
        x_BNF, there_BN = self.judged(noise, n_B, labels_BC)
        return self.outward(x_BNF, there_BN, statistics_BSF)

    def outward(self, x_BNF: Tensor, there_BN: Tensor, statistics_BSF: Tensor) -> Tensor:
        """Turn what the generator gives into clouds in their own units."""
        made_BNF = self.frame(statistics_BSF).outward(x_BNF)
        # Without pT or intensity a point is none, whatever its place.
        there_BN = there_BN & (made_BNF[..., -1] > 0)
        if self.centred:
            made_BNF = around_axis(made_BNF, there_BN)
        return made_BNF * there_BN.unsqueeze(2)


class GeneratorAlone(nn.Module):
    """A generator as other programs run it: noise, numbers of points and labels in, rows of a file out.

    Args:
        maker: in a form that exporters can follow.
        statistics_SF: of the training part.
    """

    statistics_SF: Tensor

    def __init__(self, maker: CloudMaker, statistics_SF: Tensor) -> None:
        super().__init__()
        self.maker = maker.alone()
        self.register_buffer("statistics_SF", statistics_SF)

    def forward(self, *given: Tensor) -> Tensor:
        """Generate clouds (B, N, F) in their own units; jets with a mask behind, as JetNet's files have it.

        Args:
            given: noise, normally distributed, of the generator's ``noise_width``; int64 (B,), points of each
                cloud; and, where the generator is told them, int64 (B,) labels.
        """
        noise, n_B, *told = given
        statistics_BSF = self.statistics_SF.expand(n_B.shape[0], -1, -1)
        labels_BC = self.maker.labels(told[0] if told else n_B, statistics_BSF)
        x_BNF, there_BN = self.maker.generator(noise, n_B, labels_BC)
        made_BNF = self.maker.outward(x_BNF, there_BN, statistics_BSF)
        return with_mask(made_BNF) if self.maker.of_jets else made_BNF


def with_mask(particles_BNF: Tensor) -> Tensor:
    """Say of each particle whether it is there, as a last feature of 0 and 1."""
    there_BN1 = (particles_BNF != 0).any(2, keepdim=True)
    return torch.cat([particles_BNF, there_BN1.to(particles_BNF.dtype)], dim=2)
