"""Jets as momenta: there and back, and what the loss has of a whole jet."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from raysearch.metrics.generation.jet_sample import JetSample
from raysearch.models.nnd_jets import JetTerms, momenta, particles, pt_and_mass

UNIT = 800.0


def jets(seed: int = 0) -> Tensor:
    chance = torch.Generator().manual_seed(seed)
    found = torch.rand(5, 6, 3, generator=chance, dtype=torch.float64)
    found = found * torch.tensor([0.6, 0.6, 0.3]) - torch.tensor([0.3, 0.3, 0.0])
    found[:, 4:] = 0
    return found


def test_momenta_there_and_back() -> None:
    there = momenta(jets(), UNIT)
    torch.testing.assert_close(torch.linalg.vector_norm(there[..., :2], dim=2), UNIT * jets()[..., 2])
    assert there[:, 4:].abs().max() == 0
    torch.testing.assert_close(particles(there, UNIT), jets())
    assert particles(there, UNIT)[:, 4:].abs().max() == 0


def test_mass_and_pt_are_those_that_jets_are_judged_by() -> None:
    pt, mass = pt_and_mass(momenta(jets(), UNIT))
    np.testing.assert_allclose(mass.numpy(), UNIT * JetSample(jets().numpy()).mass, rtol=1e-9)
    # Massless particles: the sum's pT from components, by hand.
    eta, phi, share = jets().unbind(2)
    x, y = (share * phi.cos()).sum(1), (share * phi.sin()).sum(1)
    torch.testing.assert_close(pt, UNIT * (x**2 + y**2).sqrt())
    assert eta.abs().max() > 0


def test_a_jet_without_particles_has_finite_gradients() -> None:
    nothing = torch.zeros(1, 3, 3, requires_grad=True)
    pt, mass = pt_and_mass(nothing)
    (gradient,) = torch.autograd.grad((pt + mass).sum(), nothing)
    assert gradient.isfinite().all()


def test_the_terms_of_whole_jets() -> None:
    real, made = momenta(jets(0), UNIT), momenta(jets(1), UNIT)
    (pt, mass), (real_pt, real_mass) = pt_and_mass(made), pt_and_mass(real)
    ratio = torch.full((5,), 7.0, dtype=torch.float64)
    of_pt, of_mass = (pt - real_pt) ** 2, (mass - real_mass) ** 2
    torch.testing.assert_close(JetTerms()(made, real, ratio, 0.0), of_pt + 7 * of_mass)
    given = JetTerms(pt=2.0, mass=3.0, pt_from_epoch=100)
    torch.testing.assert_close(given(made, real, ratio, 99.9), 3 * of_mass)
    torch.testing.assert_close(given(made, real, ratio, 100.0), 2 * of_pt + 3 * of_mass)
    torch.testing.assert_close(given(made, real, ratio, math.inf), 2 * of_pt + 3 * of_mass)
    assert JetTerms()(real, real, ratio, 0.0).tolist() == pytest.approx([0] * 5)


def test_faults_are_told_as_settings_are_called() -> None:
    told = list(JetTerms(pt=-1, mass=-1, pt_from_epoch=-1).problems())
    assert [each.partition(":")[0] for each in told] == ["gamma_pt", "gamma_mass", "pt_from_epoch"]
