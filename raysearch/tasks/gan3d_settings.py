"""Settings of 3DGAN: which of the published networks, losses and steps, and what to change of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

from raysearch.errors import InputError, one_of
from raysearch.models.gan3d_block import compute_problems
from raysearch.models.gan3d_losses import FLIPPED, SUM_FITS, WEIGHTS, LossWeights
from raysearch.models.gan3d_published import FIXED_ANGLE, VARIABLE_ANGLE
from raysearch.models.gan3d_shape import Gan3dShape

V = TypeVar("V")
GEOMETRIES: dict[str, Gan3dShape] = {"fixed": FIXED_ANGLE, "variable": VARIABLE_ANGLE}
FITTED = "fitted"  # the sum of cells follows the training showers'


@dataclass(frozen=True, kw_only=True)
class Gan3dSettings:
    """Settings of 3DGAN; what is None is as published for the geometry or the preset.

    Attributes:
        geometry: ``fixed``: 25 x 25 x 25 cells at a right angle; ``variable``: 51 x 51 x 25 at any angle.
        latent: length of the generator's latent vector.
        generator_filters, discriminator_filters: of their first convolutions.
        discriminator_kernel: cells along each axis, of its first convolution.
        dropout: of the discriminator.
        weights: preset of the losses' weights, see ``gan3d_losses.WEIGHTS``; None: that of the geometry.
        real_weight, energy_weight, sum_weight, angle_weight: in place of the preset's: of real or fake, of
            the primary energy, of the sum of cells, of the angle.
        target_sum: what fake showers' cells are to add up to: ``fitted``: a polynomial of the energy through
            the training showers' sums; or a published one, ``electron``, ``neutral_pion``, ``twice``.
        flipped: share of the discriminator's labels that are turned round.
        generator_steps: of the generator, to one of the discriminator on real and one on fake showers.
        threshold_gev: cells of training showers below it are 0.
        learning_rate: of RMSprop, for both networks.
        rho: RMSprop's moving average.
        batch_size: showers a step.
        compute: ``phases``: exact quicker forms of the convolutions; ``plain``: as they are written.
    """

    geometry: str = "fixed"
    latent: int | None = None
    generator_filters: int | None = None
    discriminator_filters: int | None = None
    discriminator_kernel: int | None = None
    dropout: float = 0.2
    weights: str | None = None
    real_weight: float | None = None
    energy_weight: float | None = None
    sum_weight: float | None = None
    angle_weight: float | None = None
    target_sum: str = FITTED
    flipped: float = FLIPPED
    generator_steps: int = 2
    threshold_gev: float = 1e-6
    learning_rate: float = 1e-3
    rho: float = 0.9
    batch_size: int = 128
    compute: str = "phases"

    def __post_init__(self) -> None:
        if problems := list(self.problems()):
            raise InputError(*problems)

    def problems(self) -> Iterator[str]:
        """Tell every fault, as ``name: what``."""
        yield from compute_problems(self.compute)
        yield from self._choice_problems()
        yield from self._number_problems()
        if self.geometry in GEOMETRIES:
            try:
                _ = self.shape
            except InputError as error:
                yield from error.problems

    def _choice_problems(self) -> Iterator[str]:
        presets, fits = [None, *WEIGHTS], [FITTED, *SUM_FITS]
        for name, allowed in (("geometry", [*GEOMETRIES]), ("weights", presets), ("target_sum", fits)):
            if (value := getattr(self, name)) not in allowed:
                yield f"{name}: needs {one_of([each for each in allowed if each])}, got {value!r}"
        if self.geometry == "fixed" and self.angle_weight is not None:
            yield "angle_weight: at a fixed angle there is none; leave it out, or set geometry: variable"

    def _number_problems(self) -> Iterator[str]:
        if not 0 <= self.flipped < 0.5:
            yield f"flipped: needs 0 to less than 0.5, got {self.flipped}"
        if not 0 < self.rho < 1:
            yield f"rho: needs more than 0 and less than 1, got {self.rho}"
        if self.generator_steps < 1:
            yield f"generator_steps: needs at least 1, got {self.generator_steps}"
        if self.batch_size < 2:  # a batch of one has no variance for batch normalisation
            yield f"batch_size: needs at least 2, got {self.batch_size}"
        for name in ("threshold_gev", "real_weight", "energy_weight", "sum_weight", "angle_weight"):
            if (value := getattr(self, name)) is not None and value < 0:
                yield f"{name}: needs at least 0, got {value}"
        if not self.learning_rate > 0:
            yield f"learning_rate: needs more than 0, got {self.learning_rate}"

    @property
    def shape(self) -> Gan3dShape:
        """Sizes of both networks."""
        published = GEOMETRIES[self.geometry]
        generator = [step.filters for step in published.generator]
        discriminator = [step.filters for step in published.discriminator]
        kernels = [step.kernel for step in published.discriminator]
        side = self.discriminator_kernel
        return replace(published, dropout=self.dropout).resized(
            latent=self.latent,
            generator_filters=_with_first(self.generator_filters, generator),
            discriminator_filters=_with_first(self.discriminator_filters, discriminator),
            discriminator_kernels=_with_first(None if side is None else (side, side, side), kernels),
        )

    @property
    def loss_weights(self) -> LossWeights:
        """Weights of the losses: the preset's, but for those that are given."""
        preset = WEIGHTS[self.weights or ("angle" if self.geometry == "variable" else "fixed")]
        given = {
            "real": self.real_weight,
            "energy": self.energy_weight,
            "cell_sum": self.sum_weight,
            "angle": self.angle_weight,
        }
        return replace(preset, **{name: value for name, value in given.items() if value is not None})


def _with_first(first: V | None, values: list[V]) -> list[V]:
    return values if first is None else [first, *values[1:]]
