"""Energy correlators against their published sums over pairs and triples, one by one."""

import numpy as np
import pytest

from raysearch.data.jets import correlators as module
from raysearch.data.jets.correlators import correlators
from raysearch.data.jets.layout import CORRELATORS


def jet(n, seed=0):
    rng = np.random.default_rng(seed)
    pt, eta, phi = rng.exponential(30, n) + 0.5, rng.normal(1, 0.2, n), rng.normal(3.1, 0.2, n)
    mass = rng.choice([0.0, 0.14, 0.94], n)
    pz = pt * np.sinh(eta)
    return np.stack([pt * np.cos(phi), pt * np.sin(phi), pz, np.sqrt(pt**2 + pz**2 + mass**2)], axis=-1)


def published_sums(momenta, beta):
    """e2 and the three e3 of one jet, from their sums over pairs and triples (1609.07483, eq. 3.2)."""
    px, py, pz, energy = momenta.T
    pt = np.hypot(px, py)
    z = pt / pt.sum()
    rapidity = 0.5 * np.log((energy + pz) / (energy - pz))
    phi = np.arctan2(py, px)
    delta_phi = (phi[:, None] - phi + np.pi) % (2 * np.pi) - np.pi
    r = np.hypot(rapidity[:, None] - rapidity, delta_phi)
    i, j = np.triu_indices(len(z), 1)
    e2 = np.sum(z[i] * z[j] * r[i, j] ** beta)
    e3 = np.zeros(3)
    for k in range(len(z)):
        for m in range(k + 1, len(z)):
            n = np.arange(m + 1, len(z))
            sides = np.sort(np.stack([np.full(len(n), r[k, m]), r[k, n], r[m, n]]), axis=0)
            e3 += [np.sum(z[k] * z[m] * z[n] * np.prod(sides[:v], axis=0) ** beta) for v in (1, 2, 3)]
    return e2, e3


@pytest.mark.parametrize("n", [3, 31, 32, 33, 70])
@pytest.mark.parametrize("beta", [1, 2])
def test_they_are_their_published_sums(n, beta):
    found = correlators(jet(n))
    e2, (one_e3, two_e3, e3) = published_sums(jet(n), beta)
    _, (_, _, e3_alpha_1) = published_sums(jet(n), 1)
    expected = {
        f"c1_b{beta}": e2,
        f"c2_b{beta}": e3 / e2**2,
        f"d2_b{beta}": e3 / e2**3,
        f"d2_a1_b{beta}": e3_alpha_1 / e2 ** (3 / beta),
        f"m2_b{beta}": one_e3 / e2,
        f"n2_b{beta}": two_e3 / e2**2,
    }
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-9), name


def test_with_beta_0_it_is_the_sum_of_shares():
    pt = np.hypot(*jet(20)[:, :2].T)
    z = pt / pt.sum()
    assert correlators(jet(20))["c1_b0"] == pytest.approx((1 - np.sum(z**2)) / 2)


@pytest.mark.parametrize("n", [1, 2])
def test_of_fewer_than_three_they_are_zero_where_undefined(n):
    found = correlators(jet(n))
    assert set(found) == set(CORRELATORS)
    assert all(np.isfinite(value) for value in found.values())
    assert not any(found[f"{name}_b{beta}"] for name in ("c2", "d2", "m2", "n2", "d2_a1") for beta in (1, 2))
    assert (found["c1_b1"] > 0) == (n == 2)


def test_two_constituents_in_one_place_do_no_harm():
    doubled = np.concatenate([jet(5), jet(5)])
    assert all(np.isfinite(value) for value in correlators(doubled).values())
    same = np.repeat(jet(1), 4, axis=0)
    assert not any(value for name, value in correlators(same).items() if name != "c1_b0")


def test_how_many_triples_are_summed_at_a_time_does_not_matter(monkeypatch):
    whole = correlators(jet(60))
    monkeypatch.setattr(module, "CHUNK", 1000)
    assert correlators(jet(60)) == pytest.approx(whole, rel=1e-12)
