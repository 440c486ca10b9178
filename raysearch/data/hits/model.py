"""All that the simulation of pions in tungsten takes for granted: PARAMETERS, none of which is a prediction.

What Pythia's collisions of hadrons with single nucleons give is a model's prediction. What is not in them,
that nuclei break up and swallow energy, how often a hadron meets a nucleus, and how electromagnetic showers
spread, is set by the numbers here. Response and resolution depend on them directly: what a network finds of
these in such files is what was put there.
"""

from __future__ import annotations

from dataclasses import dataclass

from raysearch.data.showers.model import TUNGSTEN, Calorimeter

AVOGADRO = 0.60221  # per mol and barn: 1e24 cm2

# Tungsten in layers infinitely thin: the parameterisation of sampling calorimeters without sampling.
SOLID = Calorimeter(absorber=TUNGSTEN, absorber_cm=1e-9, active=TUNGSTEN, active_cm=0.0)


@dataclass(frozen=True)
class Model:
    """Parameters of the simulation; energies in GeV.

    Attributes:
        meson_barn, baryon_barn: inelastic cross-sections on a tungsten nucleus at all energies; they give
            the interaction lengths of the Particle Data Group, 11.3 and 9.95 cm.
        loss_gev_cm: of a charged particle along its way, that of a minimum-ionising one at all speeds.
        least_collision: a hadron of less kinetic energy is not followed; it stops on its way to the next
            nucleus.
        seen_charged, seen_neutral: the part of its kinetic energy which is then seen. The rest, spent on
            breaking nuclei up, is not.
        least_shower: photons and electrons of less leave their energy on the spot.
        spot: energy of the spots of an electromagnetic shower.
        segment_cm: greatest distance of the points at which a track leaves its energy.
    """

    meson_barn: float = 1.40
    baryon_barn: float = 1.59
    loss_gev_cm: float = 1e-3 * TUNGSTEN.mip_mev_cm2_g * TUNGSTEN.density
    least_collision: float = 1.0
    seen_charged: float = 0.65
    seen_neutral: float = 0.55
    least_shower: float = 0.01
    spot: float = 0.02
    segment_cm: float = 1.0

    def length_cm(self, barn: float) -> float:
        """Mean free path of a hadron."""
        return TUNGSTEN.a / (AVOGADRO * TUNGSTEN.density * barn)


MODEL = Model()
