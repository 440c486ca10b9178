"""Each algorithm against its paper's formula, written anew in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from rounds import BOTTOM, N, descend, group, start

from raysearch import seeds

STEPS = 6


def orders(n_workers, steps=STEPS, seed=3):
    return [seeds.generator(seed, "exchange", step).permutation(n_workers) for step in range(steps)]


def stepped(weights, worker, step):
    """The same step as the workers', from and to arrays."""
    return descend(torch.from_numpy(weights), worker, step).numpy()


def close(found, wanted):
    np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-12, atol=1e-14)


def test_elastic_averaging_is_algorithm_1():
    p, alpha = 3, 0.9 / 3
    x, centre = [start().numpy() for _ in range(p)], start().numpy()
    for step, order in enumerate(orders(p)):
        x = [stepped(each, i, step) for i, each in enumerate(x)]
        for i in order:
            before = x[i].copy()
            x[i] = x[i] - alpha * (before - centre)
            centre = centre + alpha * (before - centre)
    trained = group("easgd", p).train(STEPS)
    close(trained.centre.weights, centre)
    for found, wanted in zip(trained.weights, x, strict=True):
        close(found, wanted)


def test_synchronous_elastic_averaging_is_equations_4_and_5():
    p, beta = 3, 0.6
    x, centre = [start().numpy() for _ in range(p)], start().numpy()
    for step in range(STEPS):
        x = [stepped(each, i, step) for i, each in enumerate(x)]
        moved = [each - beta / p * (each - centre) for each in x]
        centre = (1 - beta) * centre + beta * np.mean(x, axis=0)
        x = moved
    trained = group("easgd", p, elasticity=beta, synchronous=True).train(STEPS)
    close(trained.centre.weights, centre)
    close(trained.weights[0], x[0])


@pytest.mark.parametrize("synchronous", [False, True])
def test_an_elastic_exchange_conserves_the_sum_of_all_weights(synchronous):
    """What the centre gains the workers lose; steps alone change the sum."""
    trained = group("easgd", 4, synchronous=synchronous).train(3)
    total = trained.centre.weights + sum(trained.weights)
    for _ in range(5):
        trained.exchange()
    torch.testing.assert_close(trained.centre.weights + sum(trained.weights), total, rtol=0, atol=1e-13)


@pytest.mark.parametrize("name", ["downpour", "gem", "local-sgd"])
def test_an_exchange_without_a_step_moves_nobody(name):
    trained = group(name, 3, **({"synchronous": True} if name != "local-sgd" else {})).train(2)
    for _ in range(2):  # the first one brings those up to date that were heard before others
        trained.exchange()
    centre = trained.centre.weights.clone()
    trained.exchange()
    assert torch.equal(trained.centre.weights, centre)
    assert all(torch.equal(each, centre) for each in trained.weights)


def test_downpour_adds_what_each_worker_has_gone_since_it_fetched():
    p = 3
    x, fetched, centre = ([start().numpy() for _ in range(p)] for _ in range(3))
    centre = centre[0]
    for step, order in enumerate(orders(p)):
        x = [stepped(each, i, step) for i, each in enumerate(x)]
        for i in order:
            centre = centre - (fetched[i] - x[i])
            x[i] = fetched[i] = centre
    close(group("downpour", p).train(STEPS).centre.weights, centre)


def test_the_centre_of_downpour_may_have_adagrad():
    """Dean et al.: eta_i,K = gamma / sqrt(sum_j Delta w_i,j^2)."""
    p, gamma = 2, 0.3
    x, fetched = ([start().numpy() for _ in range(p)] for _ in range(2))
    centre, squares = start().numpy(), np.zeros(N)
    for step, order in enumerate(orders(p)):
        x = [stepped(each, i, step) for i, each in enumerate(x)]
        for i in order:
            gone = fetched[i] - x[i]
            squares = squares + gone**2
            centre = centre - gamma * gone / (np.sqrt(squares) + 1e-10)  # torch's epsilon
            x[i] = fetched[i] = centre
    settings = {"centre_optimizer": "adagrad", "centre_rate": gamma}
    close(group("downpour", p, **settings).train(STEPS).centre.weights, centre)


def test_local_sgd_is_the_mean_of_the_workers():
    p, x = 4, start().numpy()
    for step in range(STEPS):
        x = np.mean([stepped(x, i, step) for i in range(p)], axis=0)
    trained = group("local-sgd", p).train(STEPS)
    close(trained.centre.weights, x)
    close(trained.weights[2], x)


def test_diloco_is_nesterov_s_step_along_the_mean():
    p, rate, momentum = 4, 0.7, 0.9
    theta, velocity = start().numpy(), np.zeros(N)
    for step in range(STEPS):
        delta = np.mean([theta - stepped(theta, i, step) for i in range(p)], axis=0)
        velocity = momentum * velocity + delta
        theta = theta - rate * (delta + momentum * velocity)
    close(group("diloco", p).train(STEPS).centre.weights, theta)


def test_gradient_energy_matching_is_the_authors_worker():
    """Theirs: pull (and remember what was pulled before), scale by pi, commit, go on from what was pulled."""
    p, kappa, mu = 3, 1.3, 0.9
    x = [start().numpy() for _ in range(p)]
    begun, stale = ([start().numpy() for _ in range(p)] for _ in range(2))
    moments, centre, clipped = [np.zeros(N) for _ in range(p)], start().numpy(), 0
    for step, order in enumerate(orders(p)):
        x = [stepped(each, i, step) for i, each in enumerate(x)]
        for i in order:
            update = x[i] - begun[i]
            moments[i] = mu * moments[i] + update
            gone, stale[i] = centre - stale[i], centre
            pi = (kappa * np.abs(moments[i]) - np.abs(gone)) / np.abs(update + 1e-12)
            clipped += int(((pi < 0) | (pi > 5)).sum())
            centre = centre + np.clip(pi, 0, 5) * update
            x[i] = begun[i] = centre
    assert clipped, "the bounds of pi are seen"
    close(group("gem", p, kappa=kappa).train(STEPS).centre.weights, centre)


def test_gem_holds_many_workers_to_what_one_would_do():
    """Eight workers that do not wait overshoot a bowl with Downpour, and do not with GEM."""

    def farthest(name):
        trained, far = group(name, 8), 0.0
        for _ in range(30):
            trained.train(1, lambda weights, *_: weights - 0.3 * (weights - BOTTOM))
            far = max(far, float((trained.centre.weights - BOTTOM).norm()))
        return far

    begun = float((start() - BOTTOM).norm())
    assert farthest("downpour") > 2 * begun
    assert farthest("gem") < begun
