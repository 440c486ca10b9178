"""Jets as the NND VAE sees them, as momenta, and what its loss has of a whole jet.

borzari/ConVAE_Jet: particles are (px, py, pz) in GeV. Here they are shares of the jet's pT around its axis,
p / pT_jet, times a unit in GeV that stands for the pT of all jets, so that files need not tell it. With
particles taken as massless,

    L_extra = g_1 (pT - pT')^2 + g_2 (m - m')^2                                                            (4)

of a jet and of what was made of it; published are g_1 = 1 and g_2 = <pT> / <m> over the training jets.

Shapes in names: B jets, N particles, 3 components.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

LEAST = 1e-6  # GeV^2, of squares under a root: its gradient at 0 would not be finite


@dataclass(frozen=True, slots=True, kw_only=True)
class JetTerms:
    """Weights in Eq. (4).

    Attributes:
        pt: g_1.
        mass: g_2; None: <pT> / <m> over the training jets.
        pt_from_epoch: epochs before the first term is switched on.
    """

    pt: float = 1.0
    mass: float | None = None
    pt_from_epoch: int = 0

    def problems(self) -> Iterator[str]:
        """Tell what is wrong with them, as settings are called."""
        for name, value in (("gamma_pt", self.pt), ("gamma_mass", self.mass)):
            if value is not None and not value >= 0:
                yield f"{name}: needs at least 0, got {value}"
        if self.pt_from_epoch < 0:
            yield f"pt_from_epoch: needs at least 0, got {self.pt_from_epoch}"

    def __call__(self, made_BN3: Tensor, real_BN3: Tensor, ratio_B: Tensor, progress: float) -> Tensor:
        """Compute Eq. (4) for each jet (B,).

        Args:
            made_BN3: momenta of what was made, GeV, zeros where there is no particle.
            real_BN3: of the jets.
            ratio_B: <pT> / <m> over the training jets.
            progress: epochs from the start.
        """
        (pt, mass), (real_pt, real_mass) = pt_and_mass(made_BN3), pt_and_mass(real_BN3)
        of_mass = ratio_B if self.mass is None else self.mass
        total_B = of_mass * (mass - real_mass).square()  # Eq. (4), second term
        if progress >= self.pt_from_epoch:
            total_B = total_B + self.pt * (pt - real_pt).square()  # Eq. (4), first term
        return total_B


def momenta(particles: Tensor, unit_gev: float) -> Tensor:
    """Turn eta_rel, phi_rel and pT_rel (..., 3) into px, py and pz around the jet's axis, GeV."""
    eta, phi, pt = particles.unbind(-1)
    return unit_gev * torch.stack([pt * phi.cos(), pt * phi.sin(), pt * eta.sinh()], dim=-1)


def particles(momenta_gev: Tensor, unit_gev: float | Tensor) -> Tensor:
    """Turn px, py and pz (..., 3) back into eta_rel, phi_rel and pT_rel; padding stays 0."""
    momenta_rel = momenta_gev / unit_gev
    px, py, pz = momenta_rel.unbind(-1)
    pt = torch.linalg.vector_norm(momenta_rel[..., :2], dim=-1)  # ONNX has no hypot
    eta = (pz / pt.clamp_min(torch.finfo(pt.dtype).tiny)).asinh()
    return torch.stack([torch.where(pt > 0, eta, 0.0), torch.atan2(py, px), pt], dim=-1)


def pt_and_mass(momenta_BN3: Tensor) -> tuple[Tensor, Tensor]:
    """Transverse momentum and mass of each jet (B,), in the particles' unit."""
    energy_B = torch.linalg.vector_norm(momenta_BN3, dim=2).sum(1)
    px, py, pz = momenta_BN3.sum(1).unbind(1)
    pt_squared = px.square() + py.square()
    mass_squared = energy_B.square() - pt_squared - pz.square()
    return pt_squared.clamp_min(LEAST).sqrt(), mass_squared.clamp_min(LEAST).sqrt()
