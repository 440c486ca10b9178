"""Electromagnetic showers in a sampling calorimeter, by the parameterisation of Grindhammer and Peters.

G. Grindhammer, S. Peters, The Parameterized Simulation of Electromagnetic Showers in Homogeneous and Sampling
Calorimeters, hep-ex/0001020; equations and constants are those of its appendices A.1 and A.2, energies in GeV
and depths in radiation lengths. A shower is a Gamma profile in depth whose maximum and shape fluctuate
together, an energy in every layer that fluctuates as the sampling does, and spots of equal energy that are
strewn around the axis by a core and a tail (raysearch/data/showers/simulation.py). Profile, resolution and
radii are INPUTS here: what a network finds in such showers is what these files put there, not a prediction
about a detector.

A shower that comes at an angle goes through more of every layer: ``slant`` is the way in a layer over its
thickness, 1 at a right angle. Along its axis it develops as in a detector whose layers are thicker by that
factor.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SCALE_MEV = 21.0  # of multiple scattering, in the Moliere radius


@dataclass(frozen=True)
class Material:
    """What a layer is made of: atomic number, mass number, g/cm3, radiation length and least energy loss."""

    z: float
    a: float
    density: float
    x0_g_cm2: float
    mip_mev_cm2_g: float

    @property
    def critical_mev(self) -> float:
        """Critical energy in MeV, 2.66 (X0 Z / A)^1.1; hep-ex/0001020, section 2."""
        return 2.66 * (self.x0_g_cm2 * self.z / self.a) ** 1.1


TUNGSTEN = Material(z=74, a=183.84, density=19.3, x0_g_cm2=6.76, mip_mev_cm2_g=1.145)
SILICON = Material(z=14, a=28.0855, density=2.329, x0_g_cm2=21.82, mip_mev_cm2_g=1.664)


@dataclass(frozen=True)
class Calorimeter:
    """Layers of absorber and sensor, cut into square cells, hit in the middle and at a right angle.

    Attributes:
        absorber: what comes first in a layer.
        absorber_cm: its thickness.
        active: what measures.
        active_cm: its thickness.
        cell_cm: side of a cell.
        n_cells: cells along each transverse axis.
        n_layers: layers.
        sampling: c of the resolution c / sqrt(E / GeV).
    """

    absorber: Material = TUNGSTEN
    absorber_cm: float = 0.33
    active: Material = SILICON
    active_cm: float = 0.05
    cell_cm: float = 0.51
    n_cells: int = 25
    n_layers: int = 25
    sampling: float = 0.17

    @property
    def _masses(self) -> tuple[float, float]:
        return self.absorber_cm * self.absorber.density, self.active_cm * self.active.density

    @property
    def layer_x0(self) -> float:
        """Radiation lengths in a layer."""
        absorber, active = self._masses
        return absorber / self.absorber.x0_g_cm2 + active / self.active.x0_g_cm2

    @property
    def edges(self) -> Floats:
        """Depths at which layers begin and end, in radiation lengths: (layer + 1,)."""
        return np.arange(self.n_layers + 1, dtype=np.float64) * self.layer_x0

    @property
    def z(self) -> float:
        """Effective atomic number, by mass."""
        absorber, active = self._masses
        return (absorber * self.absorber.z + active * self.active.z) / (absorber + active)

    @property
    def _critical_mev_per_layer(self) -> float:
        absorber, active = self._masses
        return (
            absorber * self.absorber.critical_mev / self.absorber.x0_g_cm2
            + active * self.active.critical_mev / self.active.x0_g_cm2
        )

    @property
    def critical_gev(self) -> float:
        """Effective critical energy."""
        return 1e-3 * self._critical_mev_per_layer / self.layer_x0

    @property
    def moliere_cm(self) -> float:
        """Effective Moliere radius."""
        return SCALE_MEV * (self.absorber_cm + self.active_cm) / self._critical_mev_per_layer

    @property
    def e_over_mip(self) -> float:
        """What a shower leaves in the sensors, relative to a minimum-ionising particle: 1 / (1 + .007 dZ)."""
        return 1 / (1 + 0.007 * (self.absorber.z - self.active.z))

    @property
    def sampling_fraction(self) -> float:
        """Energy in the sensors over energy of the shower."""
        absorber, active = self._masses
        seen = active * self.active.mip_mev_cm2_g
        return self.e_over_mip * seen / (seen + absorber * self.absorber.mip_mev_cm2_g)


CALORIMETER = Calorimeter()


@dataclass(frozen=True)
class Profiles:
    """Gamma profiles of showers: depth of the maximum in X0 and shape, each (shower,)."""

    t_max: Floats
    alpha: Floats

    def shares(self, edges: Floats) -> Floats:
        """Parts of each shower between depths in X0, (edge,) or (shower, edge): (shower, edge - 1)."""
        beta = (self.alpha - 1) / self.t_max
        within = torch.special.gammainc(
            # Of both arguments torch's needs the full shape.
            torch.from_numpy(np.broadcast_to(self.alpha[:, None], (len(beta), edges.shape[-1])).copy()),
            torch.from_numpy(beta[:, None] * edges),
        )
        return np.diff(within.numpy(), axis=1)


def middle_profiles(
    energy_gev: Floats, calorimeter: Calorimeter = CALORIMETER, slant: Floats | float = 1.0
) -> Profiles:
    """The profile around which showers fluctuate, exp of the means of ln T and ln alpha: appendix A.2.2.

    Args:
        energy_gev: (shower,).
        calorimeter: the detector.
        slant: way in a layer over its thickness, (shower,) or one for all.

    Returns:
        Profiles (shower,).
    """
    log_y = np.log(energy_gev / calorimeter.critical_gev)
    layers = calorimeter.layer_x0 * slant  # 1 / F_S
    t_max = log_y - 0.812 - 0.55 * layers - 0.69 * (1 - calorimeter.e_over_mip)
    alpha = 0.81 + (0.458 + 2.26 / calorimeter.z) * log_y - 0.476 * layers
    return Profiles(t_max, alpha)


def draw_profiles(
    energy_gev: Floats,
    rng: np.random.Generator,
    calorimeter: Calorimeter = CALORIMETER,
    slant: Floats | float = 1.0,
) -> Profiles:
    """Profiles of single showers: ln T and ln alpha are normal and correlated, appendix A.2.2.

    Args:
        energy_gev: (shower,).
        rng: where the randomness comes from.
        calorimeter: the detector.
        slant: as for :func:`middle_profiles`.

    Returns:
        Profiles (shower,).
    """
    log_y = np.log(energy_gev / calorimeter.critical_gev)
    middle = middle_profiles(energy_gev, calorimeter, slant)
    correlation = 0.784 - 0.023 * log_y
    along, across = np.sqrt((1 + correlation) / 2), np.sqrt((1 - correlation) / 2)
    first, second = rng.standard_normal((2, len(energy_gev)))
    log_t = (along * first + across * second) / (-2.5 + 1.25 * log_y)
    log_alpha = (along * first - across * second) / (-0.82 + 0.79 * log_y)
    return Profiles(middle.t_max * np.exp(log_t), np.maximum(middle.alpha * np.exp(log_alpha), 1.1))


@dataclass(frozen=True)
class Radii:
    """Radial profile in Moliere radii: core and tail, and the core's part; all of one shape."""

    core: Floats
    tail: Floats
    core_part: Floats


def radial_profile(
    tau: Floats, energy_gev: Floats, calorimeter: Calorimeter = CALORIMETER, slant: Floats | float = 1.0
) -> Radii:
    """Widths at a depth ``tau``, counted in mean depths of the shower: appendices A.1.3 and A.2.3.

    Args:
        tau: (shower, layer).
        energy_gev: (shower, 1).
        calorimeter: the detector.
        slant: way in a layer over its thickness, (shower, 1) or one for all.

    Returns:
        Radii (shower, layer).
    """
    z, log_e, layers, unseen = (
        calorimeter.z,
        np.log(energy_gev),
        calorimeter.layer_x0 * slant,
        1 - calorimeter.e_over_mip,
    )
    core = 0.0251 + 0.00319 * log_e + (0.1162 - 0.000381 * z) * tau
    depth = tau - 0.645
    tail = (0.659 - 0.00309 * z) * (np.exp(-2.59 * depth) + np.exp((0.3585 + 0.0421 * log_e) * depth))
    arg = (0.401 + 0.00187 * z - tau) / (1.313 - 0.0686 * log_e)
    part = (2.632 - 0.00094 * z) * np.exp(arg - np.exp(arg))
    core += -0.0203 * unseen + 0.0397 * layers * np.exp(-tau)
    tail += -0.14 * unseen - 0.495 * layers * np.exp(-tau)
    part += unseen * (0.348 - 0.642 * layers * np.exp(-((tau - 1) ** 2)))
    return Radii(core, tail, np.clip(part, 0, 1))
