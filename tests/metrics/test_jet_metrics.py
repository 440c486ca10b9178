"""Metrics of jets by hand, in closed form, and what they say of samples of one origin, over many seeds."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.stats import wasserstein_distance

from raysearch.errors import InputError
from raysearch.metrics.generation.batches import batch_size, over_batches
from raysearch.metrics.generation.frechet import kpd
from raysearch.metrics.generation.itself import beside_itself
from raysearch.metrics.generation.jet_sample import JetSample
from raysearch.metrics.generation.jets import jet_comparison, logarithms, low_level
from raysearch.metrics.generation.movers import coverage_and_matching, distances, of_distances
from raysearch.metrics.generation.neighbours import neighbour_figures, of_neighbours
from raysearch.metrics.generation.two_sample import ClassifierSettings
from raysearch.metrics.generation.wasserstein import jet_w1


def toy_jets(n: int, seed: int, particles: int = 6) -> np.ndarray:
    rng = np.random.default_rng(seed)
    pt = np.sort(rng.exponential(1, (n, particles)))[:, ::-1]
    return np.dstack([rng.normal(0, 0.1, (n, particles, 2)), pt / pt.sum(axis=1, keepdims=True)])


def w1(first: np.ndarray, second: np.ndarray) -> dict[str, float]:
    return {"w1": float(wasserstein_distance(first, second))}


def test_mass_of_two_particles() -> None:
    jet = np.array([[[0.3, -0.2, 0.6], [-0.4, 0.5, 0.4], [0, 0, 0]]])
    exact = np.sqrt(2 * 0.6 * 0.4 * (np.cosh(0.7) - np.cos(0.7)))
    assert JetSample(jet).mass == pytest.approx([exact])
    assert JetSample(jet).there.tolist() == [[True, True, False]]


@pytest.mark.parametrize(
    ("shift", "width", "exact"),
    [(1, 1, 1), (0.3, 1, 0.3), (0, 2, np.sqrt(2 / np.pi)), (0, 0.5, 0.5 * np.sqrt(2 / np.pi))],
)
def test_w1_of_gaussians_is_what_it_is_in_closed_form(shift: float, width: float, exact: float) -> None:
    rng = np.random.default_rng(1)
    real, made = rng.normal(0, 1, 20_000), rng.normal(shift, width, 20_000)
    found = over_batches(w1, real, made, batches=5, most=4000, least=100)["w1"]
    assert found.value == pytest.approx(exact, abs=4 * found.error + 0.01)
    assert found.error < 0.02


def test_w1_of_jets_that_are_shifted_is_the_shift() -> None:
    real = toy_jets(400, seed=1)
    found = jet_w1(JetSample(real), JetSample(real + np.array([0.3, 0, 0])))
    # Batches hold other jets on each side, so that nothing is exact.
    assert found["W1-P"].value == pytest.approx(0.1, rel=0.1)
    assert found["W1-pT"].value < 0.01
    assert found["W1-EFP"].value == jet_w1(JetSample(real), JetSample(real))["W1-EFP"].value
    assert jet_w1(JetSample(real), JetSample(1.0 * real)) == jet_w1(JetSample(real), JetSample(real))


def test_padding_counts_as_no_particle() -> None:
    real, made = (JetSample(toy_jets(400, seed)) for seed in (1, 2))
    padded = JetSample(np.pad(made.particles, ((0, 0), (0, 9), (0, 0))))
    plain, with_padding = jet_w1(real, made), jet_w1(real, padded)
    for name, figure in plain.items():
        assert with_padding[name] == pytest.approx(figure, rel=1e-9), name


@pytest.mark.parametrize("mean", [0.5, 1])
def test_kpd_of_gaussians_is_what_it_is_in_closed_form(mean: float) -> None:
    rng = np.random.default_rng(2)
    real, made = rng.normal(0, 1, (40_000, 1)), rng.normal(mean, 1, (40_000, 1))
    scale = np.abs(real).max()
    # Of one feature the kernel (x y + 1)^4 compares moments: sum of (4 over j) times (E x^j - E y^j)^2.
    gaps = np.array([mean, mean**2, mean**3 + 3 * mean, mean**4 + 6 * mean**2]) / scale ** np.arange(1, 5)
    found = kpd(real, made, batch=2000)
    assert found.value == pytest.approx(np.dot([4, 6, 4, 1], gaps**2), abs=3 * found.error)
    assert found.error < 0.1 * found.value


def test_errors_are_honest_and_one_origin_is_compatible_with_its_floor() -> None:
    far, errors, values = 0, [], []
    for seed in range(200):
        rows = np.random.default_rng(seed).normal(size=(3, 500))

        def metric(first: np.ndarray, second: np.ndarray, seed: int = seed) -> dict:
            return over_batches(w1, first, second, batches=5, most=100, least=100, seed=seed)

        found = beside_itself(metric, rows[0], rows[1], rows[2], seed=seed)
        value, itself = found.value["w1"], found.itself["w1"]
        far += abs(value.value - itself.value) > 2 * np.hypot(value.error, itself.error)
        values.append(value.value)
        errors.append(value.error)
    assert far <= 26  # 8 % are expected of errors from five batches, that is 16 +- 4
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(np.std(values), rel=0.25)


def test_batches_hold_no_row_twice_and_need_two() -> None:
    seen: list[np.ndarray] = []

    def note(first: np.ndarray, second: np.ndarray) -> dict[str, float]:
        seen.extend([first, second])
        return {"n": 1.0}

    assert over_batches(note, np.arange(130), np.arange(120), batches=5, most=40, least=25)["n"].error == 0
    assert [len(part) for part in seen] == [30] * 8
    for side in (seen[::2], seen[1::2]):
        assert len(np.unique(np.concatenate(side))) == 120
    assert batch_size(120, batches=5, most=40, least=25) == 30
    with pytest.raises(InputError, match="at least 50 a side, two batches of 25, got 130 and 49"):
        over_batches(note, np.arange(130), np.arange(49), batches=5, most=40, least=25)


def test_two_batches_have_no_error_and_three_have() -> None:
    def mean(first: np.ndarray, second: np.ndarray) -> dict[str, float]:
        return {"n": float(first.mean() - second.mean())}

    for n, parts in ((299, 2), (300, 3)):
        rng = np.random.default_rng(1)
        found = over_batches(mean, rng.normal(size=n), rng.normal(size=n), batches=5, most=999, least=100)[
            "n"
        ]
        assert np.isfinite(found.value)
        assert (found.error is None) == (parts < 3)


def test_neighbours_by_hand() -> None:
    real = np.arange(10.0)[:, None]  # balls of 5, 4, 3, 3, 3, 3, 3, 3, 4, 5
    made = np.array([0.0, 1, 2, 3, 100, 101, 102, 103, 104, 105])[:, None]
    found = of_neighbours(real, made)
    assert found["precision"] == 0.4
    assert found["coverage"] == 0.7  # 7 reaches 4, 8 reaches 4, 9 reaches 4
    assert found["density"] == pytest.approx((4 + 5 + 6 + 7) / 10 / 5)
    assert found["recall"] == 1.0  # balls of what is near reach 100
    assert of_neighbours(real, real + 200)["recall"] == 0


def test_neighbours_of_one_origin_and_of_what_misses_half() -> None:
    rng = np.random.default_rng(3)
    real, other, made = rng.normal(size=(3, 1000, 2))
    same, half = neighbour_figures(real, other), neighbour_figures(real, np.abs(made))
    assert same["density"].value == pytest.approx(1, abs=4 * same["density"].error)
    assert min(same["precision"].value, same["recall"].value, same["coverage"].value) > 0.9
    assert half["precision"].value > 0.9
    assert half["coverage"].value < 0.5
    assert half["recall"].value < 0.6


def test_coverage_and_matching_by_hand() -> None:
    # Four real jets, two generated ones, to both of which the first real one is nearest.
    table = np.array([[1, 1], [3, 2], [3, 9], [9, 3]])
    assert of_distances(table) == {"COV": 0.25, "MMD": (1 + 2 + 3 + 3) / 4}


def test_energy_movers_distance_is_the_least_cost() -> None:
    pytest.importorskip("ot")
    one = np.array([[[0.0, 0, 0.5], [0.3, 0.4, 0.25], [0, 0, 0]]])
    two = np.array([[[0.3, 0.4, 0.75], [0, 0, 0], [0, 0, 0]]])
    more = np.array([[[0.3, 0.4, 1.0], [0, 0, 0], [0, 0, 0]]])
    found = distances(JetSample(np.concatenate([one, two])), JetSample(np.concatenate([two, more])))
    # 0.5 goes a way of 0.5; what is lacking costs as much as it is.
    assert found == pytest.approx(np.array([[0.25, 0.25 + 0.25], [0, 0.25]]))
    jets = toy_jets(2, seed=4)
    ground = np.hypot(*(jets[0, :, None, axis] - jets[1, None, :, axis] for axis in (0, 1)))
    sums = [np.kron(np.eye(6), np.ones(6)), np.kron(np.ones(6), np.eye(6))]
    exact = linprog(ground.ravel(), A_eq=np.concatenate(sums), b_eq=jets[..., 2].ravel()).fun
    assert distances(JetSample(jets[:1]), JetSample(jets[1:])) == pytest.approx(exact)


def test_jets_without_particles_have_distances_too() -> None:
    pytest.importorskip("ot")
    jets = toy_jets(2, seed=4)
    jets[0] = 0
    found = distances(JetSample(jets), JetSample(jets))
    assert found == pytest.approx(np.array([[0, 1], [1, 0]]))


def test_without_pot_or_with_negative_pt_there_is_no_distance(monkeypatch: pytest.MonkeyPatch) -> None:
    real = JetSample(toy_jets(300, seed=5))
    monkeypatch.setitem(sys.modules, "ot", None)
    with pytest.raises(InputError, match=r"needs POT: pip install 'raysearch\[generation\]'"):
        coverage_and_matching(real, real)
    monkeypatch.setitem(sys.modules, "ot", sys)  # any module: nothing is asked of it
    with pytest.raises(InputError, match="made: 1,800 particles have a pT below 0"):
        coverage_and_matching(real, JetSample(-real.particles))
    with pytest.raises(InputError, match="at least 200 a side"):
        coverage_and_matching(real[:199], real)


def test_inputs_of_classifiers_are_sorted_and_finite() -> None:
    real, made = JetSample(toy_jets(20, 1, particles=4)), JetSample(toy_jets(20, 2)[:, ::-1])
    first, second = low_level(real, made)
    assert first.shape == second.shape == (20, 18)
    assert (np.diff(second[:, 2::3]) <= 0).all()
    lone = made.particles.copy()
    lone[:, 1:] = 0
    assert all(np.isfinite(side).all() for side in logarithms(real, JetSample(lone)))


def test_what_is_no_jet_is_refused() -> None:
    jets = toy_jets(3, seed=1)
    with pytest.raises(InputError, match=r"need shape \(jet, particle, 3\) without 0, got \(3, 6, 2\)"):
        JetSample(jets[..., :2])
    jets[1, 2, 0] = np.nan
    with pytest.raises(InputError, match=r"1 numbers are not finite, the first at \[1, 2, 0\]"):
        JetSample(jets)


def test_a_comparison_has_every_figure_beside_its_floor_or_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    small = ClassifierSettings(hidden=4, epochs=1)
    monkeypatch.setattr("raysearch.metrics.generation.jets.ClassifierSettings", lambda: small)
    monkeypatch.setitem(sys.modules, "ot", None)
    samples = [JetSample(toy_jets(250, seed)) for seed in range(3)]
    found = jet_comparison(*samples)
    assert list(found.values) == [
        *("W1-M", "W1-P", "W1-pT", "W1-EFP", "precision", "recall", "density", "coverage"),
        *("AUC, particles", "AUC, energy flow"),
    ]
    assert set(found.refused) == {"FPD", "KPD", "COV and MMD"}
    assert {each.n for each in found.values.values()} == {250}
    # All others are of two batches.
    with_error = [name for name, each in found.values.items() if each.itself.error is not None]
    assert with_error == ["AUC, particles", "AUC, energy flow"]
    assert found.values == jet_comparison(*samples).values
    assert found.values["W1-M"] != jet_comparison(*samples, seed=1).values["W1-M"]
    few = jet_comparison(*(sample[:60] for sample in samples))
    assert list(few.values) == ["AUC, particles", "AUC, energy flow"]
    assert "at least 200 a side, two batches of 100, got 60 and 60" in few.refused["W1"]
