"""Sizes of the two networks of 3DGAN; the published ones: ``gan3d_published.py``.

Axes are those of the data: x, y, layer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from raysearch.errors import InputError, one_of
from raysearch.models.dense import at_least

Triple = tuple[int, int, int]
Pads = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]
"""Zeros before and after, along x, y and layer."""

ACTIVATIONS = ("leaky_relu", "relu")


@dataclass(frozen=True, slots=True, kw_only=True)
class Convolution:
    """One step of a network: upsampling, zero padding, convolution, activation, batch normalisation.

    Attributes:
        filters: that it has.
        kernel: cells along x, y and layer.
        upsampling: how many times each cell is repeated along each axis first.
        padding: zeros on both sides of each axis; None for as many as keep the size, the odd one on the far
            side.
        batch_norm: whether the activation is normalised.
    """

    filters: int
    kernel: Triple
    upsampling: Triple = (1, 1, 1)
    padding: Triple | None = (0, 0, 0)
    batch_norm: bool = True

    @property
    def pads(self) -> Pads:
        """Zeros before and after each axis."""
        if self.padding is None:  # Keras' "same": k - 1 zeros, the odd one at the end
            x, y, z = (((k - 1) // 2, k // 2) for k in self.kernel)
        else:
            x, y, z = ((p, p) for p in self.padding)
        return x, y, z

    def cells(self, before: Triple) -> Triple:
        """Count the cells that it leaves along each axis."""
        axes = zip(before, self.upsampling, self.pads, self.kernel, strict=True)
        x, y, z = (n * s + sum(pads) - k + 1 for n, s, pads, k in axes)
        return x, y, z

    def resized(self, filters: int, kernel: Triple) -> Convolution:
        """Give it other filters and another kernel, with as many zeros more as the kernel is longer."""
        if self.padding is None:
            return replace(self, filters=filters, kernel=kernel)
        axes = zip(self.padding, kernel, self.kernel, strict=True)
        x, y, z = (p + (new - old) // 2 for p, new, old in axes)
        return replace(self, filters=filters, kernel=kernel, padding=(x, y, z))

    def problems(self, name: str) -> Iterator[str]:
        """Tell what is wrong with it."""
        yield from at_least(1, **{f"{name}: filters": self.filters})
        sizes: list[tuple[str, Sequence[int], int]] = [
            ("kernel", self.kernel, 1),
            ("upsampling", self.upsampling, 1),
            ("padding", (0, 0, 0) if self.padding is None else self.padding, 0),
        ]
        for part, values, lowest in sizes:
            if len(values) != 3:
                yield f"{name}: {part}: needs three whole numbers (x, y, layer), got {values!r}"
            else:
                yield from at_least(lowest, **{f"{name}: {part}[{axis}]": n for axis, n in enumerate(values)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Gan3dShape:
    """What a :class:`raysearch.models.gan3d.Gan3d` looks like; see ``gan3d_published.py``.

    Attributes:
        cells: of a shower along x, y and layer.
        angle: whether showers have an angle: then the latent vector begins with energy and angle, else it
            is noise times the energy.
        latent: length of the generator's latent vector.
        start: cells along x, y and layer, and channels, of what the generator's dense layer makes.
        generator: its convolutions but the last, which has one filter of 2 x 2 x 2 cells and no
            normalisation.
        generator_activation: after each of them but the last, which has ReLU.
        last_bias: whether the last one has a bias.
        discriminator: its convolutions; each is followed by dropout, the last by the mean over 2 x 2 x 2
            cells.
        dropout: of the discriminator.
        epsilon: of batch normalisation.
        power: that a cell's energy was raised to; the discriminator takes the root before it sums and
            measures angles.

    Raises:
        InputError: for sizes that make no network, or not one that makes ``cells``; lists all.
    """

    cells: Triple
    angle: bool
    latent: int
    start: tuple[int, int, int, int]
    generator: tuple[Convolution, ...]
    generator_activation: str = "leaky_relu"
    last_bias: bool = False
    discriminator: tuple[Convolution, ...]
    dropout: float = 0.2
    epsilon: float = 1e-3
    power: float = 1.0

    def __post_init__(self) -> None:
        problems = [
            *at_least(3 if self.angle else 1, latent=self.latent),
            *at_least(1, **{f"start[{axis}]": n for axis, n in enumerate(self.start)}),
            *(p for name, step in self._named() for p in step.problems(name)),
        ]
        if self.generator_activation not in ACTIVATIONS:
            problems.append(
                f"generator_activation: needs {one_of(ACTIVATIONS)}, got {self.generator_activation!r}"
            )
        if not 0 <= self.dropout < 1:
            problems.append(f"dropout: needs 0 to less than 1, got {self.dropout!r}")
        problems += [
            f"{name}: needs more than 0, got {value!r}"
            for name, value in (("epsilon", self.epsilon), ("power", self.power))
            if not value > 0
        ]
        if not problems:
            problems += self._size_problems()
        if problems:
            raise InputError(*problems)

    @property
    def noise(self) -> int:
        """How many random numbers a shower is made of."""
        return self.latent - 2 if self.angle else self.latent

    @property
    def last(self) -> Convolution:
        """The generator's last convolution."""
        return Convolution(filters=1, kernel=(2, 2, 2), batch_norm=False)

    @property
    def judged(self) -> int:
        """Length of what the discriminator's dense heads see."""
        x, y, z = _after(self.cells, self.discriminator)
        return (x // 2) * (y // 2) * (z // 2) * self.discriminator[-1].filters

    def resized(
        self,
        *,
        latent: int | None = None,
        generator_filters: Sequence[int] | None = None,
        discriminator_filters: Sequence[int] | None = None,
        generator_kernels: Sequence[Triple] | None = None,
        discriminator_kernels: Sequence[Triple] | None = None,
    ) -> Gan3dShape:
        """Take other sizes where they are given; zero padding follows the length of a kernel.

        Raises:
            InputError: a list is not as long as the network, or the sizes make no network.
        """
        return replace(
            self,
            latent=self.latent if latent is None else latent,
            generator=_resized("generator", self.generator, generator_filters, generator_kernels),
            discriminator=_resized(
                "discriminator", self.discriminator, discriminator_filters, discriminator_kernels
            ),
        )

    def _named(self) -> Iterator[tuple[str, Convolution]]:
        for name, steps in (("generator", self.generator), ("discriminator", self.discriminator)):
            yield from ((f"{name}[{number}]", step) for number, step in enumerate(steps))

    def _size_problems(self) -> Iterator[str]:
        made = _after(self.start[:3], (*self.generator, self.last))
        if made != self.cells:
            yield f"generator: makes {_by(made)} cells, needs {_by(self.cells)}"
        left = _after(self.cells, self.discriminator)
        if min(left) < 2:
            yield f"discriminator: leaves {_by(left)} cells, needs at least 2 x 2 x 2"


def _after(cells: Triple, steps: Sequence[Convolution]) -> Triple:
    for step in steps:
        cells = step.cells(cells)
    return cells


def _by(cells: Triple) -> str:
    return " x ".join(map(str, cells))


def _resized(
    name: str,
    steps: tuple[Convolution, ...],
    filters: Sequence[int] | None,
    kernels: Sequence[Triple] | None,
) -> tuple[Convolution, ...]:
    given = {"filters": filters, "kernels": kernels}
    problems = [
        f"{name}_{what}: needs {len(steps)} values, got {len(values)}"
        for what, values in given.items()
        if values is not None and len(values) != len(steps)
    ]
    if problems:
        raise InputError(*problems)
    filters = [step.filters for step in steps] if filters is None else filters
    kernels = [step.kernel for step in steps] if kernels is None else kernels
    return tuple(step.resized(n, kernel) for step, n, kernel in zip(steps, filters, kernels, strict=True))
