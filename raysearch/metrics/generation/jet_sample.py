"""Jets as their metrics see them: particles around the jet's axis, and what is computed of each jet once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raysearch.errors import InputError
from raysearch.metrics.generation.energy_flow import FOUR_OF_FOUR, N_PRIMES, energy_flow

FEATURES = ("eta_rel", "phi_rel", "pT_rel")

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class JetSample:
    """Jets of one origin.

    Attributes:
        particles: (jet, particle, 3): eta - eta_jet, phi - phi_jet in rad, pT / pT_jet; what has a pT of 0
            is padding. Particles are taken as massless.

    Raises:
        InputError: no jets, another shape, or numbers that are not finite.
    """

    particles: NDArray[np.floating[Any]]

    def __post_init__(self) -> None:
        shape = self.particles.shape
        if len(shape) != 3 or shape[2] != len(FEATURES) or 0 in shape:
            raise InputError(f"jets: need shape (jet, particle, {len(FEATURES)}) without 0, got {shape}")
        bad = np.argwhere(~np.isfinite(self.particles))
        if len(bad):
            raise InputError(f"jets: {len(bad):,} numbers are not finite, the first at {bad[0].tolist()}")

    def __len__(self) -> int:
        return len(self.particles)

    def __getitem__(self, rows: ArrayLike | slice) -> JetSample:
        """Take some jets, with what was computed of them."""
        found = rows if isinstance(rows, slice) else np.asarray(rows)
        taken = JetSample(self.particles[found])
        for name in ("mass", "polynomials"):  # cached properties keep their values by name
            if name in vars(self):
                vars(taken)[name] = vars(self)[name][found]
        return taken

    @property
    def there(self) -> NDArray[np.bool_]:
        """(jet, particle), which are no padding."""
        return np.asarray(self.particles[..., 2] != 0)

    @cached_property
    def mass(self) -> Floats:
        """(jet,) mass of the sum of particles over the jet's pT; 0 where pT below 0 make it space-like."""
        eta, phi, pt = np.moveaxis(self.particles.astype(np.float64), 2, 0)
        energy, px, py, pz = (
            (pt * part).sum(axis=1) for part in (np.cosh(eta), np.cos(phi), np.sin(phi), np.sinh(eta))
        )
        return np.sqrt((energy**2 - px**2 - py**2 - pz**2).clip(0))

    @cached_property
    def polynomials(self) -> Floats:
        """(jet, 36) energy-flow polynomials of at most four edges."""
        return energy_flow(self.particles)

    @property
    def four_of_four(self) -> Floats:
        """(jet, 5) energy-flow polynomials of four vertices and four edges."""
        return self.polynomials[:, FOUR_OF_FOUR]

    @property
    def primes(self) -> Floats:
        """(jet, 21) energy-flow polynomials of connected graphs."""
        return self.polynomials[:, :N_PRIMES]
