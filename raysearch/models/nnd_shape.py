"""Sizes of the encoders and decoders of the NND VAE, and the published ones.

Sparse MNIST and superpixels: borzari/ria_convae; jets: borzari/ConVAE_Jet. A convolution along the points
makes the network depend on their order, by falling intensity or pT; the loss does not. Sets have layers of
EPiC-GAN's kind (arXiv:2301.08128), which do not either.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from raysearch.errors import InputError
from raysearch.models.dense import at_least

FEATURES = 3  # x, y and intensity; or three components of momentum
Kernel = tuple[int, int]  # features and points


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvolutionShape:
    """An encoder of convolutions over a picture of features and points, and the decoder that mirrors it.

    Attributes:
        points: of a cloud.
        latent: Gaussians.
        filters: of each convolution.
        kernels: of each, along features and points.
        stride: along points, of each.
        hidden: units of the dense layer between convolutions and Gaussians; 0: there is none.
        bounded: whether outputs end in a sigmoid.

    Raises:
        InputError: sizes that make no network; lists all.
    """

    points: int
    latent: int
    filters: tuple[int, ...]
    kernels: tuple[Kernel, ...]
    stride: int = 1
    hidden: int = 0
    bounded: bool = True

    def __post_init__(self) -> None:
        problems = [
            *at_least(1, points=self.points, latent=self.latent),
            *(problem for n in self.filters for problem in at_least(1, filters=n)),
            *at_least(0, hidden=self.hidden),
        ]
        if not problems and min(columns for _, columns in self.sizes) < 1:
            problems.append(f"points: {self.points} are too few for {len(self.filters)} convolutions")
        if problems:
            raise InputError(*problems)

    @property
    def sizes(self) -> list[Kernel]:
        """Features and points before the first convolution, and after each."""
        found = [(FEATURES, self.points)]
        for rows, columns in self.kernels:
            before = found[-1]
            found.append((before[0] - rows + 1, (before[1] - columns) // self.stride + 1))
        return found

    @property
    def flat(self) -> int:
        """Numbers that the last convolution leaves."""
        rows, columns = self.sizes[-1]
        return self.filters[-1] * rows * columns


@dataclass(frozen=True, slots=True, kw_only=True)
class SetShape:
    """An encoder that is blind to the order of points, and a decoder whose points can change places.

    Attributes:
        points: of a cloud.
        latent: Gaussians.
        width: numbers of every point and of the whole cloud.
        layers: that exchange between them.

    Raises:
        InputError: sizes that make no network; lists all.
    """

    points: int
    latent: int
    width: int = 64
    layers: int = 2

    def __post_init__(self) -> None:
        if problems := list(self.problems()):
            raise InputError(*problems)

    def problems(self) -> Iterator[str]:
        """Tell what is wrong with it."""
        yield from at_least(1, points=self.points, latent=self.latent, width=self.width, layers=self.layers)


VaeShape = ConvolutionShape | SetShape

WIDE: tuple[Kernel, ...] = ((FEATURES, 5), (1, 5), (1, 5))

PUBLISHED: dict[str, ConvolutionShape] = {
    "sparse_mnist": ConvolutionShape(
        points=100, latent=10, filters=(32, 64), kernels=((1, 2), (1, 2)), stride=2
    ),
    "superpixels": ConvolutionShape(
        points=25, latent=10, filters=(16, 32, 64), kernels=WIDE, hidden=1500, bounded=False
    ),
    "jets": ConvolutionShape(points=30, latent=30, filters=(50, 100, 200), kernels=WIDE, hidden=1500),
}
"""Encoder and decoder together have 157,269, 2,571,093 and 11,193,661 parameters."""
